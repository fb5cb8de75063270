//! Changes of several regions to the same pages.

use core::ops::Range;

use super::carry::{Carry, Source, Stopped};
use super::{
    Copied, DefaultRegion, Outcome, PageArray, Pages, Region, RegionError, Run, WriteTracker,
};
use crate::memory::{HostAddressable, Memory, Place, Route, post_transfer};

/// Writes to `to` what was written in `from` since it was last clean, and takes it for clean
/// there.
///
/// Only the bytes that changed are written, as far as the tracker of `from` knows them: a
/// [`TwinTracker`](super::TwinTracker) does. So several regions that had the same pages may
/// have written different bytes of them, and all are merged into one; an
/// [`update`](super::update) from there gives each the others' changes. Of a byte that
/// several wrote the last one merged stays.
///
/// `pages` are the ones that were merged when it returns: dirty ones of `from`.
///
/// # Errors
///
/// Before any byte has moved:
///
/// - [`Geometry`](RegionError::Geometry), if the regions differ.
/// - [`Unallocated`](RegionError::Unallocated) and [`Invalid`](RegionError::Invalid), if `to`
///   has not the pages, or nothing in them to be changed.
///
/// Later as [`update`](super::update); the changes are still in `from` then.
pub fn merge<D, M, H, W>(
    to: &D,
    from: &DefaultRegion<M, H, W>,
    pages: &mut Pages,
) -> Result<Copied, RegionError>
where
    D: Region + ?Sized,
    M: Memory,
    H: HostAddressable,
    W: WriteTracker,
{
    let (source, destination) = (from.settings().geometry, to.geometry());
    if source != destination {
        return Err(RegionError::Geometry { source, destination });
    }
    for (group, bits) in pages.words_mut().iter_mut().enumerate() {
        *bits &= if to.id() == from.id() { 0 } else { from.dirty(group) };
    }
    to.refresh()?;
    has_all(to, pages)?;
    if pages.is_empty() {
        return Ok(Copied::default());
    }
    Carry { to, from, source: Source::Write }.run(
        pages,
        |pages| has_all(to, pages),
        |run, copied| post(to, from, run, copied),
        |pages| {
            // SAFETY: pinned for writing by then, and written.
            unsafe { to.end_write(pages, Outcome::Written) };
            from.forget_changes(pages);
        },
    )
}

/// Whether `to` has something in all of the pages.
fn has_all<D: Region + ?Sized>(to: &D, pages: &Pages) -> Result<(), RegionError> {
    let region = to.id();
    for (group, bits) in pages.groups() {
        let first = |bits: u64| group * 64 + bits.trailing_zeros() as usize;
        let count = |bits: u64| bits.count_ones() as usize;
        let absent = bits & !to.pages().allocated(group);
        if absent != 0 {
            let (first, pages) = (first(absent), count(absent));
            return Err(RegionError::Unallocated { region, first, pages });
        }
        let invalid = bits & !to.pages().valid(group);
        if invalid != 0 {
            let (first, pages) = (first(invalid), count(invalid));
            return Err(RegionError::Invalid { region, first, pages });
        }
    }
    Ok(())
}

/// Posts the changes of each page of a run.
fn post<D, M, H, W>(
    to: &D,
    from: &DefaultRegion<M, H, W>,
    run: Run,
    copied: &mut Copied,
) -> Result<(), Stopped>
where
    D: Region + ?Sized,
    M: Memory,
    H: HostAddressable,
    W: WriteTracker,
{
    for page in run.first..run.first + run.len {
        let page_only = Run { first: page, len: 1 };
        let stopped = |error| Stopped { error, at: page + 1 };
        // SAFETY: both pages are pinned for writing until what is posted here has been flushed.
        let target = unsafe { to.pinned_place(page_only) }.map_err(stopped)?;
        // SAFETY: as above.
        let source = unsafe { from.pinned_place(page_only) }.map_err(stopped)?;
        let len = target.len.min(source.len);
        let mut post = |bytes: Range<usize>| {
            if bytes.start > bytes.end || bytes.end > len {
                return Err(RegionError::Access { at: bytes.end, bytes: len });
            }
            // SAFETY: both pages are pinned for writing until a flush, and have the bytes.
            let route =
                unsafe { post_transfer(part(target, &bytes), part(source, &bytes), bytes.len())? };
            copied.runs += 1;
            copied.bytes += bytes.len();
            copied.by_temporary += usize::from(route == Route::Temporary);
            Ok(())
        };
        from.tracker().changes(from, page, &mut post).map_err(stopped)?;
    }
    Ok(())
}

fn part<'m>(place: Place<'m>, bytes: &Range<usize>) -> Place<'m> {
    Place { address: place.address.byte_add(bytes.start), len: bytes.len(), ..place }
}
