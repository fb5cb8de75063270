//! Locks between processes that are killed, stopped, forked and greedy.
//!
//! A test that hangs is ended by its watchdog: so each of these also says that
//! nobody waits for ever.

use std::fs;
use std::mem::forget;
use std::path::{Path, PathBuf};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anymem::container::{
    Cause, LockError, MutexGuard, ShmBox, ShmCondvar, ShmMutex, ShmRwLock, ShmSafe, ShmVec, Woken,
};
use anymem::sync::PASSES;
use anymem::thread::{Owner, PthreadModel, ThreadModel};
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, Peer, Random, listen, role, tell, watchdog};

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Table {
    /// Two numbers that are equal when nobody has the lock.
    pair: ShmMutex<[u64; 2]>,
    /// The same.
    board: ShmRwLock<[u64; 2]>,
    /// Who had the lock, in this order.
    turns: ShmMutex<ShmVec<u32>>,
    /// How many things were put, and taken.
    things: ShmMutex<[u64; 2]>,
    put: ShmCondvar,
    /// Whether the others are to end.
    end: AtomicU64,
    /// How often a death was told.
    told: AtomicU64,
}

impl Table {
    fn is_over(&self) -> bool {
        self.end.load(Ordering::Relaxed) != 0
    }
}

/// A heap with a table in it.
struct World {
    name: Name,
    heap: SharedHeap,
}

impl World {
    fn new() -> Self {
        watchdog(600);
        let name = Name::new();
        let heap = SharedHeap::create(&name, Size::mib(8)).expect("a new name");
        let table = Table {
            pair: ShmMutex::new_in([0; 2], &heap),
            board: ShmRwLock::new_in([0; 2], &heap),
            turns: ShmMutex::new_in(ShmVec::new_in(&heap), &heap),
            things: ShmMutex::new_in([0; 2], &heap),
            put: ShmCondvar::new_in(&heap),
            end: AtomicU64::new(0),
            told: AtomicU64::new(0),
        };
        heap.bind_root("table", ShmBox::new_in(table, &heap).expect("room")).expect("a new root");
        Self { name, heap }
    }

    fn table(&self) -> &Table {
        self.heap.root("table").expect("there")
    }

    /// A process that plays `part`, and has begun to.
    fn peer(&self, part: &str) -> Peer {
        let mut peer = Peer::start(&[part, &self.name]);
        assert_eq!(peer.hear(), "ready");
        peer
    }

    /// A process that plays `part`, and sleeps.
    fn sleeper(&self, part: &str) -> Peer {
        let mut peer = self.peer(part);
        sleeps(&mut peer);
        peer
    }
}

/// Waits until the thread of a peer that tells its number sleeps; where the system tells
/// of that thread.
fn sleeps(peer: &mut Peer) -> PathBuf {
    let thread = peer.hear();
    let task = PathBuf::from(format!("/proc/{}/task/{thread}", peer.pid()));
    while state(&task) != 'S' {
        thread::yield_now();
    }
    task
}

/// What a thread is doing: `S` sleeps, `T` stands still.
fn state(task: &Path) -> char {
    let stat = fs::read_to_string(task.join("stat")).expect("it lives");
    let state = stat.rsplit_once(')').expect("a command").1.trim_start().chars().next();
    state.expect("a state")
}

/// Has all threads of a peer stand still.
fn stop(peer: &Peer) {
    send(peer, libc::SIGSTOP);
    let tasks = fs::read_dir(format!("/proc/{}/task", peer.pid())).expect("it lives");
    for task in tasks.map(|task| task.expect("a thread").path()) {
        while state(&task) != 'T' {
            thread::yield_now();
        }
    }
}

fn send(peer: &Peer, signal: i32) {
    // SAFETY: a child that is not waited for yet.
    assert_eq!(unsafe { libc::kill(peer.pid() as i32, signal) }, 0);
}

/// How often a thread went to sleep.
fn sleeps_of(task: &Path) -> u64 {
    let status = fs::read_to_string(task.join("status")).expect("it lives");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.expect("it is told").trim().parse().expect("a number")
}

