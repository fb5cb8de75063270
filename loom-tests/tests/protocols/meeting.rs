//! What is done once, permits and barriers: whoever dies, the others go on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use anymem_core::offset::Offset;
use anymem_core::sync::{
    Arena, AtomicInt, Barrier, Begun, FairLock, Once, Patience, Permits, Signal, Unmet,
};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, TornExchange, Words,
    explore, owner, sample, thread,
};

/// A lock, a signal, a word of state, up to six words more, and what they protect.
struct World<M: Model> {
    words: Words<M>,
    more: Vec<M::Word>,
    data: M::Cell,
    count: M::Word,
    system: System<M>,
}

impl<M: Model> World<M> {
    fn new(more: usize) -> Arc<Self> {
        let world = Self {
            words: Words::new(5),
            more: (0..more).map(|_| M::word(0)).collect(),
            data: M::Cell::default(),
            count: M::word(0),
            system: System::new(10, 3),
        };
        world.word(4).store(Barrier::<'_, M>::FIRST, Relaxed);
        Arc::new(world)
    }

    fn word(&self, number: usize) -> &M::Word {
        self.words.word(Offset::new(number * size_of::<usize>()))
    }

    fn lock(&self) -> FairLock<'_, M> {
        FairLock::new(self.word(0), self.word(1), self.word(2))
    }

    fn once(&self) -> Once<'_, M> {
        Once::new(self.lock(), &self.more[0])
    }

    fn permits(&self) -> Permits<'_, M> {
        Permits::new(self.lock(), Signal::new(self.word(3)), &self.more)
    }

    fn barrier(&self) -> Barrier<'_, M> {
        Barrier::new(self.lock(), Signal::new(self.word(3)), self.word(4), &self.more)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, vec![self.word(0), self.word(1), self.word(3)])
    }

    /// Sees what was done once, and does it if nobody did.
    fn do_once(&self, me: u32) {
        let process = self.process(me);
        match self.once().begin(Patience::Endless, &process) {
            Ok(Begun::First) => {
                self.data.touch();
                self.count.fetch_add(1, Relaxed);
                self.once().finish(&process);
            }
            Ok(Begun::Done) => {}
            Err(_) => panic!("patience does not end"),
        }
        self.data.look();
    }

    /// Has one of the permits for a while.
    fn be_permitted(&self, me: u32) {
        let process = self.process(me);
        let number = self.permits().take(Patience::Endless, &process).expect("endless");
        self.data.touch();
        self.permits().give(number, owner(me), &process);
    }

    /// Takes part, whoever does it first in that place.
    fn join(&self, me: u32) -> usize {
        self.barrier().join(&self.process(me)).expect("kept by nobody").expect("a place")
    }

    fn meet(&self, number: usize, me: u32) -> Result<bool, Unmet> {
        self.barrier().wait(number, Patience::Endless, &self.process(me))
    }
}

/// Two do it, and one looks without a lock.
fn two_do_it<M: Model>() {
    let world = World::<M>::new(1);
    let looks = thread(&world, |world| {
        if world.once().is_done() {
            world.data.look();
        }
    });
    let does = |me| thread(&world, move |world: &World<M>| world.do_once(me));
    M::together(vec![does(1), does(2), looks]);
    assert_eq!(world.count.load(Relaxed), 1, "done once");
}

/// One begins, and dies; the next one does it.
fn the_doer_dies<M: Model>() {
    let world = World::<M>::new(1);
    let dies = thread(&world, |world: &World<M>| {
        let process = world.process(1);
        if world.once().begin(Patience::Endless, &process) == Ok(Begun::First) {
            world.data.touch();
            process.die();
        }
    });
    M::together(vec![dies, thread(&world, |world| world.do_once(2))]);
    assert_eq!(world.count.load(Relaxed), 1, "done once");
}

/// Two share one permit.
fn two_share_a_permit<M: Model>() {
    let world = World::<M>::new(1);
    let has = |me| thread(&world, move |world: &World<M>| world.be_permitted(me));
    M::together(vec![has(1), has(2)]);
    assert_eq!(world.permits().holders().flatten().count(), 0);
}

/// One takes the permit, and dies; the others go on.
fn a_holder_dies<M: Model>() {
    let world = World::<M>::new(1);
    let dies = thread(&world, |world: &World<M>| {
        let process = world.process(1);
        let _ = world.permits().take(Patience::Endless, &process).expect("endless");
        world.data.touch();
        process.die();
    });
    M::together(vec![dies, thread(&world, |world| world.be_permitted(2))]);
    world.be_permitted(3);
    assert_eq!(world.permits().holders().flatten().count(), 0);
}

