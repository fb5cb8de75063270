//! The fair lock: one at a time, nobody sleeps for ever, one who inherits.

use std::sync::Arc;

use anymem_core::offset::Offset;
use anymem_core::sync::{Acquired, Arena, FairLock, Patience};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread,
    TornExchange, Words, explore, owner, sample, thread,
};

/// A lock, what it protects, and the system.
struct World<M: Model> {
    words: Words<M>,
    cell: M::Cell,
    system: System<M>,
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            words: Words::new(3),
            cell: M::Cell::default(),
            system: System::new(10, 2),
        })
    }

    fn word(&self, number: usize) -> &M::Word {
        self.words.word(Offset::new(number * size_of::<usize>()))
    }

    fn lock(&self) -> FairLock<'_, M> {
        FairLock::new(self.word(0), self.word(1), self.word(2))
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, vec![self.word(0), self.word(1)])
    }

    /// Takes the lock, asleep in line if need be, and uses what it protects.
    fn use_as(&self, process: &Process<'_, M>, me: u32) -> Acquired {
        let acquired = self.wait_as(process, me);
        self.cell.touch();
        self.lock().release(owner(me), process);
        acquired
    }

    fn wait_as(&self, process: &Process<'_, M>, me: u32) -> Acquired {
        let patience = Patience::Endless;
        self.lock().stand_in_line(owner(me).to_word(), patience, process).expect("endless patience")
    }

    fn is_left_alone(&self) {
        let taken = self.lock().acquire(&self.process(9));
        assert_eq!(taken, Acquired::Free);
        self.lock().release(owner(9), &self.process(9));
        assert!(self.lock().holder().is_none());
    }
}

fn uses<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| heir(world.use_as(&world.process(me), me)))
}

/// Takes the lock without standing in line, as who comes by.
fn passes_by<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| {
        let process = world.process(me);
        let Some(acquired) = world.lock().try_acquire(owner(me), &process) else { return 0 };
        world.cell.touch();
        world.lock().release(owner(me), &process);
        heir(acquired)
    })
}

fn heir(acquired: Acquired) -> usize {
    usize::from(acquired != Acquired::Free)
}

/// Takes the lock and dies.
fn dies<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<usize> {
    thread(world, move |world| {
        let process = world.process(me);
        let acquired = world.wait_as(&process, me);
        world.cell.touch();
        process.die();
        heir(acquired)
    })
}

/// Two wait for each other in line.
fn one_at_a_time<M: Model>(first: u32, second: u32) {
    let world = World::<M>::new();
    let heirs = M::together(vec![uses(&world, first), uses(&world, second)]);
    assert_eq!(heirs, [0, 0]);
    world.is_left_alone();
}

/// Two in line, and one who comes by.
fn one_comes_by<M: Model>() {
    let world = World::<M>::new();
    let all = vec![uses(&world, 1), uses(&world, 2), passes_by(&world, 3)];
    assert_eq!(M::together(all), [0, 0, 0]);
    world.is_left_alone();
}

/// One loses patience while others wait.
fn one_gives_up<M: Model>() {
    let world = World::<M>::new();
    let impatient = thread(&world, |world| {
        let process = world.process(3);
        let waited = world.lock().stand_in_line(owner(3).to_word(), Patience::Looks(1), &process);
        if waited.is_ok() {
            world.cell.touch();
            world.lock().release(owner(3), &process);
        }
        0
    });
    M::together(vec![uses(&world, 1), uses(&world, 2), impatient]);
    world.is_left_alone();
}

/// A holder dies; another one waits for it.
fn one_inherits<M: Model>() {
    let world = World::<M>::new();
    let heirs: usize = M::together(vec![uses(&world, 1), dies(&world, 2)]).into_iter().sum();
    let left = heir(world.use_as(&world.process(4), 4));
    assert_eq!(heirs + left, 1, "one death, one heir");
    world.is_left_alone();
}

/// A waiter is woken, and dies of it; another one still gets the lock.
fn the_chosen_one_dies<M: Model>() {
    let world = World::<M>::new();
    let chosen = thread(&world, |world| {
        let process = world.process(3).who_dies_asleep();
        process.run(|process| world.use_as(process, 3)).map_or(0, heir)
    });
    let all = vec![uses(&world, 1), chosen, uses(&world, 2)];
    assert_eq!(M::together(all), [0, 0, 0]);
    world.is_left_alone();
}

/// Many take the lock again and again; some die holding it.
fn many_contend<M: Model>() {
    let world = World::<M>::new();
    let use_often = |me| {
        thread(&world, move |world| {
            let process = world.process(me);
            (0..4).map(|_| heir(world.use_as(&process, me))).sum()
        })
    };
    let threads = (1..=4).map(use_often).chain((5..=6).map(|me| dies(&world, me)));
    let heirs: usize = M::together(threads.collect()).into_iter().sum();
    let left = heir(world.use_as(&world.process(7), 7));
    assert_eq!(heirs + left, 2, "one death, one heir");
    world.is_left_alone();
}

/// Many take the lock again and again, and nobody dies: nobody oversleeps.
fn many_sleep<M: Model>() {
    let world = World::<M>::new();
    let use_often = |me| {
        thread(&world, move |world| {
            let process = world.process(me);
            (0..6).for_each(|_| _ = world.use_as(&process, me));
        })
    };
    M::together((1..=6).map(use_often).collect());
    world.is_left_alone();
}

#[test]
fn loom_one_at_a_time() {
    explore(3, || one_at_a_time::<Loom>(1, 2));
}

#[test]
fn loom_one_at_a_time_within_a_process() {
    explore(2, || one_at_a_time::<Loom>(1, 1));
}

#[test]
fn loom_one_comes_by() {
    explore(2, one_comes_by::<Loom>);
}

#[test]
fn loom_one_gives_up() {
    explore(1, one_gives_up::<Loom>);
}

#[test]
fn loom_one_inherits() {
    explore(2, one_inherits::<Loom>);
}

#[test]
fn loom_the_chosen_one_dies() {
    explore(1, the_chosen_one_dies::<Loom>);
}

#[test]
fn shuttle_many_contend() {
    sample(300, many_contend::<Shuttle>);
}

#[test]
fn shuttle_many_sleep() {
    sample(300, many_sleep::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_taking_is_torn() {
    explore(2, || one_at_a_time::<Flawed<Loom, TornExchange>>(1, 2));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_release_does_not_publish() {
    explore(2, one_comes_by::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_taking_does_not_acquire() {
    explore(2, one_comes_by::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_release_wakes_nobody() {
    explore(2, || {
        let world = World::<Loom>::new();
        let mute = |me| {
            thread(&world, move |world: &World<Loom>| {
                heir(world.use_as(&world.process(me).who_wakes_nobody(), me))
            })
        };
        Loom::together(vec![mute(1), mute(2)]);
    });
}

#[test]
#[should_panic(expected = "two owners at a time")]
fn mutant_taking_is_torn_among_many() {
    sample(300, many_sleep::<Flawed<Shuttle, TornExchange>>);
}
