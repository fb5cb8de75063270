//! Where pinned pages are, one place after the other.

use super::{Region, RegionError, Run};
use crate::memory::Place;

/// Where the pages of `run` are, which are pinned: in ascending order, as many at a time as
/// follow one another in one memory, with their place.
///
/// It ends behind the first error, which is that of [`Region::place`].
pub fn places<'r>(
    region: &'r dyn Region,
    run: Run,
) -> impl Iterator<Item = Result<(Run, Place<'r>), RegionError>> {
    let page_size = region.geometry().page_size();
    let mut left = run;
    core::iter::from_fn(move || {
        if left.len == 0 {
            return None;
        }
        let first = left.first;
        let found = region.place(left).map(|place| {
            let len = place.len.div_ceil(page_size).clamp(1, left.len);
            (Run { first, len }, place)
        });
        let len = found.as_ref().map_or(left.len, |(part, _)| part.len);
        left = Run { first: first + len, len: left.len - len };
        Some(found)
    })
}

/// Zeroes pages that hold nothing, for nobody may read what was never written.
///
/// # Safety
///
/// They are pinned for writing.
pub(super) unsafe fn clear(
    region: &dyn Region,
    mut pages: impl Iterator<Item = usize>,
) -> Result<(), RegionError> {
    pages.try_for_each(|first| {
        let place = region.place(Run { first, len: 1 })?;
        // SAFETY: passed on from the caller.
        unsafe { place.memory.fill(place.address, 0, place.len) }.map_err(RegionError::from)
    })
}
