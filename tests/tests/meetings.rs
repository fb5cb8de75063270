//! Values made once, permits and barriers between processes that are killed.
//!
//! A test that hangs is ended by its watchdog: so each of these also says that
//! nobody waits for ever.

use std::mem::forget;

use anymem::container::{
    BarrierError, ShmBarrier, ShmBox, ShmOnce, ShmSafe, ShmSemaphore, ShmString,
};
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, Peer, listen, role, tell, watchdog};

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Table {
    name: ShmOnce<ShmString>,
    permits: ShmSemaphore,
    barrier: ShmBarrier,
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
            name: ShmOnce::new_in(&heap),
            permits: ShmSemaphore::new_in(2, &heap).expect("room"),
            barrier: ShmBarrier::new_in(3, &heap).expect("room"),
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
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let [part, name] = &words[..] else { panic!("no such role: {words:?}") };
    let heap = SharedHeap::open(name).expect("there");
    let table = heap.root::<Table>("table").expect("bound");
    tell("ready");
    match part.as_str() {
        "make-and-stay" => {
            let _ = table.name.get_or_try_init(|| {
                let made = long(&heap, "the dead one's");
                tell("making");
                let _ = listen();
                made
            });
        }
        "make" => {
            let made = table.name.get_or_try_init(|| long(&heap, "the second one's"));
            tell(&made.expect("made").to_string());
        }
        "hold" => {
            forget(table.permits.acquire().expect("free"));
            tell("held");
            let _ = listen();
        }
        "acquire" => {
            let permit = table.permits.acquire().expect("free");
            tell(&permit.number().to_string());
            let _ = listen();
        }
        "take-part" => {
            let me = table.barrier.join().expect("a place");
            tell("joined");
            while listen() == "wait" {
                match me.wait() {
                    Ok(_) => tell("met"),
                    Err(BarrierError::Broken(_)) => tell("broken"),
                    Err(error) => panic!("{error}"),
                }
            }
        }
        _ => panic!("no such role: {words:?}"),
    }
}

fn long(heap: &SharedHeap, whose: &str) -> Result<ShmString, anymem::container::ContainerError> {
    ShmString::from_str_in(&format!("{whose}, in a block of its own"), heap)
}

#[test]
fn a_killed_maker_is_followed_by_who_waits() {
    let world = World::new();
    let mut first = world.peer("make-and-stay");
    assert_eq!(first.hear(), "making");
    let mut waiters = [0, 1].map(|_| world.peer("make"));
    assert_eq!(world.table().name.maker().expect("it lives").pid, first.pid());
    assert!(world.table().name.get().is_none());
    first.kill();
    for waiter in &mut waiters {
        assert_eq!(waiter.hear(), "the second one's, in a block of its own");
    }
    waiters.into_iter().for_each(Peer::finish);
    // Read without a lock, and without a right to take one.
    let reader = SharedHeap::open_read_only(&world.name).expect("there");
    let table = reader.root::<Table>("table").expect("bound");
    assert_eq!(table.name.get().map(ShmString::len), Some(39));
}

#[test]
fn permits_of_the_killed_go_to_who_waits() {
    let world = World::new();
    let mut holders = [0, 1].map(|_| world.peer("hold"));
    holders.iter_mut().for_each(|holder| assert_eq!(holder.hear(), "held"));
    assert!(world.table().permits.try_acquire().is_err());
    let mut waiters = [0, 1].map(|_| world.peer("acquire"));
    holders.into_iter().for_each(Peer::kill);
    let mut numbers = waiters.each_mut().map(Peer::hear);
    numbers.sort();
    assert_eq!(numbers, ["0", "1"]);
    waiters.iter_mut().for_each(|waiter| waiter.say("go"));
    waiters.into_iter().for_each(Peer::finish);
    drop([0, 1].map(|_| world.table().permits.acquire().expect("free")));
    assert_eq!(world.table().permits.available(), Ok(2));
}

#[test]
fn a_barrier_tells_of_the_killed_and_is_repaired() {
    let world = World::new();
    let mut peers = [0, 1, 2].map(|_| world.peer("take-part"));
    let meet = |peers: &mut [Peer], how: &str| {
        peers.iter_mut().for_each(|peer| peer.say("wait"));
        peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), how));
    };
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "joined"));
    (0..3).for_each(|_| meet(&mut peers, "met"));
    for _ in 0..3 {
        let [mut first, mut second, third] = peers;
        // One waits already, the other one comes later.
        first.say("wait");
        third.kill();
        assert_eq!(first.hear(), "broken");
        second.say("wait");
        assert_eq!(second.hear(), "broken");
        assert_eq!(world.table().barrier.repair(), Ok(1));
        let mut third = world.peer("take-part");
        assert_eq!(third.hear(), "joined");
        peers = [first, second, third];
        (0..3).for_each(|_| meet(&mut peers, "met"));
    }
    peers.iter_mut().for_each(|peer| peer.say("end"));
    peers.into_iter().for_each(Peer::finish);
    assert_eq!(world.table().barrier.joined(), Ok(0));
}
