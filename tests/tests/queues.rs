//! Queues between processes that are killed: every value comes out once, but for
//! those in the hands of the dead.
//!
//! A test that hangs is ended by its watchdog: so each of these also says that
//! nobody waits for ever.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anymem::container::{PopError, ShmBox, ShmMpmc, ShmMpsc, ShmSafe, ShmSpsc, ShmVec};
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, Peer, Random, role, tell, watchdog};

/// Processes that push in a test, one after the other or at the same time.
const PRODUCERS: usize = 32;

/// Values that each of them pushes at most: fewer where who waits for another process naps.
const EACH: u64 = if cfg!(windows) { 1 << 12 } else { 1 << 15 };

/// How many processes are killed in a test.
const KILLS: usize = 24;

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Table {
    many: ShmMpmc<[u64; 3]>,
    to_one: ShmMpsc<[u64; 3]>,
    lane: ShmSpsc<[u64; 3]>,
    /// For each producer: how many pushes it began, and how many it ended.
    begun: [AtomicU64; PRODUCERS],
    done: [AtomicU64; PRODUCERS],
    /// How often each value came out.
    seen: ShmVec<AtomicU8>,
    /// Values that came out.
    popped: AtomicU64,
}

/// Who pushes and who pops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ManyToMany,
    ManyToOne,
    OneToOne,
}

impl Kind {
    fn of(word: &str) -> Self {
        match word {
            "many-to-many" => Self::ManyToMany,
            "many-to-one" => Self::ManyToOne,
            "one-to-one" => Self::OneToOne,
            _ => panic!("no such kind: {word}"),
        }
    }
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let [part, kind, name] = &words[..] else { panic!("no such role: {words:?}") };
    let heap = SharedHeap::open(name).expect("there");
    let table = heap.root::<Table>("table").expect("bound");
    let kind = Kind::of(kind);
    tell("ready");
    match part.parse() {
        Ok(who) => push_all(table, kind, who),
        Err(_) => pop_all(table, kind),
    }
}

fn push_all(table: &Table, kind: Kind, who: usize) {
    let mut lane = (kind == Kind::OneToOne).then(|| table.lane.producer().expect("nobody's"));
    for number in 0..EACH {
        // Half of a value would be seen.
        let value = [who as u64, number, who as u64 ^ number];
        table.begun[who].store(number + 1, Ordering::SeqCst);
        let pushed = match (&mut lane, kind) {
            (Some(lane), _) => lane.push(value).is_ok(),
            (None, Kind::ManyToOne) => table.to_one.push(value).is_ok(),
            (None, _) => table.many.push(value).is_ok(),
        };
        if !pushed {
            return;
        }
        table.done[who].store(number + 1, Ordering::SeqCst);
    }
}

fn pop_all(table: &Table, kind: Kind) {
    match kind {
        Kind::ManyToMany => until_closed(table, || table.many.pop()),
        Kind::ManyToOne => {
            let mut end = table.to_one.consumer().expect("nobody's");
            until_closed(table, || end.pop());
        }
        Kind::OneToOne => {
            let mut end = table.lane.consumer().expect("nobody's");
            until_closed(table, || end.pop());
        }
    }
}

