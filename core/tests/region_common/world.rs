//! Regions, whichever memories they are in, and what should be in their pages: who keeps them,
//! what they hold, what an update moves and what it must not, with operations that fail.

use std::num::NonZeroU32;

use anymem_core::memory::{ArrayMemory, HostAddress, Place, RawAddress, transfer};
use anymem_core::region::{
    Access, Anchor, Blocks, Copied, Geometry, Options, Outcome, Page as _, PageSet, Pages, Region,
    RegionError, RegionId, ResourceLock, Run, Settings, update,
};
use proptest::prelude::*;

const PAGE: usize = 32;
const PAGES: usize = 150;
/// The last page is short.
pub(crate) const BYTES: usize = PAGES * PAGE - 11;
pub(crate) const REGIONS: usize = 3;

fn geometry() -> Geometry {
    Geometry::new(BYTES, PAGE).unwrap()
}

pub(crate) fn settings(id: u32, blocks: Blocks) -> Settings {
    let id = RegionId::new(NonZeroU32::new(id).unwrap());
    let settings = Settings::new(id, geometry());
    Settings { blocks, pause: std::thread::yield_now, ..settings }
}

fn len_of(page: usize) -> usize {
    geometry().bytes_of(Run { first: page, len: 1 }).len()
}

/// What a page should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Page {
    keepers: usize,
    contents: Option<Contents>,
    dirty: bool,
}

/// What it should hold: bytes, and which write they are of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contents {
    write: usize,
    bytes: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Anchor { region: usize, ranges: Vec<(usize, usize)>, fault: u64 },
    Lock { region: usize, ranges: Vec<(usize, usize)> },
    Release { which: usize },
    Write { region: usize, ranges: Vec<(usize, usize)>, byte: u8 },
    TakeDirty { region: usize, ranges: Vec<(usize, usize)> },
    Update { to: usize, from: usize, ranges: Vec<(usize, usize)>, options: Options, fault: u64 },
}

fn ranges() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let range = (0..BYTES, 0..BYTES).prop_map(|(start, len)| (start, len.min(BYTES - start)));
    let short = (0..BYTES, 0..3 * PAGE).prop_map(|(start, len)| (start, len.min(BYTES - start)));
    prop_oneof![
        1 => Just(vec![(0, BYTES)]),
        3 => prop::collection::vec(prop_oneof![range, short.clone()], 1..4),
        3 => prop::collection::vec(short, 1..8),
    ]
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let region = 0..REGIONS;
    let options = prop_oneof![
        4 => Just(Options::new()),
        4 => Just(Options::forced()),
        1 => Just(Options::everything()),
    ];
    let fault = prop_oneof![2 => Just(0), 1 => 1_u64..12];
    prop_oneof![
        4 => (region.clone(), ranges(), fault.clone())
            .prop_map(|(region, ranges, fault)| Op::Anchor { region, ranges, fault }),
        1 => (region.clone(), ranges()).prop_map(|(region, ranges)| Op::Lock { region, ranges }),
        1 => (0_usize..9).prop_map(|which| Op::Release { which }),
        4 => (region.clone(), ranges(), any::<u8>())
            .prop_map(|(region, ranges, byte)| Op::Write { region, ranges, byte }),
        1 => (region.clone(), ranges())
            .prop_map(|(region, ranges)| Op::TakeDirty { region, ranges }),
        6 => (region.clone(), region, ranges(), options, fault).prop_map(
            |(to, from, ranges, options, fault)| Op::Update { to, from, ranges, options, fault }
        ),
    ]
}

pub(crate) type Host<'a> = &'a ArrayMemory<'a>;

/// What keeps pages: which region's, which ones.
pub(crate) enum Keeper<'h, 'r> {
    Anchor(usize, Anchor<&'r dyn Region, Host<'h>>),
    Lock(usize, ResourceLock<&'r dyn Region, Host<'h>>),
}

impl Keeper<'_, '_> {
    fn pages(&self) -> (usize, Vec<usize>) {
        match self {
            Self::Anchor(region, anchor) => (*region, numbers(anchor.pages())),
            Self::Lock(region, lock) => (*region, numbers(lock.pages())),
        }
    }
}

fn numbers(pages: &Pages) -> Vec<usize> {
    pages.runs().flat_map(|run| run.first..run.first + run.len).collect()
}

