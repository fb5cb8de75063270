//! Pages: their memory comes with the first who keeps them and goes with the last who uses
//! them, and who writes is alone.
//!
//! It is how regions free pages, and copy none that others write.

use std::sync::{
    Arc,
    atomic::Ordering::{AcqRel, Relaxed},
};

use anymem_core::sync::{AtomicInt, Missing, PageGroup, SpinLock, Taken, Unavailable};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, TornExchange, explore, sample, thread,
};

const PAGES: usize = 2;
const BOTH: u64 = 0b11;

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// That who has a page pinned uses it, too.
    Pins,
    /// That readers pin it at all.
    Reading,
    /// That somebody else may be providing the memory.
    Changing,
}

struct World<M: Model> {
    omits: Omits,
    lock: M::U32,
    words: [M::U32; PAGES],
    /// The memory of each page.
    blocks: [M::Cell; PAGES],
    /// How many pages have memory.
    live: M::Word,
}

fn each(pages: u64) -> impl Iterator<Item = usize> {
    (0..PAGES).filter(move |page| pages >> page & 1 != 0)
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        Arc::new(Self {
            omits,
            lock: M::half(0),
            words: std::array::from_fn(|_| M::half(0)),
            blocks: std::array::from_fn(|_| M::Cell::default()),
            live: M::word(0),
        })
    }

    fn pages(&self) -> PageGroup<'_, M> {
        PageGroup::new(SpinLock::new(&self.lock, M::spin_hint), &self.words)
    }

    fn keep(&self, pages: u64) {
        if self.omits == Omits::Changing {
            // As if there were memory as soon as somebody is to provide it.
            let fresh = self.pages().keep(pages, Missing::Allocate).unwrap_or(0);
            self.pages().ready(fresh);
            return self.provide(fresh);
        }
        let fresh = self.pages().keep(pages, Missing::Allocate).unwrap();
        self.provide(fresh);
        self.pages().ready(fresh);
    }

    fn provide(&self, fresh: u64) {
        for page in each(fresh) {
            self.blocks[page].touch();
            let live = self.live.fetch_add(1, AcqRel);
            assert!(live < PAGES, "memory was provided twice");
        }
    }

    fn take_away(&self, last: u64) {
        for page in each(last) {
            self.blocks[page].touch();
            let live = self.live.fetch_add(usize::MAX, AcqRel);
            assert!(live > 0, "memory was taken away twice");
        }
        self.pages().vacate(last);
    }

    fn release(&self, pages: u64) {
        let mut last = self.pages().release(pages);
        if self.omits == Omits::Pins {
            let unkept = each(pages).filter(|&page| self.pages().users(page).0 == 0);
            last = unkept.fold(last, |last, page| last | 1 << page);
        }
        self.take_away(last);
    }

    /// Reads pages, if they are there.
    fn read(&self, pages: u64) {
        if self.omits == Omits::Reading {
            return each(pages).for_each(|page| self.blocks[page].look());
        }
        match self.pages().begin_read(pages, Taken::Wait) {
            Ok(()) => {
                each(pages).for_each(|page| self.blocks[page].look());
                self.take_away(self.pages().end_read(pages));
            }
            Err(unavailable) => assert!(matches!(unavailable, Unavailable::Missing(_))),
        }
    }

    /// Writes pages, if they are there; whether they are in use is told or waited for.
    fn write(&self, pages: u64, taken: Taken) {
        match self.pages().begin_write(pages, taken) {
            Ok(()) => {
                each(pages).for_each(|page| self.blocks[page].touch());
                self.take_away(self.pages().end_write(pages));
            }
            Err(Unavailable::Taken(_)) => assert!(taken == Taken::Refuse, "it did not wait"),
            Err(Unavailable::Missing(_)) => {}
        }
    }

    fn is_empty(&self) {
        assert_eq!(self.live.load(Relaxed), 0, "memory is left");
        assert!((0..PAGES).all(|page| self.pages().users(page) == (0, false)), "a user is left");
    }
}