/// Many share two permits.
fn many_share_permits<M: Model>() {
    let world = World::<M>::new(2);
    let has = |me| {
        thread(&world, move |world: &World<M>| {
            let process = world.process(me);
            for _ in 0..4 {
                let number = world.permits().take(Patience::Endless, &process).expect("endless");
                assert!(world.count.fetch_add(1, Relaxed) < 2, "two at a time");
                world.count.fetch_add(1_usize.wrapping_neg(), Relaxed);
                world.permits().give(number, owner(me), &process);
            }
        })
    };
    M::together((1..=4).map(has).collect());
}

/// Two meet in two rounds, and each sees what the other did before.
fn two_meet<M: Model>() {
    let world = World::<M>::new(4);
    let places = [1, 2].map(|me| world.join(me));
    assert_eq!(places, [0, 1]);
    let writes = thread(&world, |world: &World<M>| {
        world.data.touch();
        let first = world.meet(0, 1).expect("whole");
        let second = world.meet(0, 1).expect("whole");
        [first, second]
    });
    let reads = thread(&world, |world: &World<M>| {
        let first = world.meet(1, 2).expect("whole");
        world.data.touch();
        let second = world.meet(1, 2).expect("whole");
        [first, second]
    });
    let led = M::together(vec![writes, reads]);
    assert!((0..2).all(|round| led[0][round] != led[1][round]), "one leads");
}

/// One dies before it arrives: the other is told.
fn a_participant_dies<M: Model>() {
    let world = World::<M>::new(4);
    let _ = [1, 2].map(|me| world.join(me));
    let dies = thread(&world, |world: &World<M>| world.process(1).die());
    let waits = thread(&world, |world: &World<M>| {
        assert_eq!(world.meet(1, 2), Err(Unmet::Broken(Some(owner(1)))));
        assert_eq!(world.barrier().repair(&world.process(2)), Ok(1));
        assert!(!world.barrier().is_broken());
    });
    M::together(vec![dies, waits]);
}

/// One waits with patience for a look, while the other comes: both meet, or the other
/// one waits on.
fn one_gives_up<M: Model>() {
    let world = World::<M>::new(4);
    let _ = [1, 2].map(|me| world.join(me));
    let hasty = |me: u32, number| {
        thread(&world, move |world: &World<M>| {
            world.barrier().wait(number, Patience::Looks(0), &world.process(me))
        })
    };
    let met = M::together(vec![hasty(1, 0), hasty(2, 1)]);
    match (met[0], met[1]) {
        (Ok(one), Ok(other)) => assert_ne!(one, other, "one leads"),
        (one, other) => assert_eq!([one, other], [Err(Unmet::TimedOut); 2], "both or none"),
    }
}

#[test]
fn loom_two_do_it() {
    explore(2, two_do_it::<Loom>);
}

#[test]
fn loom_the_doer_dies() {
    explore(2, the_doer_dies::<Loom>);
}

#[test]
fn loom_two_share_a_permit() {
    explore(2, two_share_a_permit::<Loom>);
}

#[test]
fn loom_a_holder_dies() {
    explore(2, a_holder_dies::<Loom>);
}

#[test]
fn shuttle_many_share_permits() {
    sample(200, many_share_permits::<Shuttle>);
}

#[test]
fn loom_two_meet() {
    explore(2, two_meet::<Loom>);
}

#[test]
fn loom_a_participant_dies() {
    explore(2, a_participant_dies::<Loom>);
}

#[test]
fn loom_one_gives_up() {
    explore(2, one_gives_up::<Loom>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_what_was_done_is_not_released() {
    explore(2, two_do_it::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_what_was_done_is_not_acquired() {
    explore(2, two_do_it::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_two_get_one_permit() {
    explore(2, two_share_a_permit::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_permit_is_not_released() {
    explore(2, two_share_a_permit::<Flawed<Loom, NoRelease>>);
}

/// Who ends a round wakes nobody.
#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_last_to_arrive_wakes_nobody() {
    explore(2, || {
        let world = World::<Loom>::new(4);
        let _ = [1, 2].map(|me| world.join(me));
        let mute = |me: u32, number| {
            thread(&world, move |world: &World<Loom>| {
                let process = world.process(me).who_wakes_nobody();
                world.barrier().wait(number, Patience::Endless, &process)
            })
        };
        Loom::together(vec![mute(1, 0), mute(2, 1)]);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_a_round_is_not_acquired() {
    explore(2, two_meet::<Flawed<Loom, NoAcquire>>);
}