/// Bytes of the test's own.
fn lent(host: Host<'_>, at: *mut u8, len: usize) -> Place<'_> {
    Place { memory: host, address: RawAddress::Host(HostAddress::new(at)), len }
}

/// The memories of the regions, as far as they can be watched.
pub(crate) trait Watched {
    /// Bytes that memories other than the host's have copied, or how many copies that were.
    fn moved(&self) -> u64;

    /// Whether those are bytes.
    fn counts_bytes(&self) -> bool;

    /// Lets one operation fail; none, if that is 0.
    fn fail_at(&self, fault: u64);
}

pub(crate) struct World<'h, 'r> {
    host: Host<'h>,
    memories: &'r dyn Watched,
    regions: [&'r dyn Region; REGIONS],
    /// What the kind of region has, but not the trait.
    take: &'r dyn Fn(usize, &mut Pages),
    model: [Vec<Page>; REGIONS],
    keepers: Vec<Keeper<'h, 'r>>,
    writes: usize,
}

impl<'h, 'r> World<'h, 'r> {
    /// The first region is the host's, the others are in other memories.
    pub(crate) fn new(
        host: Host<'h>,
        memories: &'r dyn Watched,
        regions: [&'r dyn Region; REGIONS],
        take: &'r dyn Fn(usize, &mut Pages),
    ) -> Self {
        let model = std::array::from_fn(|_| vec![Page::default(); PAGES]);
        Self { host, memories, regions, take, model, keepers: Vec::new(), writes: 0 }
    }

    fn select(&self, ranges: &[(usize, usize)]) -> PageSet<Host<'h>> {
        let ranges: Vec<_> = ranges.iter().map(|&(start, len)| start..start + len).collect();
        Access::Ranges(&ranges).pages(geometry(), self.host).unwrap()
    }

    fn moved(&self) -> u64 {
        self.memories.moved()
    }

    fn fail_at(&self, fault: u64) {
        self.memories.fail_at(fault);
    }

    pub(crate) fn run(&mut self, op: Op) {
        match op {
            Op::Anchor { region, ranges, fault } => {
                let pages = self.select(&ranges);
                let kept = numbers(&pages);
                self.fail_at(fault);
                let anchor = Anchor::new(self.regions[region], pages);
                self.fail_at(0);
                match anchor {
                    Ok(anchor) => {
                        self.keep(region, &kept);
                        self.keepers.push(Keeper::Anchor(region, anchor));
                    }
                    Err(error) => {
                        assert!(matches!(error, RegionError::Memory(_)), "{error}");
                        assert_ne!(fault, 0, "nothing was to fail");
                    }
                }
            }
            Op::Lock { region, ranges } => {
                let pages = self.select(&ranges);
                let kept = numbers(&pages);
                let absent = self.absent(region, &kept);
                match ResourceLock::new(self.regions[region], pages) {
                    Ok(lock) => {
                        assert_eq!(absent, []);
                        self.keep(region, &kept);
                        self.keepers.push(Keeper::Lock(region, lock));
                    }
                    Err(error) => self.is_unallocated(error, region, &absent),
                }
            }
            Op::Release { which } => {
                if !self.keepers.is_empty() {
                    let keeper = self.keepers.swap_remove(which % self.keepers.len());
                    let (region, pages) = keeper.pages();
                    self.release(region, &pages);
                    drop(keeper);
                }
            }
            Op::Write { region, ranges, byte } => self.write(region, &ranges, byte),
            Op::TakeDirty { region, ranges } => self.take_dirty(region, &ranges),
            Op::Update { to, from, ranges, options, fault } => {
                self.update(to, from, &ranges, options, fault);
            }
        }
    }

    fn absent(&self, region: usize, pages: &[usize]) -> Vec<usize> {
        pages.iter().copied().filter(|&page| self.model[region][page].keepers == 0).collect()
    }

    fn is_unallocated(&self, error: RegionError, region: usize, absent: &[usize]) {
        let region = self.regions[region].id();
        let expected = RegionError::Unallocated { region, first: absent[0], pages: absent.len() };
        assert_eq!(error, expected);
    }

    fn keep(&mut self, region: usize, pages: &[usize]) {
        pages.iter().for_each(|&page| self.model[region][page].keepers += 1);
    }

    fn release(&mut self, region: usize, pages: &[usize]) {
        for &page in pages {
            let page = &mut self.model[region][page];
            page.keepers -= 1;
            if page.keepers == 0 {
                *page = Page::default();
            }
        }
    }

    /// Fills pages, through the trait.
    fn write(&mut self, region: usize, ranges: &[(usize, usize)], byte: u8) {
        let pages = self.select(ranges);
        let absent = self.absent(region, &numbers(&pages));
        if let Err(error) = self.regions[region].begin_write(&pages) {
            return self.is_unallocated(error, region, &absent);
        }
        assert_eq!(absent, []);
        self.writes += 1;
        for page in numbers(&pages) {
            let bytes: Vec<u8> = (0..len_of(page)).map(|at| byte.wrapping_add(at as u8)).collect();
            let from = lent(self.host, bytes.as_ptr().cast_mut(), bytes.len());
            let to = self.regions[region].place(Run { first: page, len: 1 }).unwrap();
            // SAFETY: the page is pinned for writing, and has that many bytes.
            unsafe { transfer(to, from, bytes.len()).unwrap() };
            let contents = Some(Contents { write: self.writes, bytes });
            let keepers = self.model[region][page].keepers;
            self.model[region][page] = Page { keepers, contents, dirty: true };
        }
        // SAFETY: pinned and written above.
        unsafe { self.regions[region].end_write(&pages, Outcome::Written) };
    }

    fn take_dirty(&mut self, region: usize, ranges: &[(usize, usize)]) {
        let mut pages = self.select(ranges);
        let dirty = |page: &usize| self.model[region][*page].dirty;
        let expected: Vec<_> = numbers(&pages).into_iter().filter(dirty).collect();
        (self.take)(region, &mut pages);
        assert_eq!(numbers(&pages), expected);
        expected.into_iter().for_each(|page| self.model[region][page].dirty = false);
    }

    fn update(
        &mut self,
        to: usize,
        from: usize,
        ranges: &[(usize, usize)],
        options: Options,
        fault: u64,
    ) {
        let mut pages = self.select(ranges);
        let plan = self.plan(to, from, &numbers(&pages), options);
        let before = self.moved();
        self.fail_at(fault);
        let result = update(self.regions[to], self.regions[from], &mut pages, options);
        self.fail_at(0);
        match (result, plan) {
            (Ok(copied), Ok(plan)) => {
                assert_eq!(numbers(&pages), plan.copied);
                self.is_what_was_copied(copied, &plan, self.moved() - before, [to, from]);
                for page in plan.copied {
                    self.model[to][page].contents = self.model[from][page].contents.clone();
                    self.model[to][page].dirty = false;
                }
            }
            (Err(RegionError::Memory(_)), Ok(plan)) => {
                assert_ne!(fault, 0, "nothing was to fail");
                self.is_invalid_or_as_before(to, &plan.copied);
            }
            (Err(error), Err((expected, about))) => {
                assert_eq!(error, expected);
                assert_eq!(numbers(&pages), about, "pages name what the error is about");
                assert_eq!(self.moved(), before, "bytes have moved");
            }
            (result, plan) => panic!("{result:?}, but {plan:?}"),
        }
    }

    fn is_what_was_copied(&self, copied: Copied, plan: &Plan, moved: u64, of: [usize; 2]) {
        let bytes: usize = plan.copied.iter().map(|&page| len_of(page)).sum();
        assert_eq!((copied.pages, copied.bytes), (plan.copied.len(), bytes));
        assert_eq!(copied.skipped, plan.skipped);
        // A simulated device counts what comes or goes: twice, if it is both sides.
        let sides = of.iter().filter(|&&side| side != 0).count() as u64;
        let sides = if of[0] == of[1] { 0 } else { sides };
        if self.memories.counts_bytes() {
            assert_eq!(moved, bytes as u64 * sides);
        } else {
            assert_eq!(moved > 0, bytes as u64 * sides > 0);
        }
    }

    /// After a failure: a prefix of the pages is invalid, and the others are as before.
    fn is_invalid_or_as_before(&mut self, to: usize, planned: &[usize]) {
        let valid = |page: usize| self.regions[to].pages().valid(page / 64) >> (page % 64) & 1 != 0;
        let lost: Vec<_> = planned
            .iter()
            .copied()
            .filter(|&page| self.model[to][page].contents.is_some() && !valid(page))
            .collect();
        for page in lost {
            let keepers = self.model[to][page].keepers;
            self.model[to][page] = Page { keepers, ..Page::default() };
        }
    }

    /// What an update should do, or say.
    fn plan(
        &self,
        to: usize,
        from: usize,
        pages: &[usize],
        options: Options,
    ) -> Result<Plan, (RegionError, Vec<usize>)> {
        if to == from {
            return Ok(Plan::default());
        }
        let region = self.regions[from].id();
        let [ours, theirs] = [&self.model[to], &self.model[from]];
        let wanted: Vec<_> = pages.iter().copied().filter(|&p| ours[p].keepers != 0).collect();
        let those = |is: &dyn Fn(usize) -> bool| -> Vec<usize> {
            wanted.iter().copied().filter(|&page| is(page)).collect()
        };
        let absent = those(&|page| theirs[page].keepers == 0);
        if let Some(&first) = absent.first() {
            let pages = absent.len();
            return Err((RegionError::Unallocated { region, first, pages }, absent));
        }
        let invalid = those(&|page| theirs[page].contents.is_none());
        if let Some(&first) = invalid.first() {
            let pages = invalid.len();
            return Err((RegionError::Invalid { region, first, pages }, invalid));
        }
        let write = |page: &Page| page.contents.as_ref().map(|contents| contents.write);
        let differs = |page: usize| write(&ours[page]) != write(&theirs[page]);
        let lost = those(&|page| ours[page].dirty && differs(page));
        if let Some(&first) = lost.first()
            && !options.force
        {
            return Err((RegionError::Overwrite { first, pages: lost.len() }, lost));
        }
        let copied = those(&|page| !options.stale_only || differs(page));
        Ok(Plan { skipped: wanted.len() - copied.len(), copied })
    }

    /// Everything is as in the model.
    pub(crate) fn check(&self) {
        for (region, model) in self.regions.iter().zip(&self.model) {
            let pages = region.pages();
            for (page, expected) in model.iter().enumerate() {
                let info = pages.page(page).unwrap();
                let is = (info.is_allocated(), info.is_valid(), info.is_dirty());
                let should = (expected.keepers != 0, expected.contents.is_some(), expected.dirty);
                assert_eq!(is, should, "page {page} of {}", region.id());
                if let Some(contents) = &expected.contents {
                    assert_eq!(self.bytes(*region, page), contents.bytes, "page {page}");
                }
            }
            assert!(pages.page(PAGES).is_none());
        }
    }

    fn bytes(&self, region: &dyn Region, page: usize) -> Vec<u8> {
        let mut bytes = vec![0; len_of(page)];
        let to = lent(self.host, bytes.as_mut_ptr(), bytes.len());
        let mut words = [0; PAGES.div_ceil(64)];
        words[page / 64] = 1 << (page % 64);
        region.begin_read(Pages::new(&words)).unwrap();
        let from = region.place(Run { first: page, len: 1 }).unwrap();
        // SAFETY: the page is pinned for reading, and the vector has as many bytes.
        unsafe { transfer(to, from, len_of(page)).unwrap() };
        // SAFETY: pinned above.
        unsafe { region.end_read(Pages::new(&words)) };
        bytes
    }
}

#[derive(Debug, Default)]
struct Plan {
    copied: Vec<usize>,
    skipped: usize,
}

/// Gives all regions all pages, with the same in them, so that most operations find some.
pub(crate) fn begun() -> Vec<Op> {
    let all = || vec![(0, BYTES)];
    let anchor = |region| Op::Anchor { region, ranges: all(), fault: 0 };
    let pull = |to| {
        let options = Options::new();
        Op::Update { to, from: 0, ranges: all(), options, fault: 0 }
    };
    let write = Op::Write { region: 0, ranges: all(), byte: 7 };
    (0..REGIONS).map(anchor).chain([write]).chain((1..REGIONS).map(pull)).collect()
}

pub(crate) fn blocks() -> impl Strategy<Value = Blocks> {
    prop_oneof![
        Just(Blocks::One),
        Just(Blocks::Of(4)),
        Just(Blocks::Of(100)),
        Just(Blocks::PerPage)
    ]
}
