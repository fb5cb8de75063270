//! Bytes for an arena, where MPI does not supply them.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use super::{ARENA_ALIGN, TransportError};

/// A zeroed block, aligned as an arena has to be.
#[derive(Debug)]
pub(super) struct Block {
    bytes: NonNull<[u8]>,
}

// SAFETY: it owns its bytes, and gives no reference to them.
unsafe impl Send for Block {}
// SAFETY: as for `Send`.
unsafe impl Sync for Block {}

/// What is allocated for `len` bytes: at least one.
fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.max(1), ARENA_ALIGN).ok()
}

impl Block {
    /// `len` bytes.
    pub(super) fn zeroed(len: usize) -> Result<Self, TransportError> {
        // SAFETY: the layout has at least one byte.
        let start = layout(len).and_then(|layout| NonNull::new(unsafe { alloc_zeroed(layout) }));
        let start = start.ok_or(TransportError::OutOfMemory(len))?;
        Ok(Self { bytes: NonNull::slice_from_raw_parts(start, len) })
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> NonNull<[u8]> {
        self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(layout) = layout(self.bytes.len()) {
            // SAFETY: allocated so by `zeroed`.
            unsafe { dealloc(self.bytes.cast().as_ptr(), layout) };
        }
    }
}
