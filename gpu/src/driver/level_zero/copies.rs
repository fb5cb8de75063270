//! Copies and fills.

use std::ptr;

use super::super::StreamId;
use super::At;
use super::table::Word;
use crate::GpuError;

impl At<'_> {
    /// # Safety
    ///
    /// As [`Driver::copy`](super::super::Driver::copy).
    pub(super) unsafe fn copy(
        self,
        stream: Option<StreamId>,
        to: Word,
        from: Word,
        bytes: usize,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's; there are no events.
        self.in_order(stream, |list| unsafe {
            self.table.copy(list, to, from, bytes, 0, 0, ptr::null())
        })
    }

    /// # Safety
    ///
    /// As [`Driver::fill`](super::super::Driver::fill).
    pub(super) unsafe fn fill(
        self,
        stream: Option<StreamId>,
        at: Word,
        byte: u8,
        bytes: usize,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's; the pattern is read at once, and there are no events.
        self.in_order(stream, |list| unsafe {
            self.table.fill(list, at, &byte, 1, bytes, 0, 0, ptr::null())
        })
    }
}
