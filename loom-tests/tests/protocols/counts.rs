//! Counts of handles: one is the last, and sees what all others did.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use anymem_core::sync::{AtomicInt, Counts, Handles, NoUpgrade};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, TornExchange, explore, sample, thread,
};

/// A value with counted handles, and the block that it stands in.
struct World<M: Model> {
    word: M::Word,
    value: M::Cell,
    block: M::Cell,
    /// How often the value was dropped, and the block freed.
    dropped: M::Word,
    freed: M::Word,
}

impl<M: Model> World<M> {
    fn with(handles: Handles) -> Arc<Self> {
        Arc::new(Self {
            word: M::word(handles.to_word()),
            value: M::Cell::default(),
            block: M::Cell::default(),
            dropped: M::word(0),
            freed: M::word(0),
        })
    }

    fn counts(&self) -> Counts<'_, M> {
        Counts::new(&self.word)
    }

    /// As a handle is dropped that uses the value to the end.
    fn drop_strong(&self) {
        self.value.look();
        if self.counts().drop_strong() {
            self.value.touch();
            self.dropped.fetch_add(1, Relaxed);
            self.drop_weak();
        }
    }

    fn drop_weak(&self) {
        self.block.look();
        if self.counts().drop_weak() {
            self.block.touch();
            self.freed.fetch_add(1, Relaxed);
        }
    }

    /// Uses the value through a strong handle that is made of a weak one, which goes.
    fn upgrade_and_drop(&self) {
        match self.counts().upgrade() {
            Ok(()) => self.drop_strong(),
            Err(none) => assert_eq!(none, NoUpgrade::Gone),
        }
        self.drop_weak();
    }

    fn is_gone(&self) {
        assert_eq!(self.counts().get(), Handles { strong: 0, weak: 0 });
        assert_eq!(self.dropped.load(Acquire), 1, "dropped once");
        assert_eq!(self.freed.load(Acquire), 1, "freed once");
    }
}

/// Two drop a handle each; one of them had made a further one.
fn two_drop<M: Model>() {
    let world = World::<M>::with(Handles { strong: 2, weak: 1 });
    let clones = thread(&world, |world| {
        assert!(world.counts().add_strong());
        world.drop_strong();
        world.drop_strong();
    });
    M::together(vec![clones, thread(&world, World::drop_strong)]);
    world.is_gone();
}

/// The last strong handle goes while a weak one is made strong.
fn the_last_goes_while_one_upgrades<M: Model>() {
    let world = World::<M>::with(Handles { strong: 1, weak: 2 });
    M::together(vec![thread(&world, World::drop_strong), thread(&world, World::upgrade_and_drop)]);
    world.is_gone();
}

/// One downgrades its handle, drops it, and upgrades again, while the other looks
/// whether it is alone, and takes the value as its own then.
fn one_looks_whether_it_is_alone<M: Model>() {
    let world = World::<M>::with(Handles { strong: 2, weak: 1 });
    let changes_kind = thread(&world, |world| {
        assert!(world.counts().add_weak());
        world.drop_strong();
        world.upgrade_and_drop();
    });
    let looks = thread(&world, |world: &World<M>| {
        if world.counts().is_unique() {
            world.value.touch();
        }
        world.drop_strong();
    });
    M::together(vec![changes_kind, looks]);
    world.is_gone();
}

/// A defect: each count is looked at by itself.
fn one_looks_at_one_count_after_the_other<M: Model>() {
    let world = World::<M>::with(Handles { strong: 2, weak: 1 });
    let changes_kind = thread(&world, |world| {
        assert!(world.counts().add_weak());
        world.drop_strong();
        world.upgrade_and_drop();
    });
    let looks = thread(&world, |world: &World<M>| {
        if world.counts().get().weak == 1 && world.counts().get().strong == 1 {
            let _ = world.counts().is_unique();
            world.value.touch();
        }
        world.drop_strong();
    });
    M::together(vec![changes_kind, looks]);
}