/// Memory comes with the first and goes with the last who keep a page, again and again.
fn keepers_come_and_go<M: Model>(omits: Omits, pages: &'static [u64]) {
    let world = World::<M>::new(omits);
    let keeps = |&pages: &u64| {
        thread(&world, move |world: &World<M>| {
            world.keep(pages);
            each(pages).for_each(|page| world.blocks[page].look());
            world.release(pages);
        })
    };
    M::together(pages.iter().map(keeps).collect());
    world.is_empty();
}

/// The last keeper goes while others have the pages pinned.
fn pins_outlive_keepers<M: Model>(omits: Omits, users: &'static [fn(&World<M>)]) {
    let world = World::<M>::new(omits);
    world.keep(BOTH);
    let releases = thread(&world, |world: &World<M>| world.release(BOTH));
    let uses = users.iter().map(|&uses| thread(&world, uses));
    M::together(uses.chain([releases]).collect());
    world.is_empty();
}

/// Whoever writes is alone, however many pages each takes at once.
fn writers_are_alone<M: Model>(omits: Omits, users: &'static [fn(&World<M>)]) {
    let world = World::<M>::new(omits);
    world.keep(BOTH);
    M::together(users.iter().map(|&uses| thread(&world, uses)).collect());
    world.release(BOTH);
    world.is_empty();
}

fn reads_both<M: Model>(world: &World<M>) {
    world.read(BOTH);
}

fn reads_one<M: Model>(world: &World<M>) {
    world.read(0b10);
}

fn writes_both<M: Model>(world: &World<M>) {
    world.write(BOTH, Taken::Wait);
}

fn tries_one<M: Model>(world: &World<M>) {
    world.write(0b10, Taken::Refuse);
}

#[test]
fn loom_two_keep() {
    explore(3, || keepers_come_and_go::<Loom>(Omits::Nothing, &[BOTH, 0b10]));
}

#[test]
fn loom_reader_outlives_keeper() {
    explore(3, || pins_outlive_keepers::<Loom>(Omits::Nothing, &[reads_both]));
}

#[test]
fn loom_reader_and_writer() {
    explore(3, || writers_are_alone::<Loom>(Omits::Nothing, &[reads_one, writes_both]));
}

#[test]
fn loom_writers_try() {
    explore(3, || writers_are_alone::<Loom>(Omits::Nothing, &[tries_one, tries_one]));
}

#[test]
fn shuttle_many_use_pages() {
    sample(300, || {
        keepers_come_and_go::<Shuttle>(Omits::Nothing, &[0b01, BOTH, 0b10, BOTH]);
        pins_outlive_keepers::<Shuttle>(Omits::Nothing, &[reads_both, writes_both, tries_one]);
        let users: &[fn(&World<Shuttle>)] =
            &[reads_both, reads_one, writes_both, tries_one, writes_both];
        writers_are_alone::<Shuttle>(Omits::Nothing, users);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_lock_is_not_released() {
    explore(3, || keepers_come_and_go::<Flawed<Loom, NoRelease>>(Omits::Nothing, &[BOTH, 0b10]));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_lock_is_not_acquired() {
    explore(3, || keepers_come_and_go::<Flawed<Loom, NoAcquire>>(Omits::Nothing, &[BOTH, 0b10]));
}

/// Two may have the lock then, and it is not free again.
#[test]
#[should_panic(expected = "maximum number of branches")]
fn mutant_the_lock_is_torn() {
    let torn =
        || writers_are_alone::<Flawed<Loom, TornExchange>>(Omits::Nothing, &[tries_one, tries_one]);
    explore(3, torn);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_pinned_pages_are_freed() {
    explore(3, || pins_outlive_keepers::<Loom>(Omits::Pins, &[reads_both]));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_readers_do_not_pin() {
    explore(3, || writers_are_alone::<Loom>(Omits::Reading, &[reads_one, writes_both]));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_memory_is_used_before_it_is_provided() {
    explore(3, || keepers_come_and_go::<Loom>(Omits::Changing, &[BOTH, 0b10]));
}
