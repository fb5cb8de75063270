//! Whether somebody still uses what was offered.
//!
//! It is how a process sees that others have done with a block of its device's memory.

use std::sync::{Arc, atomic::Ordering};

use anymem_core::sync::{Uses, Validity};
use anymem_loom_tests::{
    Cell, Flaw, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, explore, sample, thread,
};

/// A block that is offered once, and used by some others, each with a count of his own.
struct World<M: Model> {
    offer: M::U32,
    number: u32,
    counts: Vec<M::U32>,
    block: M::Cell,
    looks_first: bool,
}

impl<M: Model> World<M> {
    fn new(users: usize, looks_first: bool) -> Arc<Self> {
        let offer = M::half(0);
        let number = Validity::<M>::new(&offer).begin();
        let counts = (0..users).map(|_| M::half(0)).collect();
        Arc::new(Self { offer, number, counts, block: M::Cell::default(), looks_first })
    }

    fn offer(&self) -> Validity<'_, M> {
        Validity::new(&self.offer)
    }

    fn uses(&self, user: usize) -> Uses<'_, M> {
        Uses::new(&self.counts[user])
    }

    fn are_over(&self) -> bool {
        (0..self.counts.len()).all(|user| self.uses(user).are_over())
    }

    /// Takes the block back, and gives it to somebody else if nobody uses it.
    fn take_back(&self) {
        if self.looks_first {
            let are_over = self.are_over();
            self.offer().end();
            if are_over {
                self.block.touch();
            }
            return;
        }
        self.offer().end();
        if self.are_over() {
            self.block.touch();
        }
    }

    fn use_block(&self, user: usize) {
        let uses = self.uses(user);
        if uses.begin(&self.offer(), self.number) {
            self.block.look();
            uses.end();
        }
    }
}

fn it_is_taken_back_while_others_use_it<M: Model>(users: usize, looks_first: bool) {
    let world = World::<M>::new(users, looks_first);
    let takes_back = thread(&world, World::take_back);
    let use_it = (0..users).map(|user| thread(&world, move |it: &World<M>| it.use_block(user)));
    M::together(use_it.chain([takes_back]).collect());
    assert!(world.are_over(), "all have ended");
}

/// Fences are left out.
#[derive(Debug, Clone, Copy)]
struct NoFence;

impl Flaw for NoFence {
    fn weaken(order: Ordering) -> Ordering {
        if order == Ordering::SeqCst { Ordering::Relaxed } else { order }
    }
}

#[test]
fn loom_one_uses_it() {
    explore(None, || it_is_taken_back_while_others_use_it::<Loom>(1, false));
}

#[test]
fn loom_two_use_it() {
    explore(2, || it_is_taken_back_while_others_use_it::<Loom>(2, false));
}

#[test]
fn shuttle_many_use_it() {
    sample(300, || it_is_taken_back_while_others_use_it::<Shuttle>(5, false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_there_are_no_fences() {
    explore(None, || it_is_taken_back_while_others_use_it::<Flawed<Loom, NoFence>>(1, false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_it_is_looked_at_before_it_ends() {
    explore(None, || it_is_taken_back_while_others_use_it::<Loom>(1, true));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(None, || it_is_taken_back_while_others_use_it::<Flawed<Loom, NoRelease>>(1, false));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(None, || it_is_taken_back_while_others_use_it::<Flawed<Loom, NoAcquire>>(1, false));
}
