//! Places that are filled once: regions of memory that are added while others allocate.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use anymem_core::sync::{AtomicInt, Deposit};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, Thread, TornExchange, explore,
    sample, thread,
};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// That a reader looks whether the place is filled.
    Looking,
}

struct World<M: Model> {
    omits: Omits,
    /// Two places.
    words: [M::U32; 2],
    contents: [M::Cell; 2],
    /// Whether somebody may have filled the place.
    filled: [M::Word; 2],
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        Arc::new(Self {
            omits,
            words: [M::half(0), M::half(0)],
            contents: Default::default(),
            filled: [M::word(0), M::word(0)],
        })
    }

    fn place(&self, place: usize) -> Deposit<'_, M> {
        Deposit::new(&self.words[place])
    }

    /// Fills the first place that is empty, or gives it up; which one it filled.
    fn fill(&self, gives_up: bool) -> Option<usize> {
        let place = (0..2).find(|&place| self.place(place).begin())?;
        self.contents[place].touch();
        if !gives_up {
            self.filled[place].store(1, Relaxed);
        }
        self.place(place).end(!gives_up);
        (!gives_up).then_some(place)
    }

    /// Reads all places that are filled; how many.
    fn read(&self) -> usize {
        let there = |&place: &usize| self.omits == Omits::Looking || self.place(place).is_there();
        let read = |place: usize| {
            self.contents[place].look();
            assert_eq!(self.filled[place].load(Relaxed), 1, "who filled it is not seen");
        };
        (0..2).filter(there).map(read).count()
    }
}

/// As many fill as there are places, another gives up, readers look on.
fn fillers_meet<M: Model>(omits: Omits, fillers: usize, readers: usize) {
    let world = World::<M>::new(omits);
    let filling = (0..fillers).map(|number| {
        let run = move |world: &World<M>| world.fill(number == 2);
        thread(&world, run)
    });
    let reading = (0..readers).map(|_| {
        let run = |world: &World<M>| {
            let (first, again) = (world.read(), world.read());
            assert!(again >= first, "what was there is gone");
            None
        };
        thread(&world, run)
    });
    let threads: Vec<Thread<Option<usize>>> = filling.chain(reading).collect();
    let mut filled: Vec<_> = M::together(threads).into_iter().flatten().collect();
    filled.sort_unstable();
    assert!(filled.iter().is_sorted_by(|one, other| one < other), "two filled the same place");
    assert_eq!(world.read(), filled.len(), "places, filled and there");
    assert!(fillers > 2 || filled.len() == fillers, "a place was left empty");
}

#[test]
fn loom_two_fill_and_one_reads() {
    explore(3, || fillers_meet::<Loom>(Omits::Nothing, 2, 1));
}

#[test]
fn loom_one_gives_up() {
    explore(2, || fillers_meet::<Loom>(Omits::Nothing, 3, 0));
}

#[test]
fn shuttle_many() {
    sample(300, || fillers_meet::<Shuttle>(Omits::Nothing, 3, 3));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(3, || fillers_meet::<Flawed<Loom, NoRelease>>(Omits::Nothing, 2, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(3, || fillers_meet::<Flawed<Loom, NoAcquire>>(Omits::Nothing, 2, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_two_may_take_a_place() {
    explore(3, || fillers_meet::<Flawed<Loom, TornExchange>>(Omits::Nothing, 2, 0));
}

#[test]
#[should_panic(expected = "who filled it is not seen")]
fn mutant_a_reader_does_not_look() {
    explore(3, || fillers_meet::<Loom>(Omits::Looking, 1, 1));
}
