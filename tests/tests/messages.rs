//! Messages between processes that are killed at any moment.
//!
//! A test that hangs is ended by its watchdog: so each of these also says that
//! nobody waits for the dead.

use std::collections::BTreeSet;
use std::time::Duration;

use anymem::allocator::Allocator;
use anymem::container::message::{MessageError, Overflow, ShmByteRing, ShmQueue, ShmTopic};
use anymem::container::{ShmBox, ShmSafe};
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, Peer, listen, role, tell, watchdog};

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Desk {
    log: ShmByteRing,
    jobs: ShmQueue<[u64; 4]>,
    frames: ShmTopic<[u8]>,
    tasks: ShmTopic<u64>,
    done: ShmQueue<u64>,
}

/// A heap with a desk in it.
struct World {
    name: Name,
    heap: SharedHeap,
}

impl World {
    fn new() -> Self {
        watchdog(600);
        let name = Name::new();
        let heap = SharedHeap::create(&name, Size::mib(32)).expect("a new name");
        let desk = Desk {
            log: ShmByteRing::new_in(4096, &heap).expect("room"),
            jobs: ShmQueue::new_in(&heap).expect("room"),
            frames: ShmTopic::for_each_in(8, 0, &heap).expect("room"),
            tasks: ShmTopic::for_one_in(8, &heap).expect("room"),
            done: ShmQueue::new_in(&heap).expect("room"),
        };
        heap.bind_root("desk", ShmBox::new_in(desk, &heap).expect("room")).expect("a new root");
        Self { name, heap }
    }

    fn desk(&self) -> &Desk {
        self.heap.root("desk").expect("there")
    }

    /// A process that plays `part`, and has begun to.
    fn peer(&self, part: &str) -> Peer {
        let mut peer = Peer::start(&[part, &self.name]);
        assert_eq!(peer.hear(), "ready");
        peer
    }
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let [part, name] = &words[..] else { panic!("no such role: {words:?}") };
    let heap = SharedHeap::open(name).expect("there");
    let desk = heap.root::<Desk>("desk").expect("bound");
    tell("ready");
    match part.as_str() {
        "log-on" => write_on(desk, log),
        "push-on" => write_on(desk, push),
        "film-on" => write_on(desk, film),
        "work" => work(desk),
        "hold" => hold(desk),
        _ => panic!("no such role: {words:?}"),
    }
}

fn log(desk: &Desk, number: usize) -> Result<(), MessageError> {
    desk.log.send(&vec![number as u8; number % 700])
}

fn push(desk: &Desk, number: usize) -> Result<(), MessageError> {
    while desk.jobs.len()? > 1000 {
        std::thread::yield_now();
    }
    desk.jobs.push([number as u64; 4])
}

fn film(desk: &Desk, number: usize) -> Result<(), MessageError> {
    let frame = desk.frames.loan_slice(number % 50 * 100)?;
    frame.fill_with(|_| number as u8).publish().map(|_| ())
}

/// Writes until it is killed.
fn write_on(desk: &Desk, write: fn(&Desk, usize) -> Result<(), MessageError>) {
    for number in 0.. {
        write(desk, number).expect("open");
    }
}

/// Does tasks until there are no more.
fn work(desk: &Desk) {
    let worker = desk.tasks.join(1, Overflow::Block).expect("a place");
    while let Ok(task) = worker.receive() {
        desk.done.push(*task).expect("open");
    }
}

/// Has something of each in its hands.
fn hold(desk: &Desk) {
    desk.log.send(b"before").expect("room");
    let reader = desk.frames.join(1, Overflow::Block).expect("a place");
    let _line = desk.log.read().expect("there");
    let _room = desk.log.reserve(100).expect("room");
    let _loan = desk.frames.loan_slice(10_000).expect("room");
    desk.frames.loan_slice(20_000).expect("room").fill_with(|_| 1).publish().expect("open");
    let _frame = reader.receive().expect("there");
    tell("held");
    let _ = listen();
}

