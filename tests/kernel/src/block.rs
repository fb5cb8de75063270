//! A block of the heap that sees whether somebody else wrote to it.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;

use crate::processor;

/// A block, full of a mark until it is dropped.
#[derive(Debug)]
pub struct Block {
    at: NonNull<u8>,
    layout: Layout,
    mark: u8,
}

// SAFETY: it owns its bytes.
unsafe impl Send for Block {}

impl Block {
    /// A block of `size` bytes, if the heap has one.
    pub fn new(size: usize, mark: u8) -> Option<Self> {
        let layout = Layout::from_size_align(size.max(1), 16).ok()?;
        // SAFETY: the size isn't 0.
        let at = processor::in_allocator(|| unsafe { alloc(layout) });
        let at = NonNull::new(at)?;
        // SAFETY: the block was just handed out.
        unsafe { at.write_bytes(mark, layout.size()) };
        Some(Self { at, layout, mark })
    }

    fn is_intact(&self) -> bool {
        // SAFETY: the block is this one's, and was written.
        let bytes = unsafe { NonNull::slice_from_raw_parts(self.at, self.layout.size()).as_ref() };
        // All are looked at, for that is quicker than to end early.
        bytes.iter().fold(0, |differs, byte| differs | (byte ^ self.mark)) == 0
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        assert!(
            self.is_intact(),
            "somebody else wrote to the block at {:p}, {:?}",
            self.at,
            self.layout
        );
        // SAFETY: allocated with that layout, and not used any more.
        processor::in_allocator(|| unsafe { dealloc(self.at.as_ptr(), self.layout) });
    }
}
