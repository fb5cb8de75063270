//! Pages that are pinned on two sides while bytes go from the one to the other.

use super::{Copied, Outcome, Pages, Region, RegionError, Run};
use crate::memory::MemoryError;

/// How the source is pinned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Others may read it, too.
    Read,
    /// It is changed with the destination.
    Write,
}

/// Why copying stopped, and the first page that it did not come to.
pub(super) struct Stopped {
    pub(super) error: RegionError,
    pub(super) at: usize,
}

/// Two regions, and how the source of the two is pinned.
pub(super) struct Carry<'r, D: Region + ?Sized, S: Region + ?Sized> {
    pub(super) to: &'r D,
    pub(super) from: &'r S,
    pub(super) source: Source,
}

impl<D: Region + ?Sized, S: Region + ?Sized> Carry<'_, D, S> {
    /// Pins pages, looks whether they may be copied (`check`), posts the copies of each run
    /// (`post`), flushes both sides once, and ends writing in the destination (`commit`).
    ///
    /// If that fails on the way, pages of the destination that copies were posted to hold
    /// nothing any more, the others are as before, and `pages` are none.
    pub(super) fn run(
        &self,
        pages: &mut Pages,
        check: impl FnOnce(&Pages) -> Result<(), RegionError>,
        post: impl FnMut(Run, &mut Copied) -> Result<(), Stopped>,
        commit: impl FnOnce(&Pages),
    ) -> Result<Copied, RegionError> {
        self.pin(pages)?;
        let result = match check(pages) {
            Ok(()) => self.copy(pages, post),
            Err(error) => Err(Stopped { error, at: 0 }),
        };
        if result.is_ok() {
            commit(pages);
        }
        // SAFETY: pinned above, and no copy is under way.
        unsafe { self.unpin_source(pages) };
        result.map_err(|Stopped { error, at }| {
            // SAFETY: pinned above and not committed; no copy is under way.
            unsafe { end_failed(self.to, pages, at) };
            error
        })
    }

    /// Pins both sides in the order of the regions' ids, so that nobody waits in a circle.
    fn pin(&self, pages: &Pages) -> Result<(), RegionError> {
        if self.from.id() < self.to.id() {
            self.pin_source(pages)?;
            return self.to.begin_write(pages).inspect_err(|_| {
                // SAFETY: pinned just now, and nothing of it was lent.
                unsafe { self.unpin_source(pages) };
            });
        }
        self.to.begin_write(pages)?;
        self.pin_source(pages).inspect_err(|_| {
            // SAFETY: pinned just now, and nothing of it was lent.
            unsafe { self.to.end_write(pages, Outcome::Unchanged) };
        })
    }

    fn pin_source(&self, pages: &Pages) -> Result<(), RegionError> {
        match self.source {
            Source::Read => self.from.begin_read(pages),
            Source::Write => self.from.begin_write(pages),
        }
    }

    /// # Safety
    ///
    /// Pinned by [`pin_source`](Self::pin_source), and not used any more.
    unsafe fn unpin_source(&self, pages: &Pages) {
        match self.source {
            // SAFETY: passed on from the caller.
            Source::Read => unsafe { self.from.end_read(pages) },
            // SAFETY: passed on from the caller.
            Source::Write => unsafe { self.from.end_write(pages, Outcome::Unchanged) },
        }
    }

    /// Copies pinned pages; nothing is under way any more when it returns.
    fn copy(
        &self,
        pages: &Pages,
        mut post: impl FnMut(Run, &mut Copied) -> Result<(), Stopped>,
    ) -> Result<Copied, Stopped> {
        let mut copied = Copied { pages: pages.count(), ..Copied::default() };
        let failures = self.failures();
        let posted = pages.runs().try_for_each(|run| post(run, &mut copied));
        let flushed = self.to.flush().and(self.from.flush());
        posted?;
        let flushed = match self.failures() == failures {
            true => flushed,
            // Whoever flushed first may have been told instead.
            false => flushed.and(Err(MemoryError::FlushFailed.into())),
        };
        let end = pages.words().len() * 64;
        flushed.map(|()| copied).map_err(|error| Stopped { error, at: end })
    }

    fn failures(&self) -> u32 {
        self.to.failures().wrapping_add(self.from.failures())
    }
}

/// Ends writing of pages, of which those before `at` may hold anything; none are left.
///
/// # Safety
///
/// They are pinned for writing, and no copy is under way.
unsafe fn end_failed<D: Region + ?Sized>(to: &D, pages: &mut Pages, at: usize) {
    let words = pages.words_mut();
    let group = (at / 64).min(words.len());
    let split = words.get(group).copied().unwrap_or(0);
    let before = split & ((1 << (at % 64)) - 1);
    if let Some(word) = words.get_mut(group) {
        *word = before;
    }
    let touched = &words[..words.len().min(group + 1)];
    // SAFETY: passed on from the caller.
    unsafe { to.end_write(Pages::new(touched), Outcome::Failed) };
    words[..group].fill(0);
    if let Some(word) = words.get_mut(group) {
        *word = split & !before;
    }
    // SAFETY: passed on from the caller.
    unsafe { to.end_write(pages, Outcome::Unchanged) };
    pages.clear();
}
