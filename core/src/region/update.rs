//! Copies of pages from one region to another.

use core::ops::AddAssign;

use super::carry::{Carry, Source, Stopped};
use super::division::update_each;
use super::plan::Plan;
use super::{Outcome, Pages, Region, RegionError, Run};
use crate::memory::{Route, post_transfer};
use crate::sync::atomic::{AtomicU32, Ordering};

/// How pages are to be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Leave out pages that hold the same already, by their [stamps](super::Stamp).
    pub stale_only: bool,
    /// Copy over pages that were written in the destination, too.
    pub force: bool,
}

impl Options {
    /// Copies what is stale, and nothing over what was written in the destination.
    #[must_use]
    pub const fn new() -> Self {
        Self { stale_only: true, force: false }
    }

    /// The same, over whatever was written in the destination.
    #[must_use]
    pub const fn forced() -> Self {
        Self { stale_only: true, force: true }
    }

    /// Copies all pages, be they stale or not.
    #[must_use]
    pub const fn everything() -> Self {
        Self { stale_only: false, force: false }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// What an update has copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Pages.
    pub pages: usize,
    /// Pages that the destination has and that held the same already.
    pub skipped: usize,
    /// Copies, of as many pages each as follow one another on both sides.
    pub runs: usize,
    /// Bytes.
    pub bytes: usize,
    /// Those of the copies that went by way of a temporary.
    pub by_temporary: usize,
}

impl AddAssign for Copied {
    fn add_assign(&mut self, more: Self) {
        self.pages += more.pages;
        self.skipped += more.skipped;
        self.runs += more.runs;
        self.bytes += more.bytes;
        self.by_temporary += more.by_temporary;
    }
}

/// Copies pages of `from` to the same pages of `to`.
///
/// Only pages that are allocated in `to` are copied; all others of `pages` are left out.
/// Pages hold the same if their [stamps](super::Stamp) are equal. Pages that follow one
/// another are copied at once. All copies are posted, and both regions flushed once; then
/// the pages take over the stamps.
///
/// `pages` are the ones that were copied when it returns; or those that an error is about, if
/// that was found before they were pinned.
///
/// If both are the same region there is nothing to copy.
///
/// # Errors
///
/// Before any byte has moved:
///
/// - [`Geometry`](RegionError::Geometry), if the regions differ.
/// - [`Unallocated`](RegionError::Unallocated), if pages of `to` are not there in `from`.
/// - [`Invalid`](RegionError::Invalid), if `from` has nothing in them.
/// - [`Overwrite`](RegionError::Overwrite), if they were written in `to`, and hold something
///   else than in `from`; unless it is forced.
/// - What pinning the pages says.
///
/// Later what their memories say, or a transport. Pages that were to be copied by then hold
/// nothing in `to` any more; the others are as before.
pub fn update<D: Region + ?Sized, S: Region + ?Sized>(
    to: &D,
    from: &S,
    pages: &mut Pages,
    options: Options,
) -> Result<Copied, RegionError> {
    if to.id() == from.id() {
        pages.clear();
        return Ok(Copied::default());
    }
    let (source, destination) = (from.geometry(), to.geometry());
    if source != destination {
        return Err(RegionError::Geometry { source, destination });
    }
    from.refresh()?;
    to.refresh()?;
    let plan = Plan {
        to,
        from,
        is_stale_only: options.stale_only,
        is_forced: options.force,
        number: next_number(),
    };
    let skipped = plan.make(pages)?;
    if pages.is_empty() {
        return Ok(Copied { skipped, ..Copied::default() });
    }
    if let Some(copied) = update_each(to, from, pages, options) {
        return Ok(Copied { skipped, ..copied? });
    }
    let carry = Carry { to, from, source: Source::Read };
    let copied = carry.run(
        pages,
        |pages| plan.check(pages),
        |run, copied| post(to, from, run, copied),
        // SAFETY: pinned for writing by then, and copied from pages that still are.
        |pages| unsafe { to.end_write(pages, Outcome::Copied(from.pages())) },
    )?;
    plan.confirm(pages);
    Ok(Copied { skipped, ..copied })
}

/// A number that is not 0, and not that of another update at the time.
fn next_number() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1)
}

/// Posts the copies of a run: as many pages at a time as follow one another on both sides.
fn post<D: Region + ?Sized, S: Region + ?Sized>(
    to: &D,
    from: &S,
    run: Run,
    copied: &mut Copied,
) -> Result<(), Stopped> {
    let geometry = to.geometry();
    let mut rest = run;
    while rest.len != 0 {
        let stopped = |error| Stopped { error, at: rest.first };
        // SAFETY: the pages are pinned until what is posted here has been flushed.
        let target = unsafe { to.pinned_place(rest) }.map_err(stopped)?;
        // SAFETY: as above.
        let source = unsafe { from.pinned_place(rest) }.map_err(stopped)?;
        let bytes = target.len.min(source.len);
        let next = rest.first + bytes.div_ceil(geometry.page_size()).max(1);
        // SAFETY: the pages are pinned, the source for reading and the destination for
        // writing, and so are the places until they are unpinned, which is after a flush.
        let route = unsafe { post_transfer(target, source, bytes) }
            .map_err(|error| Stopped { error: error.into(), at: next })?;
        copied.runs += 1;
        copied.bytes += bytes;
        copied.by_temporary += usize::from(route == Route::Temporary);
        rest = Run { first: next, len: (rest.first + rest.len).saturating_sub(next) };
    }
    Ok(())
}
