//! Owners of pages: what a lookup says was so at one moment, and a page that stays in
//! its region is never missed.
//!
//! It is how pools find the pool of a block.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use anymem_core::{
    offset::Offset,
    sync::{
        Arena,
        owners::{Entry, FIELDS, RECORD, Regions, Tables},
    },
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, Words, explore, sample, thread,
};

const WORD: usize = size_of::<usize>();

/// Words of the root; tables have two words each, and so have units two pages.
const ROOT: usize = 2;

/// Where the records are, in words.
const RECORDS: usize = 16;

struct World<M: Model> {
    words: Words<M>,
    /// Where the next table will be, in words; only whoever writes looks.
    next: AtomicUsize,
}

type Map<'t, M> = Regions<'t, World<M>, 1, 1, 1>;

impl<M: Model> Arena for World<M> {
    type A = M;

    fn word(&self, at: Offset) -> &M::Word {
        self.words.word(at)
    }
}

impl<M: Model> Tables for World<M> {
    fn root(&self, index: usize) -> &M::Word {
        self.words.word(Offset::new(index * WORD))
    }

    fn table(&self, words: usize) -> Option<Offset> {
        let at = self.next.fetch_add(words, Relaxed);
        (at + words <= RECORDS).then(|| Offset::new(at * WORD))
    }

    fn record(&self, region: usize) -> Offset {
        Offset::new((RECORDS + region * RECORD) * WORD)
    }
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self { words: Words::new(RECORDS + 2 * RECORD), next: AtomicUsize::new(ROOT) })
    }

    fn regions(&self) -> Map<'_, M> {
        Regions::new(self)
    }

    /// Makes `pages` the region with this number, all of whose fields are `stamp`.
    fn add(&self, region: usize, pages: std::ops::Range<usize>, stamp: usize) {
        let regions = self.regions();
        regions.write(region, [stamp; FIELDS]);
        assert!(regions.pages().reserve(pages.clone()), "tables are few");
        regions.pages().set(pages, |_| Entry::new(region, 1, 0).word());
    }

    fn remove(&self, region: usize, pages: std::ops::Range<usize>, back: usize) {
        self.regions().retire(region, pages, |_| back);
    }

    /// The stamp of the region that a page is in.
    fn find(&self, page: usize) -> Option<usize> {
        let (_, fields) = self.regions().find(page)?;
        assert!(fields.iter().all(|field| *field == fields[0]), "not a region: half of one");
        Some(fields[0])
    }
}

/// Regions appear while others look.
fn regions_appear<M: Model>(readers: usize) {
    let world = World::<M>::new();
    let looks = || {
        thread(&world, |world| {
            let found = world.find(1);
            assert!(matches!(found, None | Some(7)), "not the region: {found:?}");
        })
    };
    let adds = thread(&world, |world| world.add(0, 1..4, 7));
    M::together((0..readers).map(|_| looks()).chain([adds]).collect());
    assert_eq!(
        [0, 1, 2, 3, 4].map(|page| world.find(page)),
        [None, Some(7), Some(7), Some(7), None]
    );
}

/// A region goes, and its record is used for another one.
fn records_are_used_again<M: Model>(readers: usize, advances: bool) {
    let world = World::<M>::new();
    world.add(0, 0..2, 7);
    let looks = || {
        thread(&world, |world| {
            let found = world.find(0);
            assert!(matches!(found, None | Some(7)), "not the region: {found:?}");
        })
    };
    let changes = thread(&world, move |world| {
        if advances {
            world.remove(0, 0..2, 0);
        } else {
            world.regions().pages().set(0..2, |_| 0);
        }
        world.add(0, 2..4, 8);
    });
    M::together((0..readers).map(|_| looks()).chain([changes]).collect());
    assert_eq!([0, 2].map(|page| world.find(page)), [None, Some(8)]);
}

/// A region in a region comes and goes, which takes the pages of a unit apart.
fn regions_are_nested<M: Model>(readers: usize) {
    let world = World::<M>::new();
    world.add(0, 0..2, 7);
    let looks = || {
        thread(&world, |world| {
            assert_eq!(world.find(0), Some(7), "a page that stays was missed");
            let found = world.find(1);
            assert!(matches!(found, Some(7 | 8)), "not the region: {found:?}");
        })
    };
    let changes = thread(&world, |world| {
        world.add(1, 1..2, 8);
        world.remove(1, 1..2, Entry::new(0, 1, 0).word());
    });
    M::together((0..readers).map(|_| looks()).chain([changes]).collect());
    assert_eq!([0, 1].map(|page| world.find(page)), [Some(7); 2]);
}

#[test]
fn loom_regions_appear() {
    explore(3, || regions_appear::<Loom>(1));
}

#[test]
fn loom_records_are_used_again() {
    explore(3, || records_are_used_again::<Loom>(1, true));
}

#[test]
fn loom_regions_are_nested() {
    explore(2, || regions_are_nested::<Loom>(1));
}

#[test]
fn shuttle_many_look() {
    sample(300, || {
        regions_appear::<Shuttle>(4);
        records_are_used_again::<Shuttle>(4, true);
        regions_are_nested::<Shuttle>(4);
    });
}

#[test]
#[should_panic(expected = "not")]
fn mutant_regions_appear_unpublished() {
    explore(3, || regions_appear::<Flawed<Loom, NoRelease>>(1));
}

#[test]
#[should_panic(expected = "not")]
fn mutant_lookups_do_not_acquire() {
    explore(3, || regions_appear::<Flawed<Loom, NoAcquire>>(1));
}

#[test]
#[should_panic(expected = "not")]
fn mutant_records_are_used_again_under_the_same_version() {
    explore(3, || records_are_used_again::<Loom>(1, false));
}

#[test]
#[should_panic(expected = "not")]
fn mutant_records_are_used_again_unpublished() {
    explore(3, || records_are_used_again::<Flawed<Loom, NoRelease>>(1, true));
}

#[test]
#[should_panic(expected = "not the region: None")]
fn mutant_a_unit_is_taken_apart_unpublished() {
    explore(2, || regions_are_nested::<Flawed<Loom, NoRelease>>(1));
}
