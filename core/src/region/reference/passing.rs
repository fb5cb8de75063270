//! How pages get another owner.
//!
//! The new owner keeps the pages before the old one lets them go. The word of a page is
//! changed while both have it pinned for writing: nobody else can have it pinned, and what
//! the two have of it is compared before. Regions pin in the order of their ids.

use super::owned::Owned;
use super::{NOBODY, ReferenceRegion};
use crate::memory::HostAddressable;
use crate::region::places::clear;
use crate::region::{
    Missing, Options, Outcome, PageSet, Pages, Region, RegionError, RegionId, update,
};
use crate::sync::{Native, Transit};

/// What a new owner is to have of the pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// Whatever it has.
    Its,
    /// What the old owner has; zeroes, if nobody had the page.
    Same,
    /// Anything: it will be overwritten. Zeroes, where it has nothing.
    Any,
}

/// From which region to which.
struct Passage<'r, R> {
    from: u32,
    /// None of nobody's pages.
    source: Option<&'r R>,
    to: u32,
    target: &'r R,
    contents: Contents,
}

impl<R: Region, H: HostAddressable + Clone> ReferenceRegion<R, H> {
    /// Makes `to` the owner of pages: what it has of them counts from now on, and what the old
    /// owner has does not, unless it is the same: it is not valid any more.
    ///
    /// Pages that it has not are allocated there. It waits for who has the pages pinned, with
    /// the old owner or the new one.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](RegionError::Unsupported) if `to` is none of
    ///   [`regions`](Self::regions).
    /// - [`Access`](RegionError::Access) if not all of the pages are there.
    /// - What `to` says about keeping the pages. Some may have the new owner then.
    pub fn own(&self, pages: &Pages, to: RegionId) -> Result<(), RegionError> {
        self.pass(pages, self.number(to)?, Contents::Its)
    }

    /// Moves pages to `to`: it gets what the old owner has, if it has not got it yet, and owns
    /// them from then on.
    ///
    /// # Errors
    ///
    /// - As [`own`](Self::own).
    /// - [`Unallocated`](RegionError::Unallocated) if nobody owns some of the pages.
    /// - What [`update`] says of a copy to `to`. Some pages may have moved then.
    pub fn migrate(&self, pages: &Pages, to: RegionId) -> Result<(), RegionError> {
        let to = self.number(to)?;
        self.nobodys(pages)?;
        self.pass(pages, to, Contents::Same)
    }

    /// Makes `to` the owner of pages that it is going to write, some of which nobody may own
    /// yet; all of them hold something then.
    pub(in crate::region) fn claim(
        &self,
        pages: &Pages,
        to: RegionId,
        is_overwritten: bool,
    ) -> Result<(), RegionError> {
        let contents = if is_overwritten { Contents::Any } else { Contents::Same };
        self.pass(pages, self.number(to)?, contents)
    }

    /// Whether `owner` has all of the pages.
    pub(in crate::region) fn is_owner(&self, owner: RegionId, pages: &Pages) -> bool {
        self.number(owner).is_ok_and(|owner| self.has(owner as u32, pages))
    }

    /// How often pages have got another owner so far.
    pub(in crate::region) fn passages(&self) -> u32 {
        Transit::<Native>::new(&self.transit).ended()
    }

    /// Whether the error may be due to pages that were passed on since: the new owner has
    /// nothing yet, or the old one still has what it wrote.
    pub(in crate::region) fn is_passing(&self, error: RegionError, since: u32) -> bool {
        let is_of_contents = matches!(
            error,
            RegionError::Invalid { .. }
                | RegionError::Overwrite { .. }
                | RegionError::Unallocated { .. }
        );
        is_of_contents && Transit::<Native>::new(&self.transit).was_meanwhile(since)
    }

    fn pass(&self, pages: &Pages, to: usize, contents: Contents) -> Result<(), RegionError> {
        let last = pages.runs().last().map_or(0, |run| run.first + run.len);
        if last > self.geometry.pages() {
            let bytes = self.geometry.bytes();
            return Err(RegionError::Access { at: bytes, bytes });
        }
        let (mut left, mut part) = (self.copy_of(pages)?, self.no_pages()?);
        loop {
            self.sort(to, pages, &mut part);
            left.remove(&part);
            if left.is_empty() {
                return Ok(());
            }
            for from in (0..self.regions.len()).filter(|from| *from != to).chain([NOBODY as usize])
            {
                let (source, target) = (self.regions.get(from), &self.regions[to]);
                let way = Passage { from: from as u32, source, to: to as u32, target, contents };
                self.sort(from, &left, &mut part);
                if !part.is_empty() {
                    self.pass_part(&way, &mut part)?;
                }
            }
        }
    }

    /// Passes pages on that the source had a moment ago, and may still have.
    fn pass_part(&self, way: &Passage<'_, R>, pages: &mut Pages) -> Result<(), RegionError> {
        way.target.keep(pages, Missing::Allocate)?;
        let mut passed = self.no_pages()?;
        let (source, since) = (Owned::new(self, way.from as usize), self.passages());
        let result = self.pass_kept(way, &source, pages, &mut passed);
        // Whoever was faster has them now, and what went wrong did so for that reason.
        let late = |error| source.has_moved(pages) || self.is_passing(error, since);
        let late = result.err().is_some_and(late);
        // SAFETY: its owner kept each page once, which it is no more.
        way.source.inspect(|source| unsafe { source.release(&passed) });
        pages.remove(&passed);
        // SAFETY: kept above, and not owned.
        unsafe { way.target.release(pages) };
        if late { Ok(()) } else { result }
    }

