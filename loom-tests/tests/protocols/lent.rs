//! What is lent for the time of a call: whoever finds it lent goes without.
//!
//! It is how callers share heap slots that are no thread's own.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Relaxed},
};

use anymem_core::sync::{AtomicInt, SpinLock};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, TornExchange, explore, sample, thread,
};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// That who found it free takes it.
    Taking,
}

struct World<M: Model> {
    omits: Omits,
    lock: M::U32,
    /// The slot.
    slot: M::Cell,
    /// How often it was used.
    uses: M::Word,
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        let (lock, slot, uses) = (M::half(0), M::Cell::default(), M::word(0));
        Arc::new(Self { omits, lock, slot, uses })
    }

    /// Makes a call; whether it had the slot.
    fn call(&self) -> bool {
        if self.omits == Omits::Taking {
            return self.lock.load(Acquire) == 0 && self.use_slot();
        }
        let loan = SpinLock::<M>::new(&self.lock, M::spin_hint).try_lock();
        // One who comes in the midst of the call.
        let again = SpinLock::<M>::new(&self.lock, M::spin_hint).try_lock();
        assert!(loan.is_none() || again.is_none(), "it was lent twice");
        (loan.is_some() || again.is_some()) && self.use_slot()
    }

    fn use_slot(&self) -> bool {
        self.slot.touch();
        self.uses.store(self.uses.load(Relaxed) + 1, Relaxed);
        true
    }
}

fn callers_meet<M: Model>(omits: Omits, callers: usize, calls: usize) {
    let world = World::<M>::new(omits);
    let run = move |world: &World<M>| (0..calls).filter(|_| world.call()).count();
    let had = M::together((0..callers).map(|_| thread(&world, run)).collect());
    let had: usize = had.into_iter().sum();
    assert!(had > 0, "nobody had it");
    assert_eq!(world.uses.load(Relaxed), had, "a use was lost");
    assert!(world.call(), "it was not given back");
}

#[test]
fn loom_two_callers() {
    explore(3, || callers_meet::<Loom>(Omits::Nothing, 2, 2));
}

#[test]
fn loom_three_callers() {
    explore(2, || callers_meet::<Loom>(Omits::Nothing, 3, 1));
}

#[test]
fn shuttle_many_callers() {
    sample(300, || callers_meet::<Shuttle>(Omits::Nothing, 5, 10));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(3, || callers_meet::<Flawed<Loom, NoRelease>>(Omits::Nothing, 2, 2));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(3, || callers_meet::<Flawed<Loom, NoAcquire>>(Omits::Nothing, 2, 2));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_two_may_take_it() {
    explore(3, || callers_meet::<Flawed<Loom, TornExchange>>(Omits::Nothing, 2, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_who_finds_it_free_does_not_take_it() {
    explore(3, || callers_meet::<Loom>(Omits::Taking, 2, 1));
}