/// Whether all of it was written by one, at one time.
fn is_whole<T: PartialEq>(message: &[T]) -> bool {
    message.windows(2).all(|pair| pair[0] == pair[1])
}

#[test]
fn who_is_killed_with_things_in_hand_takes_nothing_along() {
    let world = World::new();
    let desk = world.desk();
    let before = world.heap.stats().live_blocks;
    let mut peer = world.peer("hold");
    assert_eq!(peer.hear(), "held");
    assert_eq!(desk.log.try_read().map(|_| ()), Err(MessageError::Busy));
    assert_eq!(desk.frames.in_use(), Ok(2));
    peer.kill();
    desk.log.send(b"after").expect("room");
    assert_eq!(&*desk.log.read().expect("there"), b"before");
    assert_eq!(&*desk.log.read().expect("there"), b"after");
    desk.frames.recover().expect("attached");
    assert_eq!(desk.frames.in_use(), Ok(0));
    desk.frames.trim().expect("attached");
    world.heap.recover();
    assert_eq!(world.heap.stats().live_blocks, before);
}

#[test]
fn writers_that_are_killed_leave_whole_messages() {
    let world = World::new();
    let desk = world.desk();
    for round in 0..12 {
        let peer = world.peer("log-on");
        for _ in 0..100 + round * 7 {
            assert!(is_whole(&desk.log.read().expect("there")));
        }
        peer.kill();
        // What it left, and then what comes next.
        let rest = || desk.log.read_timeout(Duration::ZERO).map(|line| is_whole(&line));
        while let Ok(whole) = rest() {
            assert!(whole);
        }
        desk.log.send(b"mine").expect("room");
        assert_eq!(&*desk.log.read().expect("there"), b"mine");
        assert_eq!(desk.log.used(), Ok(0));
    }
}

#[test]
fn pushers_that_are_killed_lose_no_chunk() {
    let world = World::new();
    let desk = world.desk();
    let before = world.heap.stats().live_blocks;
    for round in 0..12 {
        let peer = world.peer("push-on");
        for number in 0..500 + round * 7 {
            assert_eq!(desk.jobs.pop(), Ok([number; 4]));
        }
        peer.kill();
        while let Ok(job) = desk.jobs.try_pop() {
            assert!(is_whole(&job));
        }
        desk.jobs.push([7; 4]).expect("room");
        assert_eq!(desk.jobs.pop(), Ok([7; 4]));
    }
    world.heap.recover();
    assert_eq!(world.heap.stats().live_blocks, before, "the queue keeps one chunk");
}

#[test]
fn senders_that_are_killed_lose_no_block() {
    let world = World::new();
    let desk = world.desk();
    let before = world.heap.stats().live_blocks;
    for round in 0..12 {
        let reader = desk.frames.join(3, Overflow::Block).expect("a place");
        let peer = world.peer("film-on");
        for _ in 0..100 + round * 7 {
            assert!(is_whole(&reader.receive().expect("there")));
        }
        peer.kill();
        drop(reader);
    }
    desk.frames.recover().expect("attached");
    assert_eq!(desk.frames.in_use(), Ok(0));
    desk.frames.trim().expect("attached");
    world.heap.recover();
    assert_eq!(world.heap.stats().live_blocks, before);
}

#[test]
fn tasks_of_killed_workers_are_done_by_others() {
    const TASKS: u64 = 400;
    let world = World::new();
    let desk = world.desk();
    let mut workers = vec![world.peer("work"), world.peer("work")];
    let mut done = BTreeSet::new();
    for task in 0..TASKS {
        desk.tasks.send(task).expect("open");
        if task % 40 == 39 {
            workers.remove(0).kill();
            workers.push(world.peer("work"));
        }
    }
    desk.tasks.close().expect("attached");
    while done.len() < TASKS as usize {
        done.insert(desk.done.pop().expect("open"));
    }
    assert!(done.into_iter().eq(0..TASKS));
    workers.into_iter().for_each(Peer::finish);
}