    /// Passes pages on that the target keeps; `passed` are those that had not moved, and in
    /// the case of [`Contents::Same`] not changed, until they were pinned.
    fn pass_kept(
        &self,
        way: &Passage<'_, R>,
        owned: &Owned<'_, R, H>,
        pages: &Pages,
        passed: &mut Pages,
    ) -> Result<(), RegionError> {
        let same = way.source.filter(|_| way.contents == Contents::Same);
        if same.is_some() {
            passed.add(pages);
            let copied = update(way.target, owned, passed, Options::new());
            passed.clear();
            copied?;
        }
        let mut part = self.no_pages()?;
        way.begin(pages)?;
        // SAFETY: pinned above.
        if let Err(error) = unsafe { way.clear(pages) } {
            // SAFETY: the same, and not lent to anybody.
            unsafe { way.end(pages, passed, &mut part) };
            return Err(error);
        }
        let transit = Transit::<Native>::new(&self.transit);
        transit.begin();
        if same.is_none_or(|source| differing(source, way.target, pages).next().is_none()) {
            passed.add(pages);
            self.owners.pass(passed, way.from, way.to);
        }
        // SAFETY: pinned above, and not lent to anybody.
        unsafe { way.end(pages, passed, &mut part) };
        transit.end();
        Ok(())
    }

    /// Whether that owner has all of the pages.
    pub(super) fn has(&self, owner: u32, pages: &Pages) -> bool {
        pages.groups().all(|(group, bits)| bits & !self.owners.of(owner, group) == 0)
    }

    pub(in crate::region) fn copy_of(&self, pages: &Pages) -> Result<PageSet<H>, RegionError> {
        let mut copy = self.no_pages()?;
        copy.add(pages);
        Ok(copy)
    }
}

impl<R: Region> Passage<'_, R> {
    /// Pins pages for writing in both regions, in the order of their ids.
    fn begin(&self, pages: &Pages) -> Result<(), RegionError> {
        let Some(source) = self.source else { return self.target.begin_write(pages) };
        let (first, second) =
            if self.from < self.to { (source, self.target) } else { (self.target, source) };
        first.begin_write(pages)?;
        second.begin_write(pages).inspect_err(|_| {
            // SAFETY: pinned just before.
            unsafe { first.end_write(pages, Outcome::Unchanged) };
        })
    }

    /// Lets pages go, some of which have been passed on.
    ///
    /// # Safety
    ///
    /// The pages were pinned by [`begin`](Self::begin).
    unsafe fn end(&self, pages: &Pages, passed: &Pages, part: &mut Pages) {
        if let Some(source) = self.source {
            // SAFETY: passed on from the caller.
            unsafe { self.end_source(source, pages, passed, part) };
        }
        part.clear();
        for page in passed.iter().filter(|page| self.is_cleared(*page)) {
            part.insert(page);
        }
        // SAFETY: passed on from the caller.
        unsafe { self.target.end_write(part, Outcome::Written) };
        part.complement(pages);
        // SAFETY: passed on from the caller; these are the others.
        unsafe { self.target.end_write(part, Outcome::Unchanged) };
    }

    /// What the source has of pages that were passed on is a copy from now on: of what the
    /// target has, or of nothing any more.
    ///
    /// # Safety
    ///
    /// As for [`end`](Self::end); they are still pinned at the target.
    unsafe fn end_source(&self, source: &R, pages: &Pages, passed: &Pages, part: &mut Pages) {
        part.clear();
        for page in differing(source, self.target, passed) {
            part.insert(page);
        }
        // SAFETY: passed on from the caller.
        unsafe { source.end_write(part, Outcome::Failed) };
        part.complement(passed);
        // SAFETY: passed on from the caller; these are other ones.
        unsafe { source.end_write(part, Outcome::Copied(self.target.pages())) };
        part.clear();
        part.add(pages);
        part.remove(passed);
        // SAFETY: passed on from the caller; these are the others.
        unsafe { source.end_write(part, Outcome::Unchanged) };
    }

    /// Zeroes pages that the target has nothing in, if that matters.
    ///
    /// # Safety
    ///
    /// They are pinned there for writing.
    unsafe fn clear(&self, pages: &Pages) -> Result<(), RegionError> {
        // SAFETY: passed on from the caller.
        unsafe { clear(self.target, pages.iter().filter(|page| self.is_cleared(*page))) }
    }

    fn is_cleared(&self, page: usize) -> bool {
        let valid = self.target.pages().valid(page / 64);
        self.contents != Contents::Its && valid >> (page % 64) & 1 == 0
    }
}

/// The pages of which two regions, that have them pinned, have not the same.
fn differing<'r, R: Region>(
    one: &'r R,
    other: &'r R,
    pages: &'r Pages,
) -> impl Iterator<Item = usize> + 'r {
    let (one, other) = (one.pages(), other.pages());
    pages.iter().filter(|page| {
        let both = one.valid(page / 64) & other.valid(page / 64);
        both >> (page % 64) & 1 == 0 || one.stamp(*page) != other.stamp(*page)
    })
}
