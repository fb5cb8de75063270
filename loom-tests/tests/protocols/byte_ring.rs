//! Byte rings: each message once, in order, and nobody waits for the dead.

use std::sync::Arc;

use anymem_core::sync::{ByteRing, Found, Patience, Record, Refusal, RingWords};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread,
    TornExchange, Words, explore, owner, sample, thread,
};

/// Four units: two messages of a unit, or four without a byte.
const CAPACITY: usize = 16 * size_of::<usize>();
const UNIT: usize = CAPACITY / 4;

/// A ring, and what its messages hold.
struct World<M: Model> {
    words: RingWords<M>,
    records: Words<M>,
    units: Vec<M::Cell>,
    system: System<M>,
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            words: RingWords::new(|| M::word(0)),
            records: Words::new(CAPACITY / size_of::<usize>()),
            units: (0..4).map(|_| M::Cell::default()).collect(),
            system: System::new(8, 4),
        })
    }

    fn ring(&self) -> ByteRing<'_, Words<M>> {
        ByteRing::new(&self.words, &self.records, CAPACITY)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, self.words.slept_on().to_vec())
    }

    /// What a message holds. One without a byte is told by its header's unit.
    fn unit(&self, message: Record) -> &M::Cell {
        let start = message.start().get() / UNIT;
        &self.units[if message.is_empty() { start - 1 } else { start } % 4]
    }

    fn reserve(&self, len: usize, process: &Process<'_, M>) -> Result<Record, Refusal> {
        let ring = self.ring();
        let attempt = || match ring.reserve(len, process) {
            Err(Refusal::Full) => None,
            done => Some(done),
        };
        ring.room().wait_for(&mut Patience::Endless, process, attempt).expect("endless")
    }

    fn write_as(&self, me: u32, len: usize) {
        let process = self.process(me);
        let record = self.reserve(len, &process).expect("open");
        self.unit(record).touch();
        self.ring().commit(record, len, &process);
    }

    /// Reads a message; its length, or `None` where the ring was closed.
    fn read(&self, process: &Process<'_, M>) -> Option<usize> {
        let ring = self.ring();
        let attempt = || match ring.find(true, process) {
            Found::Nothing => None,
            found => Some(found),
        };
        match ring.filled().wait_for(&mut Patience::Endless, process, attempt).expect("endless") {
            Found::Message(message) => {
                self.unit(message).touch();
                ring.release(message, process);
                Some(message.len())
            }
            Found::Closed => None,
            other => panic!("{other:?}"),
        }
    }

    /// Reads `count` messages as the reader.
    fn read_as(&self, me: u32, count: usize) -> Vec<usize> {
        let process = self.process(me);
        let _ = self.ring().readers().acquire(&process);
        let read = (0..count).map_while(|_| self.read(&process)).collect();
        self.ring().readers().release(owner(me), &process);
        read
    }
}

fn writes<M: Model>(world: &Arc<World<M>>, me: u32, lens: &'static [usize]) -> Thread<Vec<usize>> {
    thread(world, move |world| {
        lens.iter().for_each(|&len| world.write_as(me, len));
        Vec::new()
    })
}

fn reads<M: Model>(world: &Arc<World<M>>, me: u32, count: usize) -> Thread<Vec<usize>> {
    thread(world, move |world| world.read_as(me, count))
}

/// Two write, one reads both.
fn two_write<M: Model>() {
    let world = World::<M>::new();
    let mut done =
        M::together(vec![writes(&world, 1, &[1]), writes(&world, 2, &[2]), reads(&world, 3, 2)]);
    let mut read = done.pop().expect("the reader");
    read.sort_unstable();
    assert_eq!(read, [1, 2]);
}

/// More than the ring has room for, with padding at its end: who writes waits, and
/// writes where somebody read.
fn goes_round<M: Model>() {
    let world = World::<M>::new();
    let mut done = M::together(vec![writes(&world, 1, &[0, 1, 2]), reads(&world, 2, 3)]);
    assert_eq!(done.pop().expect("the reader"), [0, 1, 2]);
}

/// One dies with a record in its hands, and another's message lies behind that.
fn a_writer_dies<M: Model>() {
    let world = World::<M>::new();
    let dies = thread(&world, |world| {
        let process = world.process(1);
        let record = world.reserve(0, &process).expect("open");
        world.unit(record).touch();
        process.die();
        Vec::new()
    });
    let mut done = M::together(vec![dies, writes(&world, 2, &[2]), reads(&world, 3, 1)]);
    assert_eq!(done.pop().expect("the reader"), [2]);
}

/// One dies when its message is there and the reader was not told.
fn a_writer_dies_silent<M: Model>() {
    let world = World::<M>::new();
    let dies = thread(&world, |world| {
        let process = world.process(1);
        let record = world.reserve(1, &process).expect("open");
        world.unit(record).touch();
        world.ring().commit(record, 1, &process.who_wakes_nobody());
        world.process(1).die();
        Vec::new()
    });
    let mut done = M::together(vec![dies, reads(&world, 2, 1)]);
    assert_eq!(done.pop().expect("the reader"), [1]);
}