/// Two want the value for themselves: by taking it, and by dropping their handle.
fn two_take<M: Model>() {
    let world = World::<M>::with(Handles { strong: 2, weak: 1 });
    let takes = |world: &World<M>| {
        if world.counts().take() {
            world.value.touch();
            world.dropped.fetch_add(1, Relaxed);
            world.drop_weak();
        } else {
            world.drop_strong();
        }
    };
    M::together(vec![thread(&world, takes), thread(&world, takes)]);
    world.is_gone();
}

/// A value comes while somebody with a weak handle looks whether it is there.
fn one_begins<M: Model>() {
    let world = World::<M>::with(Handles { strong: 0, weak: 2 });
    let begins = thread(&world, |world| {
        world.value.touch();
        world.counts().begin();
        world.drop_weak();
        world.drop_strong();
    });
    M::together(vec![begins, thread(&world, World::upgrade_and_drop)]);
    world.is_gone();
}

/// A value is taken out by who has its only strong handle, and another one comes to its
/// place, while somebody with a weak handle looks whether there is one.
///
/// It is how what another process has is mapped, and its place used again.
fn a_place_is_used_again<M: Model>() {
    let world = World::<M>::with(Handles { strong: 1, weak: 2 });
    let empties = |world: &World<M>| {
        world.value.touch();
        assert!(!world.counts().drop_weak(), "the one who looks has a handle");
    };
    let uses_again = thread(&world, move |world| {
        if world.counts().take() {
            empties(world);
            world.value.touch();
            world.counts().begin();
        }
        if world.counts().drop_strong() {
            empties(world);
        }
    });
    let looks = thread(&world, move |world| {
        if world.counts().upgrade().is_ok() {
            world.value.look();
            if world.counts().drop_strong() {
                empties(world);
            }
        }
    });
    M::together(vec![uses_again, looks]);
    assert_eq!(world.counts().get(), Handles::ONE_WEAK);
}

/// Many clone, downgrade, upgrade and drop.
fn many_change<M: Model>() {
    let world = World::<M>::with(Handles { strong: 4, weak: 1 });
    let changes = |world: &World<M>| {
        for _ in 0..4 {
            assert!(world.counts().add_strong());
            assert!(world.counts().add_weak());
            world.drop_strong();
            world.upgrade_and_drop();
        }
        world.drop_strong();
    };
    M::together((0..4).map(|_| thread(&world, changes)).collect());
    world.is_gone();
}

#[test]
fn loom_two_drop() {
    explore(None, two_drop::<Loom>);
}

#[test]
fn loom_the_last_goes_while_one_upgrades() {
    explore(None, the_last_goes_while_one_upgrades::<Loom>);
}

#[test]
fn loom_one_looks_whether_it_is_alone() {
    explore(3, one_looks_whether_it_is_alone::<Loom>);
}

#[test]
fn loom_two_take() {
    explore(None, two_take::<Loom>);
}

#[test]
fn loom_one_begins() {
    explore(None, one_begins::<Loom>);
}

#[test]
fn loom_a_place_is_used_again() {
    explore(None, a_place_is_used_again::<Loom>);
}

#[test]
fn shuttle_many_change() {
    sample(300, many_change::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(None, two_drop::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(None, two_drop::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_only_owner_acquires_nothing() {
    explore(3, one_looks_whether_it_is_alone::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_value_comes_without_release() {
    explore(None, one_begins::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_place_is_used_again_without_acquire() {
    explore(None, a_place_is_used_again::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_a_place_is_used_again_without_release() {
    explore(None, a_place_is_used_again::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_one_count_is_looked_at_after_the_other() {
    explore(3, one_looks_at_one_count_after_the_other::<Loom>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_somebody_gets_into_an_upgrade() {
    explore(None, the_last_goes_while_one_upgrades::<Flawed<Loom, TornExchange>>);
}
