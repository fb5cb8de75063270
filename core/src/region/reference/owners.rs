//! Which region has which page.

use crate::memory::{HostAddressable, MemoryError};
use crate::region::array::Array;
use crate::region::{Geometry, Pages};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Native, PageOwner};

/// A page that no region has.
pub(super) const NOBODY: u32 = PageOwner::<'static, Native>::NOBODY;

/// A group of pages that do not all have the same owner.
const SEVERAL: u32 = NOBODY - 1;

/// The most owners that there can be.
pub(super) const MOST: usize = SEVERAL as usize;

/// What is known of 64 pages together.
struct Group {
    /// Who has all of them: a hint that says [`SEVERAL`] before it would be wrong.
    whole: AtomicU32,
    /// How often pages were passed on.
    passed: AtomicU32,
}

/// The number of the region that has it, for each page.
pub(super) struct Owners<H: HostAddressable> {
    pages: Array<AtomicU32, H>,
    groups: Array<Group, H>,
    /// Taken by whoever passes pages on, so that hints are right.
    passing: spin::Mutex<()>,
}

impl<H: HostAddressable + Clone> Owners<H> {
    /// Nobody has any page.
    pub(super) fn new(geometry: Geometry, memory: &H) -> Result<Self, MemoryError> {
        let pages = geometry.pages();
        let groups = (0..pages.div_ceil(64))
            .map(|_| Group { whole: AtomicU32::new(NOBODY), passed: AtomicU32::new(0) });
        Ok(Self {
            pages: Array::new((0..pages).map(|_| Ok(AtomicU32::new(NOBODY))), memory.clone())?,
            groups: Array::new(groups.map(Ok), memory.clone())?,
            passing: spin::Mutex::new(()),
        })
    }
}

impl<H: HostAddressable> Owners<H> {
    /// How many groups there are.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Who has the page.
    #[inline]
    pub(super) fn get(&self, page: usize) -> u32 {
        self.pages.get(page).map_or(NOBODY, |word| whose(word).get())
    }

    /// How often pages of the group were passed on.
    pub(super) fn passed(&self, group: usize) -> u32 {
        // Acquire: pairs with the Release in `pass`; who sees the count sees the owners.
        self.groups.get(group).map_or(0, |it| it.passed.load(Ordering::Acquire))
    }

    /// Who has all pages of the group, if they have the same owner for sure.
    pub(super) fn whole(&self, group: usize) -> Option<u32> {
        // Acquire: pairs with the Release in `pass`.
        let whole = self.groups.get(group)?.whole.load(Ordering::Acquire);
        (whole != SEVERAL).then_some(whole)
    }

    /// The pages of the group that `owner` has.
    pub(super) fn of(&self, owner: u32, group: usize) -> u64 {
        match self.whole(group) {
            Some(whole) if whole == owner => self.all(group),
            Some(_) => 0,
            None => self.search(owner, group),
        }
    }

    fn search(&self, owner: u32, group: usize) -> u64 {
        let words = self.words(group).iter().enumerate();
        words.fold(0, |found, (bit, word)| found | u64::from(whose(word).get() == owner) << bit)
    }

    /// The owners of a group's pages, each with those it has.
    pub(super) fn in_group(&self, group: usize) -> impl Iterator<Item = (u32, u64)> + '_ {
        let mut left = self.all(group);
        core::iter::from_fn(move || {
            let first: u32 = (left != 0).then(|| u64::trailing_zeros(left))?;
            let owner = self.get(group * 64 + first as usize);
            let pages = (self.of(owner, group) | 1 << first) & left;
            left &= !pages;
            Some((owner, pages))
        })
    }

    /// The pages of the group that there are.
    fn all(&self, group: usize) -> u64 {
        u64::MAX.unbounded_shr(64 - self.words(group).len() as u32)
    }

    fn words(&self, group: usize) -> &[AtomicU32] {
        let end = (group * 64 + 64).min(self.pages.len());
        self.pages.get(group * 64..end).unwrap_or(&[])
    }

    /// Passes on those of the pages that `from` has; only their bits stay.
    ///
    /// All of them are pinned for writing by the caller, there and at `to`.
    pub(super) fn pass(&self, pages: &mut Pages, from: u32, to: u32) {
        let _passing = self.passing.lock();
        for (group, bits) in
            pages.words_mut().iter_mut().enumerate().filter(|(_, bits)| **bits != 0)
        {
            let Some(of) = self.groups.get(group) else { continue };
            // Release: pairs with the Acquire in `whole`; before any page has another owner.
            of.whole.store(SEVERAL, Ordering::Release);
            let words =
                self.words(group).iter().enumerate().filter(|(bit, _)| *bits >> bit & 1 != 0);
            *bits = words.fold(0, |passed, (bit, word)| {
                passed | u64::from(whose(word).pass(from, to)) << bit
            });
            // Release: pairs with the Acquire in `whole`.
            of.whole.store(self.common(group), Ordering::Release);
            // Release: pairs with the Acquire in `passed`.
            of.passed.fetch_add(1, Ordering::Release);
        }
    }

    /// Whoever has all of the group.
    fn common(&self, group: usize) -> u32 {
        let mut owners = self.words(group).iter().map(|word| whose(word).get());
        let first = owners.next().unwrap_or(NOBODY);
        if owners.all(|it| it == first) { first } else { SEVERAL }
    }
}

#[inline]
fn whose(word: &AtomicU32) -> PageOwner<'_> {
    PageOwner::new(word)
}
