//! Ranges of positions, as callers name them.

use core::ops::{Bound, Range, RangeBounds};

use super::ContainerError;

/// `range` of a container with `len` elements.
pub(super) fn within(
    range: impl RangeBounds<usize>,
    len: usize,
) -> Result<Range<usize>, ContainerError> {
    let after =
        |index: usize| index.checked_add(1).ok_or(ContainerError::OutOfBounds { index, len });
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => after(before)?,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => after(last)?,
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    if end > len {
        return Err(ContainerError::OutOfBounds { index: end, len });
    }
    if start > end {
        return Err(ContainerError::OutOfBounds { index: start, len: end });
    }
    Ok(start..end)
}
