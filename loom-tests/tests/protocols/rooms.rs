//! Two rooms, one of them empty: threads that end, and others that destroy pools.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use anymem_core::sync::{AtomicInt, Room, Rooms};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, TornExchange, explore, sample, thread,
};

struct World<M: Model> {
    word: M::U32,
    /// What those in the minor room look at, and one in the major room changes.
    state: M::Cell,
    /// How many visits of the major room began, and ended.
    begun: M::Word,
    ended: M::Word,
    /// Whether the minor room is entered without looking.
    looks: bool,
}

impl<M: Model> World<M> {
    fn new(looks: bool) -> Arc<Self> {
        let (begun, ended) = (M::word(0), M::word(0));
        Arc::new(Self { word: M::half(0), state: M::Cell::default(), begun, ended, looks })
    }

    fn rooms(&self) -> Rooms<'_, M> {
        Rooms::new(&self.word, M::spin_hint)
    }

    /// A thread that ends.
    fn minor(&self) {
        if self.looks {
            self.rooms().enter(Room::Minor);
        } else {
            self.word.fetch_add(1, Relaxed);
        }
        let ended = self.ended.load(Relaxed);
        self.state.look();
        assert_eq!(self.begun.load(Relaxed), ended, "somebody is in the other room");
        self.rooms().leave(Room::Minor);
    }

    /// A thread that destroys a pool. Where two do they have nothing in common.
    fn major(&self, alone: bool) {
        self.rooms().enter(Room::Major);
        self.begun.fetch_add(1, Relaxed);
        if alone {
            self.state.touch();
        }
        self.ended.fetch_add(1, Relaxed);
        self.rooms().leave(Room::Major);
    }

    /// One that destroys a pool within whose destruction another is destroyed.
    fn nested(&self) {
        self.rooms().enter(Room::Major);
        self.major(true);
        self.rooms().leave(Room::Major);
    }

    /// One that destroys a pool if it need not wait for long.
    fn impatient(&self) {
        let mut looks = 2;
        let entered = self.rooms().enter_unless(Room::Major, || {
            looks -= 1;
            looks == 0
        });
        if entered {
            self.begun.fetch_add(1, Relaxed);
            self.state.touch();
            self.ended.fetch_add(1, Relaxed);
            self.rooms().leave(Room::Major);
        }
    }
}

fn they_meet<M: Model>(looks: bool, minors: usize, majors: usize) {
    let world = World::<M>::new(looks);
    let minor = (0..minors).map(|_| thread(&world, World::minor));
    let major = (0..majors).map(|_| thread(&world, move |it: &World<M>| it.major(majors == 1)));
    M::together(minor.chain(major).collect());
    assert_eq!(world.word.load(Relaxed), 0, "both are empty");
}

fn one_destroys_within<M: Model>() {
    let world = World::<M>::new(true);
    M::together(vec![thread(&world, World::minor), thread(&world, World::nested)]);
    assert_eq!(world.word.load(Relaxed), 0, "both are empty");
}

/// Those who end come in whether the other waits, is in its room or has given up.
fn one_gives_up<M: Model>(minors: usize) {
    let world = World::<M>::new(true);
    let minor = (0..minors).map(|_| thread(&world, World::minor));
    M::together(minor.chain([thread(&world, World::impatient)]).collect());
    assert_eq!(world.word.load(Relaxed), 0, "both are empty");
}

#[test]
fn loom_two_end_and_one_destroys() {
    explore(1, || they_meet::<Loom>(true, 2, 1));
}

#[test]
fn loom_one_ends_and_one_destroys() {
    explore(None, || they_meet::<Loom>(true, 1, 1));
}

#[test]
fn loom_one_ends_and_two_destroy() {
    explore(2, || they_meet::<Loom>(true, 1, 2));
}

#[test]
fn loom_a_pool_within_a_pool() {
    explore(3, one_destroys_within::<Loom>);
}

#[test]
fn loom_one_gives_up() {
    explore(3, || one_gives_up::<Loom>(1));
    explore(1, || one_gives_up::<Loom>(2));
}

#[test]
fn shuttle_many() {
    sample(300, || one_gives_up::<Shuttle>(4));
    sample(300, || they_meet::<Shuttle>(true, 4, 3));
    sample(300, || they_meet::<Shuttle>(true, 5, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(2, || they_meet::<Flawed<Loom, NoRelease>>(true, 1, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(2, || they_meet::<Flawed<Loom, NoAcquire>>(true, 1, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_visitors_are_counted_in_two_steps() {
    explore(2, || they_meet::<Flawed<Loom, TornExchange>>(true, 2, 1));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_minor_room_is_entered_without_looking() {
    explore(2, || they_meet::<Loom>(false, 1, 1));
}
