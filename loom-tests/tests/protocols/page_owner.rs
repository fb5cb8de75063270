//! Which region a page's contents are in, while they move from one to another.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Relaxed, Release},
};

use anymem_core::sync::{AtomicInt, Missing, PageGroup, PageOwner, SpinLock, Taken};
use anymem_loom_tests::{Cell, Loom, Model, Shuttle, explore, sample, thread};

/// What is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Omits {
    Nothing,
    /// To look again whose the page is, once it is pinned.
    Look,
    /// To pin the page with the old owner before it is passed on.
    Old,
    /// To pin it with the new one.
    New,
    /// To look whose the page is before it is copied to be passed on.
    Check,
}

/// A region of one page.
struct Region<M: Model> {
    lock: M::U32,
    pins: [M::U32; 1],
    /// What counts the writes, if the region has the page.
    count: M::Word,
    bytes: M::Cell,
}

impl<M: Model> Region<M> {
    fn new() -> Self {
        let region = Self {
            lock: M::half(0),
            pins: [M::half(0)],
            count: M::word(0),
            bytes: M::Cell::default(),
        };
        assert_eq!(region.page().keep(1, Missing::Allocate), Ok(1));
        region.page().ready(1);
        region
    }

    fn page(&self) -> PageGroup<'_, M> {
        PageGroup::new(SpinLock::new(&self.lock, M::spin_hint), &self.pins)
    }

    fn end_write(&self) {
        assert_eq!(self.page().end_write(1), 0, "it is kept");
    }
}

struct World<M: Model> {
    omits: Omits,
    owner: M::U32,
    regions: [Region<M>; 2],
    /// How often somebody wrote.
    written: M::Word,
}

impl<M: Model> World<M> {
    fn new(omits: Omits) -> Arc<Self> {
        let regions = [Region::new(), Region::new()];
        Arc::new(Self { omits, owner: M::half(0), regions, written: M::word(0) })
    }

    fn owner(&self) -> PageOwner<'_, M> {
        PageOwner::new(&self.owner)
    }

    /// Pins the page where it is, tries of which fail while it moves.
    fn pinned<R>(
        &self,
        begin: impl Fn(&PageGroup<'_, M>) -> bool,
        end: impl Fn(&PageGroup<'_, M>),
        use_it: impl FnOnce(&Region<M>) -> R,
    ) -> Option<R> {
        let number = self.owner().get();
        let region = &self.regions[number as usize];
        if !begin(&region.page()) {
            return None;
        }
        let is_there = self.omits == Omits::Look || self.owner().get() == number;
        let result = is_there.then(|| use_it(region));
        end(&region.page());
        result
    }

    fn write(&self) {
        let begin = |page: &PageGroup<'_, M>| page.begin_write(1, Taken::Refuse).is_ok();
        let end = |page: &PageGroup<'_, M>| assert_eq!(page.end_write(1), 0);
        let written = self.pinned(begin, end, |region| {
            region.bytes.touch();
            region.count.store(region.count.load(Relaxed) + 1, Relaxed);
        });
        if written.is_some() {
            self.written.fetch_add(1, Release);
        }
    }

    /// Whoever reads later does not read less.
    fn read(&self) {
        let begin = |page: &PageGroup<'_, M>| page.begin_read(1, Taken::Refuse).is_ok();
        let end = |page: &PageGroup<'_, M>| assert_eq!(page.end_read(1), 0);
        let mut last = 0;
        for _ in 0..2 {
            let before = self.written.load(Acquire);
            let count = self.pinned(begin, end, |region| {
                region.bytes.look();
                region.count.load(Relaxed)
            });
            if let Some(count) = count {
                assert!(count >= before.max(last), "what was written is not there");
                last = count;
            }
        }
    }

    fn pass(&self, from: usize, to: usize) {
        let (old, new) = (&self.regions[from], &self.regions[to]);
        let pins = [(old, self.omits != Omits::Old), (new, self.omits != Omits::New)];
        let mut pinned = pins.into_iter().filter(|(_, is_pinned)| *is_pinned);
        let mut done = Vec::new();
        let all = pinned.all(|(region, _)| {
            let begun = region.page().begin_write(1, Taken::Refuse).is_ok();
            begun.then(|| done.push(region)).is_some()
        });
        let is_there = self.omits == Omits::Check || self.owner().get() == from as u32;
        if all && is_there {
            new.bytes.touch();
            old.bytes.look();
            new.count.store(old.count.load(Relaxed), Relaxed);
            let passed = self.owner().pass(from as u32, to as u32);
            assert!(passed || self.omits != Omits::Nothing, "nobody else can have passed it on");
        }
        done.into_iter().for_each(Region::end_write);
    }

    /// All writes are there, wherever the page is now.
    fn check(&self) {
        let count = self.regions[self.owner().get() as usize].count.load(Relaxed);
        assert_eq!(count, self.written.load(Relaxed), "a write is lost");
    }
}

fn the_page_moves<M: Model>(omits: Omits, moves: usize, writers: usize, readers: usize) {
    let world = World::<M>::new(omits);
    let passes = thread(&world, move |world: &World<M>| {
        (0..moves).for_each(|time| world.pass(time % 2, (time + 1) % 2));
    });
    let writes = (0..writers).map(|_| thread(&world, World::write));
    let reads = (0..readers).map(|_| thread(&world, World::read));
    M::together(writes.chain(reads).chain([passes]).collect());
    world.check();
}

/// Two want a page that nobody has: one of them gets it.
fn two_want_it<M: Model>() {
    let world = World::<M>::new(Omits::Nothing);
    world.owner.store(PageOwner::<M>::NOBODY, Relaxed);
    let want = |to: u32| {
        thread(&world, move |world: &World<M>| world.owner().pass(PageOwner::<M>::NOBODY, to))
    };
    let got = M::together(vec![want(0), want(1)]);
    assert!(got[0] != got[1], "one has it");
    assert_eq!(world.owner().get(), u32::from(got[1]));
}

#[test]
fn loom_a_write_goes_with_the_page() {
    explore(2, || the_page_moves::<Loom>(Omits::Nothing, 2, 1, 0));
}

#[test]
fn loom_who_reads_finds_it() {
    explore(2, || the_page_moves::<Loom>(Omits::Nothing, 1, 0, 1));
}

#[test]
fn loom_one_gets_what_nobody_has() {
    explore(None, two_want_it::<Loom>);
}

#[test]
fn shuttle_many_write_and_read() {
    sample(300, || the_page_moves::<Shuttle>(Omits::Nothing, 6, 3, 2));
}

#[test]
#[should_panic(expected = "a write is lost")]
fn mutant_what_somebody_else_has_is_copied() {
    explore(3, || the_page_moves::<Loom>(Omits::Check, 2, 1, 0));
}

#[test]
#[should_panic]
fn mutant_nobody_looks_again() {
    explore(2, || the_page_moves::<Loom>(Omits::Look, 1, 1, 0));
}

#[test]
#[should_panic]
fn mutant_the_old_owner_is_not_asked() {
    explore(2, || the_page_moves::<Loom>(Omits::Old, 1, 1, 0));
}

#[test]
#[should_panic]
fn mutant_the_new_owner_is_not_asked() {
    explore(2, || the_page_moves::<Loom>(Omits::New, 2, 1, 1));
}
