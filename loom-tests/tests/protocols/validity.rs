//! Whether what somebody was told of still holds.
//!
//! It is how a process sees that another one has taken back what it offered.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Relaxed, Release},
};

use anymem_core::sync::{AtomicInt, Validity};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, explore, sample, thread,
};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// Another number after each end.
    Next,
    /// That even numbers never hold.
    Parity,
}

/// A place that is offered again and again.
struct World<M: Model> {
    omits: Omits,
    word: M::U32,
    /// The number that others were told, by somebody who publishes nothing else.
    told: M::Word,
    /// What is in the place: how often it was offered.
    block: M::Word,
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        Arc::new(Self { omits, word: M::half(0), told: M::word(0), block: M::word(0) })
    }

    fn validity(&self) -> Validity<'_, M> {
        Validity::new(&self.word)
    }

    fn begin(&self) -> u32 {
        if self.omits == Omits::Next {
            self.word.store(1, Release);
            return 1;
        }
        self.validity().begin()
    }

    fn end(&self) {
        match self.omits {
            Omits::Next => self.word.store(0, Release),
            _ => self.validity().end(),
        }
    }

    fn holds(&self, number: u32) -> bool {
        match self.omits {
            Omits::Parity => self.word.load(Acquire) == number,
            _ => self.validity().holds(number),
        }
    }

    fn offer(&self, times: usize) {
        for time in 1..=times {
            self.block.store(time, Relaxed);
            self.told.store(self.begin() as usize, Relaxed);
            self.end();
        }
    }

    /// Opens what it was told of, and looks a few times whether it still holds.
    fn open(&self) {
        let told = self.told.load(Relaxed) as u32;
        let mut was_over = false;
        let mut held = false;
        for _ in 0..3 {
            if !self.holds(told) {
                was_over |= held;
                continue;
            }
            held = true;
            assert!(!was_over, "it holds again");
            let block = self.block.load(Relaxed);
            assert!(block > told as usize / 2, "not what was told of, but {block}");
        }
    }
}

fn offers_come_and_go<M: Model>(omits: Omits, times: usize, peers: usize) {
    let world = World::<M>::new(omits);
    let offers = thread(&world, move |world: &World<M>| world.offer(times));
    let opens = (0..peers).map(|_| thread(&world, World::open));
    M::together(opens.chain([offers]).collect());
    assert!(!world.holds(world.told.load(Relaxed) as u32), "the last one was taken back");
}

/// What ended does not begin, nor end, again.
fn ended_twice<M: Model>() {
    let world = World::<M>::new(Omits::Nothing);
    let number = world.begin();
    world.end();
    world.end();
    assert!(!(0..9).any(|number| world.holds(number)));
    assert_ne!(world.begin(), number);
}

#[test]
fn loom_offers_come_and_go() {
    explore(3, || offers_come_and_go::<Loom>(Omits::Nothing, 2, 1));
}

#[test]
fn loom_two_open() {
    explore(2, || offers_come_and_go::<Loom>(Omits::Nothing, 1, 2));
}

#[test]
fn loom_what_ended_ends_no_more() {
    explore(None, ended_twice::<Loom>);
}

#[test]
fn shuttle_many_open() {
    sample(300, || offers_come_and_go::<Shuttle>(Omits::Nothing, 20, 4));
}

#[test]
#[should_panic(expected = "not what was told of")]
fn mutant_nothing_is_released() {
    explore(3, || offers_come_and_go::<Flawed<Loom, NoRelease>>(Omits::Nothing, 2, 1));
}

#[test]
#[should_panic(expected = "not what was told of")]
fn mutant_nothing_is_acquired() {
    explore(3, || offers_come_and_go::<Flawed<Loom, NoAcquire>>(Omits::Nothing, 2, 1));
}

#[test]
#[should_panic(expected = "it holds again")]
fn mutant_numbers_are_used_again() {
    explore(3, || offers_come_and_go::<Loom>(Omits::Next, 2, 1));
}

#[test]
#[should_panic(expected = "not what was told of")]
fn mutant_nothing_can_hold() {
    explore(3, || offers_come_and_go::<Loom>(Omits::Parity, 2, 1));
}
