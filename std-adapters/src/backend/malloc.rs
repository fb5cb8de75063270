//! A span from the C library's heap.

use core::ptr::NonNull;

use anymem_core::backend::Backend;

use super::any::BackendKind;
use super::length::check_size;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::ALIGN;

/// A span from `calloc`, aligned to 64 KiB.
///
/// ```
/// use anymem::backend::{Backend, MallocBackend};
/// let backend = MallocBackend::new(1 << 20)?;
/// assert!(backend.zeroed());
/// # Ok::<(), anymem::HeapError>(())
/// ```
#[derive(Debug)]
pub struct MallocBackend {
    /// What `calloc` gave.
    block: NonNull<u8>,
    /// The first multiple of the alignment in it.
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the block is this value's own, and it only tells where it is.
unsafe impl Send for MallocBackend {}
// SAFETY: as for `Send`.
unsafe impl Sync for MallocBackend {}

impl MallocBackend {
    /// Takes a span of `size` bytes.
    ///
    /// # Errors
    ///
    /// [`HeapError::ZeroSize`], [`HeapError::AbsurdSize`], and
    /// [`HeapError::NoAddressSpace`] where there is no memory.
    pub fn new(size: impl IntoSize) -> Result<Self, HeapError> {
        let size = size.into_size()?;
        let len = check_size(size)?;
        let all = len.checked_add(ALIGN).ok_or(HeapError::AbsurdSize { size })?;
        // SAFETY: `calloc` takes any numbers.
        let block = unsafe { libc::calloc(1, all) }.cast::<u8>();
        let block = NonNull::new(block).ok_or(HeapError::NoAddressSpace { size })?;
        // SAFETY: the block is `ALIGN` bytes longer than the span, so the first
        // aligned address is inside it and has `len` bytes behind it.
        let base = unsafe { block.add(block.align_offset(ALIGN)) };
        Ok(Self { block, base, len })
    }
}

impl Drop for MallocBackend {
    fn drop(&mut self) {
        // SAFETY: the block came from `calloc`, and is freed once.
        unsafe { libc::free(self.block.as_ptr().cast()) };
    }
}

// SAFETY: the block lives as long as the backend and stays where it is when the
// backend moves; its base is aligned; it is ordinary memory, known to nobody
// else.
unsafe impl Backend for MallocBackend {
    const ALIGN: usize = ALIGN;

    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        true
    }
}

impl BackendKind for MallocBackend {
    fn create(size: Size, _url: &str) -> Result<Self, HeapError> {
        Self::new(size)
    }
}