/// Waits until a thread that waits for a lock has looked whether it can have it.
fn looks_again(task: &Path) {
    let before = sleeps_of(task);
    // To stand still is one sleep, and what goes on of the one that it broke off another.
    while sleeps_of(task) < before + 3 {
        thread::yield_now();
    }
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let [part, name] = &words[..] else { panic!("no such role: {words:?}") };
    let heap = SharedHeap::open(name).expect("there");
    let table = heap.root::<Table>("table").expect("bound");
    tell("ready");
    match part.as_str() {
        "add" => add(table, 20_000),
        "add-on" => add_on(table),
        "write-on" => write_on(table),
        "take-on" => take_on(table),
        "hold" => hold(|| forget(table.pair.lock().expect("free"))),
        "hold-to-read" => hold(|| forget(table.board.read().expect("free"))),
        "hold-to-write" => hold(|| forget(table.board.write().expect("free"))),
        "be-told" => tell(be_told(table.pair.lock())),
        "wait" => {
            tell(&PthreadModel.thread_id().0.to_string());
            tell(be_told(table.pair.lock()));
        }
        "wait-for-a-turn" => {
            tell(&PthreadModel.thread_id().0.to_string());
            take_turn(table, process::id());
        }
        "wait-to-write" => {
            tell(&PthreadModel.thread_id().0.to_string());
            table.board.write().expect("nobody dies writing")[0] += 1;
        }
        "wait-to-read" => {
            tell(&PthreadModel.thread_id().0.to_string());
            tell(&table.board.read().expect("nobody dies writing")[0].to_string());
        }
        _ => panic!("no such role: {words:?}"),
    }
}

/// Takes something, says so, and keeps it.
fn hold(take: impl FnOnce()) {
    take();
    tell("held");
    let _ = listen();
}

fn be_told<'t>(
    taken: Result<MutexGuard<'t, [u64; 2]>, LockError<MutexGuard<'t, [u64; 2]>>>,
) -> &'static str {
    match taken {
        Ok(_) => "nothing",
        Err(LockError::Inconsistent { mut guard, .. }) => {
            repair(&mut guard);
            guard.mark_consistent();
            "a death"
        }
        Err(error) => panic!("{error}"),
    }
}

fn repair(pair: &mut [u64; 2]) {
    pair[0] = pair[0].max(pair[1]);
    pair[1] = pair[0];
}

/// One more, for some time of which half is not there.
fn raise(pair: &mut [u64; 2]) {
    assert_eq!(pair[0], pair[1], "somebody else is here, or was and was not told of");
    // SAFETY: exclusive; volatile, so that the two stores are two.
    unsafe {
        ptr::write_volatile(&raw mut pair[0], pair[0] + 1);
        ptr::write_volatile(&raw mut pair[1], pair[1] + 1);
    }
}

fn add(table: &Table, times: usize) {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..times).for_each(|_| raise(&mut table.pair.lock().expect("alive"))));
        }
    });
}

