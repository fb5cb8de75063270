//! The lock for many readers or one writer: nobody writes beside anybody, nobody
//! sleeps for ever, and the dead keep nobody out.

use std::sync::Arc;

use anymem_core::offset::Offset;
use anymem_core::sync::{Access, Arena, FairLock, Patience, READERS, Reader, SharedLock, Unread};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread,
    TornExchange, TornUpdate, Words, explore, owner, sample, thread,
};

/// A lock, what it protects, and the system.
struct World<M: Model> {
    words: Words<M>,
    names: Box<[M::Word]>,
    cell: M::Cell,
    system: System<M>,
}

impl<M: Model> World<M> {
    /// A lock of which `taken` names are those of process 8.
    fn with_names_taken(taken: usize) -> Arc<Self> {
        let name = |index| if index < taken { owner(8).to_word() } else { 0 };
        Arc::new(Self {
            words: Words::new(4),
            names: (0..READERS).map(|index| M::word(name(index))).collect(),
            cell: M::Cell::default(),
            system: System::new(10, 3),
        })
    }

    fn new() -> Arc<Self> {
        Self::with_names_taken(0)
    }

    fn word(&self, number: usize) -> &M::Word {
        self.words.word(Offset::new(number * size_of::<usize>()))
    }

    fn lock(&self) -> SharedLock<'_, M> {
        let gate = FairLock::new(self.word(0), self.word(1), self.word(2));
        SharedLock::new(gate, self.word(3), &self.names)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, vec![self.word(0), self.word(1), self.word(3)])
    }

    /// Writes; how often a dead writer was inherited from.
    fn write_as(&self, process: &Process<'_, M>) -> usize {
        let access = self.lock().write(Patience::Endless, process).expect("endless patience");
        self.cell.touch();
        self.lock().end_write(process);
        heir(access)
    }

    /// Reads; how often a dead writer was inherited from.
    fn read_as(&self, process: &Process<'_, M>) -> usize {
        let mut heirs = 0;
        loop {
            match self.lock().come_in(Patience::Endless, process) {
                Ok(reader) => {
                    self.cell.look();
                    self.lock().end_read(reader, process);
                    return heirs;
                }
                Err(Unread::Inherited(_)) => {
                    self.cell.touch();
                    self.lock().end_write(process);
                    heirs += 1;
                }
                Err(_) => heirs += self.write_as(process),
            }
        }
    }

    /// Nobody is there any more, and nobody is known to be.
    fn is_left_alone(&self) {
        let process = self.process(9);
        assert_eq!(self.lock().try_write(&process), Some(Access::Clean));
        self.lock().end_write(&process);
        assert_eq!((self.lock().readers(), self.lock().writer()), (0, None));
    }
}

fn heir(access: Access) -> usize {
    usize::from(access != Access::Clean)
}

fn reads<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| world.read_as(&world.process(me)))
}

fn writes<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| world.write_as(&world.process(me)))
}

/// Reads and dies.
fn dies_reading<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| {
        let process = world.process(me);
        if world.lock().come_in(Patience::Endless, &process).is_ok() {
            world.cell.look();
        }
        process.die();
        0
    })
}

/// Writes and dies.
fn dies_writing<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| {
        let process = world.process(me);
        let access = world.lock().write(Patience::Endless, &process).expect("endless patience");
        world.cell.touch();
        process.die();
        heir(access)
    })
}

fn a_reader_and_a_writer<M: Model>() {
    let world = World::<M>::new();
    assert_eq!(M::together(vec![reads(&world, 1), writes(&world, 2)]), [0, 0]);
    world.is_left_alone();
}

fn two_readers_and_a_writer<M: Model>() {
    let world = World::<M>::new();
    assert_eq!(M::together(vec![reads(&world, 1), reads(&world, 2), writes(&world, 3)]), [0, 0, 0]);
    world.is_left_alone();
}

/// All names are those of the dead.
fn no_name_is_left<M: Model>() {
    let world = World::<M>::with_names_taken(READERS);
    world.system.die(8);
    assert_eq!(M::together(vec![reads(&world, 1), writes(&world, 2)]), [0, 0]);
    world.is_left_alone();
}

/// All names are those of the living: the gate is what is left.
fn one_reads_at_the_gate<M: Model>() {
    let world = World::<M>::with_names_taken(READERS);
    let at_gate = thread(&world, |world| {
        let process = world.process(1);
        let reader = world.lock().come_in(Patience::Endless, &process).expect("endless patience");
        assert_eq!(reader, Reader::AtGate);
        world.cell.look();
        world.lock().end_read(reader, &process);
        0
    });
    assert_eq!(M::together(vec![at_gate, writes(&world, 2)]), [0, 0]);
}

fn a_reader_dies<M: Model>() {
    let world = World::<M>::new();
    assert_eq!(M::together(vec![dies_reading(&world, 1), writes(&world, 2)]), [0, 0]);
    world.is_left_alone();
}

