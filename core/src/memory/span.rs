//! Which elements are meant.

use core::ops::{Bound, Range, RangeBounds};

use super::MemoryError;

/// The elements of `range`, if they are all among `of`.
pub(super) fn within(
    range: impl RangeBounds<usize>,
    of: usize,
) -> Result<Range<usize>, MemoryError> {
    let start = match range.start_bound() {
        Bound::Included(&start) => Some(start),
        Bound::Excluded(&before) => before.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1),
        Bound::Excluded(&end) => Some(end),
        Bound::Unbounded => Some(of),
    };
    match (start, end) {
        (Some(start), Some(end)) if start <= end && end <= of => Ok(start..end),
        (Some(start), Some(end)) => {
            Err(MemoryError::OutOfRange { start, len: end.saturating_sub(start), of })
        }
        _ => {
            Err(MemoryError::OutOfRange { start: start.unwrap_or(usize::MAX), len: usize::MAX, of })
        }
    }
}

/// The `len` elements from `start` on, if they are all among `of`.
#[inline]
pub(super) fn counted(start: usize, len: usize, of: usize) -> Result<Range<usize>, MemoryError> {
    match start.checked_add(len) {
        Some(end) if end <= of => Ok(start..end),
        _ => Err(MemoryError::OutOfRange { start, len, of }),
    }
}
