//! Exchanges that a death cut short: what is linked is not freed, and what is
//! not linked is.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Release},
};

use anymem_core::{
    offset::Offset,
    segment::{Outcome, Terms},
    sync::{Arena, AtomicInt},
    thread::{Liveness, Owner},
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, Shuttle, Tiny, TornExchange, explore, sample, thread,
};

const fn owner(number: u32) -> Owner {
    Owner { pid: number, start: number as u64 * 11 }
}

/// The first of all is dead, everybody else alive.
struct FirstIsDead;

impl Liveness for FirstIsDead {
    fn is_alive(&self, who: Owner) -> bool {
        who.pid != 1
    }
}

/// Blocks, by their offsets.
const OLD: usize = 16;
const NEW: usize = 32;

/// Where the link stands: a word of the heap that these models do not use.
const LINK: Offset = Offset::new(2 * size_of::<usize>());

/// A heap with a slot, and a link in it.
struct World<M: Model>(Tiny<M>);

impl<M: Model> World<M> {
    /// The first holder died, before it linked the new block or after.
    fn new(linked: bool) -> Arc<Self> {
        let world = Self(Tiny::new(1, 1, 0));
        world.link().store(OLD, Release);
        assert!(world.0.slots().claim_at(0, owner(1)));
        world.begin();
        if linked {
            world.link().store(NEW, Release);
        }
        Arc::new(world)
    }

    fn link(&self) -> &M::Word {
        self.0.words().word(LINK)
    }

    fn begin(&self) {
        let (old, new) = (Offset::new(OLD), Offset::new(NEW));
        let terms = Terms { link: LINK, value: NEW, new, claims: false, old, owner: 0 };
        self.0.exchange(0).begin(&terms);
    }

    /// Takes over from the dead; the block that is to be freed then, if it was
    /// this thread that did.
    fn recover(&self, me: u32, looks_again: bool) -> Option<usize> {
        let slots = self.0.slots();
        let dead = slots.find_dead(0, &FirstIsDead)?;
        self.0.exchange(0).settle(|| !looks_again || slots.is_held_by(&dead));
        if !slots.take_over(&dead, owner(me)) {
            return None;
        }
        let left = self.left();
        self.0.exchange(0).end();
        slots.release(0);
        left
    }

    /// The block that whoever holds the slot has to free.
    fn left(&self) -> Option<usize> {
        self.0.exchange(0).outcome().map(|outcome| match outcome {
            Outcome::Done(terms) => terms.old.get(),
            Outcome::Undone(terms) => terms.new.get(),
        })
    }
}

/// Several recover what one left; one of them then has the link name nothing,
/// and frees what it named.
fn the_link_is_changed_after_recovery<M: Model>(linked: bool, recoverers: u32) {
    let world = World::<M>::new(linked);
    let changes = thread(&world, |world| {
        let left = world.recover(2, true);
        let named = world.link().load(Acquire);
        world.link().store(0, Release);
        [left, Some(named)]
    });
    let recover = |me| thread(&world, move |world| [world.recover(me, true), None]);
    let others = (3..3 + recoverers).map(recover);
    let mut freed: Vec<_> =
        M::together(others.chain([changes]).collect()).concat().into_iter().flatten().collect();
    freed.sort_unstable();
    assert_eq!(freed, [OLD, NEW], "each block is freed once");
}

/// One is late with settling what the dead one left: the slot has another holder
/// by then, which has an exchange of its own under way.
fn a_late_one_leaves_the_next_alone<M: Model>(looks_again: bool) {
    let world = World::<M>::new(false);
    let late = thread(&world, move |world| {
        world.recover(2, looks_again);
    });
    let next = thread(&world, |world| {
        world.recover(3, true);
        if world.0.slots().claim_at(0, owner(4)) {
            world.begin();
            world.link().store(NEW, Release);
        }
    });
    M::together(vec![late, next]);
    assert_ne!(world.left(), Some(NEW), "a linked block would be freed");
}

#[test]
fn loom_the_link_is_changed_after_recovery() {
    for linked in [false, true] {
        explore(2, move || the_link_is_changed_after_recovery::<Loom>(linked, 1));
    }
}

#[test]
fn loom_a_late_one_leaves_the_next_alone() {
    explore(2, || a_late_one_leaves_the_next_alone::<Loom>(true));
}

#[test]
fn shuttle_many_recover() {
    for linked in [false, true] {
        sample(300, move || the_link_is_changed_after_recovery::<Shuttle>(linked, 4));
    }
}

#[test]
#[should_panic(expected = "a linked block would be freed")]
fn mutant_holder_is_not_looked_at_again() {
    explore(2, || a_late_one_leaves_the_next_alone::<Loom>(false));
}

#[test]
#[should_panic(expected = "each block is freed once")]
fn mutant_settling_is_torn() {
    explore(3, || the_link_is_changed_after_recovery::<Flawed<Loom, TornExchange>>(true, 1));
}

#[test]
#[should_panic(expected = "a linked block would be freed")]
fn mutant_settling_does_not_acquire() {
    explore(2, || a_late_one_leaves_the_next_alone::<Flawed<Loom, NoAcquire>>(true));
}