fn a_writer_dies<M: Model>() {
    let world = World::<M>::new();
    let heirs: usize = M::together(vec![dies_writing(&world, 1), reads(&world, 2)]).iter().sum();
    let left = world.write_as(&world.process(4));
    assert_eq!(heirs + left, 1, "one death, one heir");
    world.is_left_alone();
}

/// A reader loses patience while a writer may just let it in.
fn a_reader_gives_up<M: Model>() {
    let world = World::<M>::new();
    let impatient = thread(&world, |world| {
        let process = world.process(1);
        if let Ok(reader) = world.lock().come_in(Patience::Looks(0), &process) {
            world.cell.look();
            world.lock().end_read(reader, &process);
        }
        0
    });
    M::together(vec![impatient, writes(&world, 2)]);
    world.is_left_alone();
}

/// A writer loses patience while readers wait for it.
fn a_writer_gives_up<M: Model>() {
    let world = World::<M>::new();
    let impatient = thread(&world, |world| {
        let process = world.process(1);
        if let Some(access) = world.lock().try_write(&process) {
            world.cell.touch();
            world.lock().end_write(&process);
            return heir(access);
        }
        0
    });
    M::together(vec![impatient, reads(&world, 2), reads(&world, 3)]);
    world.is_left_alone();
}

/// Many read and write, again and again, and nobody oversleeps.
fn many_come<M: Model>() {
    let world = World::<M>::new();
    let come_often = |me| {
        thread(&world, move |world| {
            let process = world.process(me);
            (0..3).map(|_| world.read_as(&process) + world.write_as(&process)).sum::<usize>()
        })
    };
    let heirs: usize = M::together((1..=5).map(come_often).collect()).into_iter().sum();
    assert_eq!(heirs, 0);
    world.is_left_alone();
}

/// The same, and some die.
fn many_come_and_some_die<M: Model>() {
    let world = World::<M>::new();
    let come_often = |me| {
        thread(&world, move |world| {
            let process = world.process(me);
            (0..3).map(|_| world.read_as(&process) + world.write_as(&process)).sum::<usize>()
        })
    };
    let die = [dies_reading(&world, 6), dies_writing(&world, 7)];
    let all = (1..=4).map(come_often).chain(die).collect();
    let heirs: usize = M::together(all).into_iter().sum();
    assert_eq!(heirs + world.write_as(&world.process(5)), 1, "one death, one heir");
    world.is_left_alone();
}

#[test]
fn loom_a_reader_and_a_writer() {
    explore(3, a_reader_and_a_writer::<Loom>);
}

#[test]
fn loom_two_readers_and_a_writer() {
    explore(2, two_readers_and_a_writer::<Loom>);
}

#[test]
fn loom_no_name_is_left() {
    explore(3, no_name_is_left::<Loom>);
}

#[test]
fn loom_one_reads_at_the_gate() {
    explore(3, one_reads_at_the_gate::<Loom>);
}

#[test]
fn loom_a_reader_dies() {
    explore(3, a_reader_dies::<Loom>);
}

#[test]
fn loom_a_writer_dies() {
    explore(3, a_writer_dies::<Loom>);
}

#[test]
fn loom_a_reader_gives_up() {
    explore(3, a_reader_gives_up::<Loom>);
}

#[test]
fn loom_a_writer_gives_up() {
    explore(2, a_writer_gives_up::<Loom>);
}

#[test]
fn shuttle_many_come() {
    sample(300, many_come::<Shuttle>);
}

#[test]
fn shuttle_many_come_and_some_die() {
    sample(300, many_come_and_some_die::<Shuttle>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_state_is_torn() {
    explore(2, a_reader_and_a_writer::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_leaving_does_not_publish() {
    explore(2, a_reader_and_a_writer::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_coming_does_not_acquire() {
    explore(2, a_reader_and_a_writer::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic]
fn mutant_leaving_is_torn_among_many() {
    sample(300, many_come::<Flawed<Shuttle, TornUpdate>>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_leaving_wakes_nobody() {
    explore(2, || {
        let world = World::<Loom>::new();
        let mute = thread(&world, |world: &World<Loom>| {
            world.read_as(&world.process(1).who_wakes_nobody())
        });
        Loom::together(vec![mute, writes(&world, 2)]);
    });
}

/// A reader that is taken for dead is struck out, and written beside.
#[test]
#[should_panic(expected = "two owners at a time")]
fn mutant_the_living_are_struck_out() {
    sample(300, || {
        let world = World::<Shuttle>::new();
        world.system.die(1);
        let reads_on = thread(&world, |world: &World<Shuttle>| {
            let process = world.process(1);
            if world.lock().come_in(Patience::Endless, &process).is_ok() {
                (0..100).for_each(|_| world.cell.look());
            }
            0
        });
        Shuttle::together(vec![reads_on, writes(&world, 2)]);
    });
}