fn until_closed(table: &Table, mut pop: impl FnMut() -> Result<[u64; 3], PopError>) {
    let seen = table.seen.as_slice().expect("attached");
    loop {
        match pop() {
            Ok([who, number, both]) => {
                assert_eq!(both, who ^ number, "half a value");
                seen[(who * EACH + number) as usize].fetch_add(1, Ordering::SeqCst);
                table.popped.fetch_add(1, Ordering::SeqCst);
            }
            Err(PopError::Closed) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A heap with a table in it.
struct World {
    name: Name,
    heap: SharedHeap,
    kind: &'static str,
}

impl World {
    fn new(kind: &'static str) -> Self {
        watchdog(600);
        let name = Name::new();
        let heap = SharedHeap::create(&name, Size::mib(8)).expect("a new name");
        let mut seen = ShmVec::new_in(&heap);
        seen.extend((0..PRODUCERS as u64 * EACH).map(|_| AtomicU8::new(0))).expect("room");
        let table = Table {
            many: ShmMpmc::new_in(16, &heap).expect("room"),
            to_one: ShmMpsc::new_in(16, &heap).expect("room"),
            lane: ShmSpsc::new_in(16, &heap).expect("room"),
            begun: [const { AtomicU64::new(0) }; PRODUCERS],
            done: [const { AtomicU64::new(0) }; PRODUCERS],
            seen,
            popped: AtomicU64::new(0),
        };
        heap.bind_root("table", ShmBox::new_in(table, &heap).expect("room")).expect("a new root");
        Self { name, heap, kind }
    }

    fn table(&self) -> &Table {
        self.heap.root("table").expect("there")
    }

    /// A process that pushes as number `part`, or pops.
    fn peer(&self, part: &str) -> Peer {
        let mut peer = Peer::start(&[part, self.kind, &self.name]);
        assert_eq!(peer.hear(), "ready");
        peer
    }

    /// Waits until `more` values came out, or number `who` has begun its last push.
    fn progress(&self, more: u64, who: usize) {
        let popped = || self.table().popped.load(Ordering::SeqCst);
        let until = popped() + more;
        while popped() < until && self.table().begun[who].load(Ordering::SeqCst) < EACH {
            thread::yield_now();
        }
    }

    fn close(&self) {
        let table = self.table();
        table.many.close().expect("attached");
        table.to_one.close().expect("attached");
        table.lane.close().expect("attached");
    }

    /// Looks whether every value came out as often as it may have.
    fn account(&self, killed_consumers: usize) {
        let table = self.table();
        let seen = table.seen.as_slice().expect("attached");
        let mut lost = 0;
        for (who, (begun, done)) in table.begun.iter().zip(&table.done).enumerate() {
            let begun = begun.load(Ordering::SeqCst);
            let done = done.load(Ordering::SeqCst);
            let its = &seen[who * EACH as usize..][..EACH as usize];
            for (number, seen) in (0..).zip(its) {
                let seen = seen.load(Ordering::SeqCst);
                assert!(seen <= 1, "value {number} of {who} came out {seen} times");
                assert!(seen == 0 || number < begun, "value {number} of {who} was never pushed");
                lost += usize::from(seen == 0 && number < done);
            }
        }
        assert!(lost <= killed_consumers, "{lost} lost, {killed_consumers} died popping");
    }
}

/// Kills those who push and those who pop in turn, while the others go on, and puts
/// others in their places.
fn some_are_killed(kind: &'static str, consumers: usize) {
    let world = World::new(kind);
    let mut random = Random::new(7);
    let mut pushing = Vec::new();
    let mut popping: Vec<_> = (0..consumers).map(|_| world.peer("pop")).collect();
    for who in 0..KILLS {
        if kind == "one-to-one" {
            pushing.drain(..).for_each(Peer::finish);
        }
        let fresh = world.peer(&who.to_string());
        world.progress(random.below(500) as u64, who);
        if who % 2 == 0 {
            fresh.kill();
        } else {
            pushing.push(fresh);
            popping.pop().expect("one").kill();
            popping.push(world.peer("pop"));
        }
    }
    pushing.into_iter().for_each(Peer::finish);
    world.close();
    popping.into_iter().for_each(Peer::finish);
    world.account(KILLS / 2);
}

#[test]
fn many_to_many_survives_kills() {
    some_are_killed("many-to-many", 2);
}

#[test]
fn many_to_one_survives_kills() {
    some_are_killed("many-to-one", 1);
}

#[test]
fn one_to_one_survives_kills() {
    some_are_killed("one-to-one", 1);
}

/// Everything comes out where nobody dies; those who push and pop sleep and are woken.
#[test]
fn nothing_is_lost_where_nobody_dies() {
    let world = World::new("many-to-many");
    let pushing: Vec<_> = (0..2).map(|who| world.peer(&who.to_string())).collect();
    let popping: Vec<_> = (0..2).map(|_| world.peer("pop")).collect();
    pushing.into_iter().for_each(Peer::finish);
    world.close();
    popping.into_iter().for_each(Peer::finish);
    assert_eq!(world.table().popped.load(Ordering::SeqCst), 2 * EACH);
    world.account(0);
}

#[test]
fn who_waits_in_vain_is_told_so() {
    let world = World::new("many-to-many");
    let short = Duration::from_millis(20);
    assert_eq!(world.table().many.pop_timeout(short), Err(PopError::Empty));
}