/// One dies while it reads: the next reads the same message.
fn a_reader_dies<M: Model>() {
    let world = World::<M>::new();
    let dies = thread(&world, |world| {
        let process = world.process(1);
        let _ = world.ring().readers().acquire(&process);
        if let Found::Message(message) = world.ring().find(true, &process) {
            world.unit(message).look();
        }
        process.die();
        Vec::new()
    });
    let follows = reads(&world, 2, 1);
    world.write_as(4, 1);
    let mut done = M::together(vec![dies, follows]);
    assert_eq!(done.pop().expect("the reader"), [1]);
}

/// Somebody closes the ring while somebody writes: all that was reserved is read.
fn is_closed<M: Model>() {
    let world = World::<M>::new();
    let writer = thread(&world, |world| {
        let process = world.process(1);
        match world.reserve(1, &process) {
            Ok(record) => {
                world.unit(record).touch();
                world.ring().commit(record, 1, &process);
                vec![1]
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Closed);
                Vec::new()
            }
        }
    });
    let closer = thread(&world, |world| {
        world.ring().close(&world.process(2)).expect("kept by nobody");
        Vec::new()
    });
    let done = M::together(vec![writer, closer, reads(&world, 3, 9)]);
    assert_eq!(done[0], done[2]);
}

/// One writes while another looks once, and nobody sleeps.
fn one_looks<M: Model>() {
    let world = World::<M>::new();
    let looks = thread(&world, |world| {
        let process = world.process(2);
        if let Found::Message(message) = world.ring().find(true, &process) {
            world.unit(message).touch();
            return vec![message.len()];
        }
        Vec::new()
    });
    M::together(vec![writes(&world, 1, &[1]), looks]);
}

/// One has the room that another gave back, and nobody sleeps.
fn room_comes_back<M: Model>() {
    let world = World::<M>::new();
    (0..2).for_each(|_| world.write_as(1, 1));
    let looks = thread(&world, |world| {
        let process = world.process(2);
        let Found::Message(message) = world.ring().find(true, &process) else { panic!() };
        world.unit(message).touch();
        world.ring().release(message, &process);
        Vec::<usize>::new()
    });
    let writes = thread(&world, |world| {
        if let Ok(record) = world.ring().reserve(1, &world.process(1)) {
            world.unit(record).touch();
        }
        Vec::new()
    });
    M::together(vec![looks, writes]);
}

/// Many write, and read in turns.
fn many<M: Model>() {
    let world = World::<M>::new();
    let writers = (1..=3).map(|me| writes(&world, me, &[0, 1, 2, 3]));
    let readers = (4..=5).map(|me| reads(&world, me, 6));
    let mut read = M::together(writers.chain(readers).collect()).concat();
    read.sort_unstable();
    assert_eq!(read, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
}

#[test]
fn loom_two_write() {
    explore(2, two_write::<Loom>);
}

#[test]
fn loom_goes_round() {
    explore(2, goes_round::<Loom>);
}

#[test]
fn loom_one_looks() {
    explore(3, one_looks::<Loom>);
}

#[test]
fn loom_room_comes_back() {
    explore(3, room_comes_back::<Loom>);
}

#[test]
fn loom_a_writer_dies() {
    explore(2, a_writer_dies::<Loom>);
}

#[test]
fn loom_a_writer_dies_silent() {
    explore(3, a_writer_dies_silent::<Loom>);
}

#[test]
fn loom_a_reader_dies() {
    explore(2, a_reader_dies::<Loom>);
}

#[test]
fn loom_is_closed() {
    explore(2, is_closed::<Loom>);
}

#[test]
fn shuttle_many() {
    sample(300, many::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(2, one_looks::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(2, one_looks::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_room_is_not_released() {
    explore(2, room_comes_back::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic]
fn mutant_two_have_the_writers_lock() {
    explore(2, two_write::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_reader_is_not_told() {
    explore(2, || {
        let world = World::<Loom>::new();
        let mute = thread(&world, |world| {
            let process = world.process(1).who_wakes_nobody();
            let record = world.reserve(1, &process).expect("open");
            world.ring().commit(record, 1, &process);
            Vec::new()
        });
        Loom::together(vec![mute, reads(&world, 2, 1)]);
    });
}

/// A reader that sleeps without a second look.
#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_reader_looks_before_it_promises() {
    explore(2, || {
        let world = World::<Loom>::new();
        let hasty = thread(&world, |world| {
            let (ring, process) = (world.ring(), world.process(2));
            while ring.find(true, &process) == Found::Nothing {
                let promise = ring.filled().promise();
                assert!(ring.filled().wait(promise, &mut Patience::Endless, &process));
            }
            Vec::new()
        });
        Loom::together(vec![hasty, writes(&world, 1, &[1])]);
    });
}
