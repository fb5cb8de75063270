//! What is on its way from one place to another: who finds neither place as it should be is
//! told so.
//!
//! It is how who reads a buffer's pages tells a page that nobody has from one that is just
//! being passed on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use anymem_core::sync::{AtomicInt, Transit};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, explore, sample, thread,
};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// To begin before anything is moved.
    Begin,
    /// To end after everything is there.
    End,
}

/// Two places, each of which has something or not, and a word for which it is.
struct World<M: Model> {
    omits: Omits,
    transit: [M::U32; 2],
    place: M::U32,
    full: [M::U32; 2],
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        let [transit, full] = [[0, 0], [1, 0]].map(|words| words.map(|it| M::half(it)));
        Arc::new(Self { omits, transit, place: M::half(0), full })
    }

    fn transit(&self) -> Transit<'_, M> {
        Transit::new(&self.transit)
    }

    /// Moves it: at first nothing is there.
    fn pass(&self, to: usize) {
        if self.omits != Omits::Begin {
            self.transit().begin();
        }
        self.place.store(to as u32, Relaxed);
        self.full[1 - to].store(0, Relaxed);
        if self.omits == Omits::Begin {
            self.transit().begin();
        }
        if self.omits == Omits::End {
            self.transit().end();
        }
        self.full[to].store(1, Relaxed);
        if self.omits != Omits::End {
            self.transit().end();
        }
    }

    /// Whether it is where it is said to be, or an excuse.
    fn look(&self) {
        let since = self.transit().ended();
        let place = self.place.load(Relaxed);
        let is_there = self.full[place as usize].load(Relaxed) == 1;
        assert!(is_there || self.transit().was_meanwhile(since), "what moves is said to be gone");
    }

    /// With nobody about any more: it is there, and there is no excuse.
    fn is_at_rest(&self) {
        let since = self.transit().ended();
        assert!(!self.transit().was_meanwhile(since), "nobody is there any more");
        assert_eq!(self.full[self.place.load(Relaxed) as usize].load(Relaxed), 1);
    }
}

fn one_moves_and_others_look<M: Model>(omits: Omits, looks: usize) {
    let world = World::<M>::new(omits);
    let moves = thread(&world, |world: &World<M>| world.pass(1));
    let looks = (0..looks).map(|_| thread(&world, World::<M>::look));
    M::together(looks.chain([moves]).collect());
    world.is_at_rest();
}

/// There and back, while somebody looks.
fn it_moves_twice<M: Model>() {
    let world = World::<M>::new(Omits::Nothing);
    let moves = thread(&world, |world: &World<M>| {
        world.pass(1);
        world.pass(0);
    });
    M::together(vec![moves, thread(&world, World::<M>::look)]);
    world.is_at_rest();
}

#[test]
fn loom_what_moves_is_not_gone() {
    explore(None, || one_moves_and_others_look::<Loom>(Omits::Nothing, 1));
}

#[test]
fn loom_two_look() {
    explore(3, || one_moves_and_others_look::<Loom>(Omits::Nothing, 2));
}

#[test]
fn loom_there_and_back() {
    explore(3, it_moves_twice::<Loom>);
}

#[test]
fn shuttle_many_look() {
    sample(500, || one_moves_and_others_look::<Shuttle>(Omits::Nothing, 4));
}

#[test]
#[should_panic(expected = "what moves is said to be gone")]
fn mutant_it_begins_too_late() {
    explore(3, || one_moves_and_others_look::<Loom>(Omits::Begin, 1));
}

#[test]
#[should_panic(expected = "what moves is said to be gone")]
fn mutant_it_ends_too_early() {
    explore(3, || one_moves_and_others_look::<Loom>(Omits::End, 1));
}

#[test]
#[should_panic(expected = "what moves is said to be gone")]
fn mutant_moves_are_not_released() {
    explore(3, || one_moves_and_others_look::<Flawed<Loom, NoRelease>>(Omits::Nothing, 1));
}

#[test]
#[should_panic(expected = "what moves is said to be gone")]
fn mutant_moves_are_not_acquired() {
    explore(3, || one_moves_and_others_look::<Flawed<Loom, NoAcquire>>(Omits::Nothing, 1));
}
