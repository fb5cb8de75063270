//! Lengths that memory can have.

use crate::Size;
use crate::error::HeapError;

/// A size that can be mapped at all, in bytes.
pub(crate) fn check_size(size: Size) -> Result<usize, HeapError> {
    match size.get() {
        0 => Err(HeapError::ZeroSize),
        len if len > isize::MAX as usize - (4 << 20) => Err(HeapError::AbsurdSize { size }),
        len => Ok(len),
    }
}