/// Adds until it is over; repairs what the dead leave.
fn add_on(table: &Table) {
    while !table.is_over() {
        match table.pair.lock() {
            Ok(mut pair) => raise(&mut pair),
            Err(LockError::Inconsistent { mut guard, .. }) => {
                repair(&mut guard);
                // Before the mark: who dies in between is told of again.
                table.told.fetch_add(1, Ordering::Relaxed);
                guard.mark_consistent();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads and writes until it is over; repairs what the dead leave.
fn write_on(table: &Table) {
    let mut turn = 0;
    while !table.is_over() {
        turn += 1;
        let told = if turn % 3 == 0 {
            table.board.write().map(|mut board| raise(&mut board))
        } else {
            table.board.read().map(|board| assert_eq!(board[0], board[1], "a writer is here"))
        };
        match told {
            Ok(()) => {}
            Err(LockError::Inconsistent { mut guard, .. }) => {
                repair(&mut guard);
                guard.mark_consistent();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Takes things until it is over.
fn take_on(table: &Table) {
    while !table.is_over() {
        let taken = table.things.lock().and_then(|things| {
            let none = |things: &mut [u64; 2]| things[0] == things[1] && !table.is_over();
            table.put.wait_while(things, none)
        });
        match taken {
            Ok(mut things) if things[1] < things[0] => things[1] += 1,
            Ok(_) => {}
            // One number changed, or did not: there is nothing to repair.
            Err(LockError::Inconsistent { mut guard, .. }) => guard.mark_consistent(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn take_turn(table: &Table, who: u32) {
    table.turns.lock().expect("nobody dies").push(who).expect("room");
}

/// Lets a random time pass.
fn linger(random: &mut Random) {
    (0..random.below(20_000)).for_each(|_| std::hint::spin_loop());
}

#[test]
fn processes_exclude_each_other() {
    let world = World::new();
    let peers = [(); 3].map(|()| world.peer("add"));
    add(world.table(), 20_000);
    peers.into_iter().for_each(Peer::finish);
    assert_eq!(*world.table().pair.lock().expect("in order"), [160_000; 2]);
}

#[test]
fn one_of_many_is_told_of_a_death() {
    let world = World::new();
    let mut holder = world.peer("hold");
    assert_eq!(holder.hear(), "held");
    let mut waiters = [(); 3].map(|()| world.sleeper("wait"));
    let pid = holder.pid();
    assert!(matches!(
        world.table().pair.try_lock(),
        Err(LockError::Busy(Some(it))) if it.pid == pid
    ));
    holder.kill();
    let told = waiters.each_mut().map(Peer::hear);
    waiters.into_iter().for_each(Peer::finish);
    assert_eq!(told.iter().filter(|it| *it == "a death").count(), 1, "{told:?}");
    assert!(world.table().pair.lock().is_ok());
}

#[test]
fn a_death_that_nobody_repairs_is_told_to_all() {
    let world = World::new();
    let mut holder = world.peer("hold");
    assert_eq!(holder.hear(), "held");
    let pid = holder.pid();
    holder.kill();
    let pair = &world.table().pair;
    assert!(matches!(
        pair.lock(),
        Err(LockError::Inconsistent { cause: Cause::Died(it), .. }) if it.pid == pid
    ));
    assert!(matches!(pair.lock(), Err(LockError::Abandoned(it)) if it.owner().pid == pid));
    let mut guard = pair.recover().expect("attached");
    guard.mark_consistent();
    drop(guard);
    let mut peer = world.peer("be-told");
    assert_eq!(peer.hear(), "nothing");
    peer.finish();
}

#[test]
fn holders_and_waiters_die_at_any_moment() {
    let world = World::new();
    let table = world.table();
    let living = world.peer("add-on");
    let mut random = Random::new(u64::from(process::id()));
    const KILLS: u64 = 200;
    thread::scope(|scope| {
        scope.spawn(|| add_on(table));
        for _ in 0..KILLS / 2 {
            let victims = [world.peer("add-on"), world.peer("add-on")];
            linger(&mut random);
            victims.into_iter().for_each(Peer::kill);
        }
        // The living go on, also if the last to die was told of a death.
        let count = || {
            let mut pair = table.pair.recover().expect("attached");
            repair(&mut pair);
            pair.mark_consistent();
            pair[0]
        };
        let before = count();
        while count() < before + 1000 {
            thread::yield_now();
        }
        table.end.store(1, Ordering::Relaxed);
    });
    living.finish();
    assert!(table.told.load(Ordering::Relaxed) <= KILLS, "no death is told twice");
}

#[test]
fn readers_and_writers_die_at_any_moment() {
    let world = World::new();
    let table = world.table();
    let living = world.peer("write-on");
    let mut random = Random::new(u64::from(process::id()) + 1);
    thread::scope(|scope| {
        scope.spawn(|| write_on(table));
        for _ in 0..100 {
            let victims = [world.peer("write-on"), world.peer("write-on")];
            linger(&mut random);
            victims.into_iter().for_each(Peer::kill);
        }
        table.end.store(1, Ordering::Relaxed);
    });
    living.finish();
    // Nobody may have come since the last one died.
    let last = table.board.write();
    assert!(matches!(last, Ok(_) | Err(LockError::Inconsistent { .. })), "{last:?}");
}

#[test]
fn a_dead_reader_keeps_no_writer_out() {
    let world = World::new();
    let mut readers = [(); 2].map(|()| world.peer("hold-to-read"));
    readers.iter_mut().for_each(|reader| assert_eq!(reader.hear(), "held"));
    let board = &world.table().board;
    assert!(matches!(board.write_timeout(Duration::from_millis(30)), Err(LockError::Busy(_))));
    let writer = world.sleeper("wait-to-write");
    readers.into_iter().for_each(Peer::kill);
    writer.finish();
    assert_eq!(board.read().expect("nobody died writing")[0], 1);
}

#[test]
fn who_comes_to_read_after_a_writer_died_can_repair() {
    let world = World::new();
    let mut writer = world.peer("hold-to-write");
    assert_eq!(writer.hear(), "held");
    let board = &world.table().board;
    let (pid, moment) = (writer.pid(), Duration::from_millis(30));
    assert!(matches!(board.read_timeout(moment), Err(LockError::Busy(Some(it))) if it.pid == pid));
    writer.kill();
    match board.read() {
        Err(LockError::Inconsistent { mut guard, cause: Cause::Died(it) }) => {
            assert_eq!(it.pid, pid);
            guard[0] = 5;
            guard.mark_consistent();
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(board.read().expect("repaired")[0], 5);
}

#[test]
fn a_waiter_that_is_woken_and_killed_takes_nothing_with_it() {
    let world = World::new();
    let table = world.table();
    let mut random = Random::new(u64::from(process::id()) + 2);
    for _ in 0..10 {
        let held = table.pair.lock().expect("in order");
        let chosen = world.sleeper("wait");
        let mut next = world.sleeper("wait");
        drop(held);
        (0..random.below(20)).for_each(|_| std::hint::spin_loop());
        chosen.kill();
        // It may or may not have had the lock by then.
        assert!(["a death", "nothing"].contains(&next.hear().as_str()));
        next.finish();
    }
}

#[test]
fn a_waiter_that_stands_still_delays_nobody() {
    let world = World::new();
    let table = world.table();
    let held = table.turns.lock().expect("in order");
    let stopped = world.sleeper("wait-for-a-turn");
    stop(&stopped);
    let next = world.sleeper("wait-for-a-turn");
    drop(held);
    let pid = next.pid();
    next.finish();
    (0..100).for_each(|_| take_turn(table, 0));
    let turns = table.turns.lock().expect("in order").as_slice().expect("attached").to_vec();
    assert!(turns.contains(&pid) && !turns.contains(&stopped.pid()));
    let pid = stopped.pid();
    send(&stopped, libc::SIGCONT);
    stopped.finish();
    let turns = table.turns.lock().expect("in order");
    assert_eq!(turns.as_slice().expect("attached").last(), Some(&pid));
}

#[test]
fn nobody_starves_beside_a_greedy_one() {
    let world = World::new();
    let table = world.table();
    const WAITERS: usize = 4;
    let held = table.turns.lock().expect("in order");
    let mut waiters = [(); WAITERS].map(|()| world.peer("wait-for-a-turn"));
    let tasks = waiters.each_mut().map(|waiter| (waiter.pid(), sleeps(waiter)));
    drop(held);
    is_greedy_until_all_had(table, &tasks);
    waiters.into_iter().for_each(Peer::finish);
}

/// Less than what a waiter is given up on after.
const STALL: Duration = Duration::from_millis(15);

/// Takes the lock again and again until all who wait for a turn had one.
fn is_greedy_until_all_had(table: &Table, waiters: &[(u32, PathBuf)]) {
    let (mut own, mut begun) = (0, Instant::now());
    loop {
        let held = table.turns.lock().expect("in order");
        let turns = held.as_slice().expect("attached");
        if turns.len() == waiters.len() {
            return;
        }
        own += 1;
        // The lock was kept for somebody who got no processor, and may have been given up
        // on: it is in line again once it has looked.
        if begun.elapsed() > STALL {
            let others = waiters.iter().filter(|(pid, _)| !turns.contains(pid));
            others.for_each(|(_, task)| looks_again(task));
            own = 0;
        }
        begun = Instant::now();
        assert!(
            own <= 4 * waiters.len() * (PASSES + 2),
            "{} wait, and this one had the lock {own} times",
            waiters.len()
        );
    }
}

#[test]
fn no_reader_passes_a_writer_that_waits() {
    let world = World::new();
    let board = &world.table().board;
    let reader = board.read().expect("free");
    assert!(board.try_read().is_ok());
    let writer = world.sleeper("wait-to-write");
    assert!(matches!(board.try_read(), Err(LockError::Busy(Some(it))) if it.pid == writer.pid()));
    drop(reader);
    writer.finish();
    assert_eq!(board.read().expect("in order")[0], 1);
}

#[test]
fn readers_that_wait_come_before_the_next_writer() {
    let world = World::new();
    let board = &world.table().board;
    let mut first = board.write().expect("free");
    let next = world.sleeper("wait-to-write");
    let mut readers = [(); 3].map(|()| world.sleeper("wait-to-read"));
    first[0] = 10;
    drop(first);
    readers.iter_mut().for_each(|reader| assert_eq!(reader.hear(), "10"));
    readers.into_iter().for_each(Peer::finish);
    next.finish();
    assert_eq!(board.read().expect("in order")[0], 11);
}

#[test]
fn things_are_taken_whoever_dies() {
    let world = World::new();
    let table = world.table();
    let living = [world.peer("take-on"), world.peer("take-on")];
    let mut random = Random::new(u64::from(process::id()) + 3);
    for _ in 0..60 {
        let victims = [world.peer("take-on"), world.peer("take-on")];
        for _ in 0..50 {
            put(table);
        }
        linger(&mut random);
        victims.into_iter().for_each(Peer::kill);
    }
    // All that was put is taken, without anything more being put.
    let is_left = || {
        table.things.recover().map_or(true, |mut things| {
            things.mark_consistent();
            things[0] != things[1]
        })
    };
    while is_left() {
        thread::yield_now();
    }
    table.end.store(1, Ordering::Relaxed);
    table.put.notify_all().expect("attached");
    living.into_iter().for_each(Peer::finish);
}

fn put(table: &Table) {
    match table.things.lock() {
        Ok(mut things) => things[0] += 1,
        Err(LockError::Inconsistent { mut guard, .. }) => {
            guard.mark_consistent();
            guard[0] += 1;
        }
        Err(error) => panic!("{error}"),
    }
    table.put.notify_one().expect("attached");
}

#[test]
fn a_wait_in_vain_ends() {
    let world = World::new();
    let table = world.table();
    let moment = Duration::from_millis(30);
    let things = table.things.lock().expect("in order");
    let (things, woken) = table.put.wait_timeout(things, moment).expect("in order");
    assert_eq!(woken, Woken::TimedOut);
    drop(things);
    let mut holder = world.peer("hold");
    assert_eq!(holder.hear(), "held");
    let pid = holder.pid();
    for moment in [Duration::ZERO, moment] {
        assert!(matches!(
            table.pair.lock_timeout(moment),
            Err(LockError::Busy(Some(it))) if it.pid == pid
        ));
    }
    holder.kill();
    assert!(matches!(table.pair.lock_timeout(moment), Err(LockError::Inconsistent { .. })));
}

#[test]
fn a_forked_child_releases_nothing() {
    let world = World::new();
    let pair = &world.table().pair;
    let board = &world.table().board;
    let guards = (pair.lock().expect("free"), board.write().expect("free"));
    // SAFETY: the child drops its copies of the guards, and ends.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        drop(guards);
        // SAFETY: ends the process, without what is the parent's to do.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(status, 0);
    let holders = [pair.holder(), board.writer()].map(|it| it.map(Owner::to_word));
    assert_eq!(holders, [Some(PthreadModel.owner().to_word()); 2]);
    assert!(matches!(pair.try_lock(), Err(LockError::Busy(_))));
    drop(guards);
    assert!(pair.try_lock().is_ok() && board.try_read().is_ok());
}

/// The first word of a mutex, behind the id of its heap.
fn word_of<T: ShmSafe>(mutex: &ShmMutex<T>) -> &AtomicUsize {
    let start = ptr::from_ref(mutex).cast::<AtomicUsize>();
    // SAFETY: the mutex is `repr(C)`: an id of 8 bytes, then atomic words.
    unsafe { &*start.byte_add(8) }
}

#[test]
fn a_damaged_word_is_waited_for_as_long_as_was_asked_for() {
    let world = World::new();
    let pair = &world.table().pair;
    let mut innocent = world.peer("hold-to-write");
    assert_eq!(innocent.hear(), "held");
    let owner = world.table().board.writer().expect("a writer");
    for flags in [0, Owner::SPARE_BITS] {
        word_of(pair).store(owner.to_word() | flags, Ordering::Relaxed);
        let waited = pair.lock_timeout(Duration::from_millis(30));
        assert!(matches!(waited, Err(LockError::Busy(Some(it))) if it.pid == owner.pid));
    }
    innocent.kill();
    assert!(matches!(pair.lock(), Err(LockError::Inconsistent { .. })));
}
