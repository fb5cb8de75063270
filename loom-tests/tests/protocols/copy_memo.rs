//! What pages are a copy of: a memo is never of two halves, and never of a copy that was not
//! made.
//!
//! It is how an update sees that there is nothing to do.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use anymem_core::sync::{AtomicInt, COPY_MEMO, CopyMemo};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, TornExchange, explore, sample, thread,
};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// Which update is to confirm.
    Pending,
    /// That the copy has to be the one change.
    Change,
}

struct World<M: Model> {
    omits: Omits,
    words: [M::U32; COPY_MEMO],
    /// What the source and the copy hold, and how often each has changed.
    source: M::U32,
    source_changes: M::U32,
    copy: M::U32,
    copy_changes: M::U32,
    /// Lets one at a time write the copy, as a pin does.
    pin: M::U32,
}

const SOURCE: u32 = 3;

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        let [source, source_changes, copy, copy_changes, pin] =
            [1, 1, 0, 1, 0].map(|value| M::half(value));
        let words = std::array::from_fn(|_| M::half(0));
        Arc::new(Self { omits, words, source, source_changes, copy, copy_changes, pin })
    }

    fn memo(&self) -> CopyMemo<'_, M> {
        CopyMemo::new(&self.words)
    }

    fn write_source(&self) {
        self.source.fetch_add(1, Relaxed);
        self.source_changes.fetch_add(1, Release);
    }

    fn write_copy(&self) {
        while self.pin.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            M::spin_hint();
        }
        self.copy.fetch_add(1000, Relaxed);
        self.copy_changes.fetch_add(1, Release);
        self.pin.store(0, Release);
    }

    /// Notes what an update is about to do: its number there, what it will copy, and how
    /// often the source had changed before.
    fn plan(&self, number: u32) -> (u32, u32, u32) {
        let pending = if self.omits == Omits::Pending { 1 } else { number };
        let source_changes = self.source_changes.load(Acquire);
        let own_changes = self.copy_changes.load(Acquire);
        let planned = self.source.load(Relaxed);
        self.memo().note(SOURCE, source_changes, own_changes, pending);
        (pending, planned, source_changes)
    }

    /// Copies what the source has, as an update does.
    fn update(&self, number: u32) {
        let (pending, planned, source_changes) = self.plan(number);
        while self.pin.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            M::spin_hint();
        }
        self.copy.store(planned, Relaxed);
        self.copy_changes.fetch_add(1, Release);
        self.pin.store(0, Release);
        let now = self.copy_changes.load(Acquire);
        if self.omits == Omits::Change {
            self.memo().note(SOURCE, source_changes, now - 1, pending);
        }
        self.memo().confirm(pending, now);
    }

    /// With nobody about any more: who is told that nothing is stale finds it so.
    fn tells_the_truth(&self) {
        let [theirs, ours] = [&self.source_changes, &self.copy_changes].map(|n| n.load(Acquire));
        if self.memo().holds(SOURCE, theirs, ours) {
            assert_eq!(self.copy.load(Relaxed), self.source.load(Relaxed), "it holds no copy");
        }
    }
}

/// Two write different memos, and one reads: each of them is whole.
fn memos_are_whole<M: Model>() {
    let world = World::<M>::new(Omits::Nothing);
    let notes = [1, 2].map(|who| {
        thread(&world, move |world: &World<M>| world.memo().note(who, 10 * who, 100 * who, 0))
    });
    let reads = thread(&world, |world: &World<M>| {
        for [source, theirs, ours] in [[1, 20, 100], [1, 10, 200], [2, 20, 100], [2, 10, 200]] {
            assert!(!world.memo().holds(source, theirs, ours), "half of one, half of another");
        }
    });
    M::together(notes.into_iter().chain([reads]).collect());
}

/// One writes a memo after another, and one reads.
fn memos_follow_each_other<M: Model>() {
    let world = World::<M>::new(Omits::Nothing);
    world.memo().note(1, 10, 100, 0);
    let notes = thread(&world, |world: &World<M>| world.memo().note(2, 20, 200, 0));
    let reads = thread(&world, |world: &World<M>| {
        for [source, theirs, ours] in [[2, 20, 100], [2, 10, 200], [1, 10, 200], [2, 10, 100]] {
            assert!(!world.memo().holds(source, theirs, ours), "half of one, half of another");
        }
    });
    M::together(vec![notes, reads]);
}

fn updates_meet<M: Model>(omits: Omits, others: &'static [fn(&World<M>)]) {
    let world = World::<M>::new(omits);
    let updates = thread(&world, |world: &World<M>| world.update(1));
    let others = others.iter().map(|&other| thread(&world, other));
    M::together(others.chain([updates]).collect());
    world.tells_the_truth();
}

/// An update that is not interrupted is remembered.
fn an_update_is_remembered<M: Model>() {
    let world = World::<M>::new(Omits::Nothing);
    world.update(1);
    assert!(world.memo().holds(SOURCE, 1, 2));
    world.write_source();
    assert!(!world.memo().holds(SOURCE, 2, 2));
}

fn writes_and_updates<M: Model>(world: &World<M>) {
    world.write_source();
    world.update(2);
}

/// An update that fails when it has planned.
fn plans_and_gives_up<M: Model>(world: &World<M>) {
    world.write_source();
    world.plan(2);
}

fn writes_source<M: Model>(world: &World<M>) {
    world.write_source();
}

fn writes_copy<M: Model>(world: &World<M>) {
    world.write_copy();
}

#[test]
fn loom_memos_are_whole() {
    explore(2, memos_are_whole::<Loom>);
}

#[test]
fn loom_memos_follow_each_other() {
    explore(3, memos_follow_each_other::<Loom>);
}

#[test]
fn loom_an_update_is_remembered() {
    explore(None, an_update_is_remembered::<Loom>);
}

#[test]
fn loom_the_source_is_written() {
    explore(3, || updates_meet::<Loom>(Omits::Nothing, &[writes_source]));
}

#[test]
fn loom_the_copy_is_written() {
    explore(3, || updates_meet::<Loom>(Omits::Nothing, &[writes_copy]));
}

#[test]
fn loom_two_update() {
    explore(2, || updates_meet::<Loom>(Omits::Nothing, &[writes_and_updates]));
}

#[test]
fn loom_an_update_gives_up() {
    explore(3, || updates_meet::<Loom>(Omits::Nothing, &[plans_and_gives_up]));
}

#[test]
fn shuttle_many_update() {
    sample(500, || {
        let others: &[fn(&World<Shuttle>)] = &[writes_and_updates, writes_copy, writes_source];
        updates_meet::<Shuttle>(Omits::Nothing, others);
    });
}

#[test]
#[should_panic(expected = "half of one")]
fn mutant_memos_are_not_released() {
    explore(3, memos_follow_each_other::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "half of one")]
fn mutant_memos_are_not_acquired() {
    explore(3, memos_follow_each_other::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "half of one")]
fn mutant_the_lock_is_torn() {
    explore(3, memos_are_whole::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "it holds no copy")]
fn mutant_anybody_confirms() {
    explore(3, || updates_meet::<Loom>(Omits::Pending, &[plans_and_gives_up]));
}

#[test]
#[should_panic(expected = "it holds no copy")]
fn mutant_other_changes_do_not_matter() {
    explore(3, || updates_meet::<Loom>(Omits::Change, &[writes_copy]));
}
