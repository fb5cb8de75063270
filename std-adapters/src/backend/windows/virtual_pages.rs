//! Private pages: reserved first, and committed when they are used.

use core::ptr::NonNull;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;
use windows_sys::Win32::Foundation::ERROR_INVALID_PARAMETER;

use crate::backend::any::BackendKind;
use crate::backend::length::check_size;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::pages::Pages;
use crate::sys::{self, page_size};

/// Pages of this process alone (`VirtualAlloc`).
///
/// Making one takes address space only. Memory is [committed](Backend::commit) when the
/// heap is about to use it, so that running out of it is an error value, and decommitted
/// when the heap gives it back.
///
/// ```
/// use anymem::Size;
/// use anymem::backend::{Backend, VirtualBackend};
/// let backend = VirtualBackend::new(Size::gib(1))?;
/// assert_eq!(backend.len(), 1 << 30);
/// # Ok::<(), anymem::HeapError>(())
/// ```
#[derive(Debug)]
pub struct VirtualBackend {
    pages: Pages,
    len: usize,
}

impl VirtualBackend {
    /// Reserves a span of `size` bytes.
    ///
    /// # Errors
    ///
    /// [`HeapError::ZeroSize`], [`HeapError::AbsurdSize`], and
    /// [`HeapError::NoAddressSpace`] where the system refuses.
    pub fn new(size: impl IntoSize) -> Result<Self, HeapError> {
        let size = size.into_size()?;
        let len = check_size(size)?;
        let pages = Pages::reserve(len).map_err(|_| HeapError::NoAddressSpace { size })?;
        Ok(Self { pages, len })
    }

    /// Whether `len` bytes at `at` are within the span, and any.
    fn holds(&self, at: Offset, len: usize) -> bool {
        len > 0 && at.get().checked_add(len).is_some_and(|end| end <= self.len)
    }
}

// SAFETY: the range lives as long as the backend and stays where it is when the backend
// moves; the system aligns it to 64 KiB; nobody else knows of it; what is not committed
// reads as zero (`sys::pages`), and what `commit` has committed can be written.
unsafe impl Backend for VirtualBackend {
    const ALIGN: usize = sys::ALIGN;

    fn base(&self) -> NonNull<u8> {
        self.pages.base()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        let failed = |code| CommitError { at, len, code, gone: false };
        if len == 0 {
            return Ok(());
        }
        if !self.holds(at, len) {
            return Err(failed(ERROR_INVALID_PARAMETER as i32));
        }
        // SAFETY: just checked.
        unsafe { self.pages.commit(at.get(), len) }.map_err(failed)
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        // SAFETY: just checked; the contents are the caller's to discard.
        self.holds(at, len) && unsafe { self.pages.decommit(at.get(), len) }
    }

    fn guard_size(&self) -> usize {
        page_size()
    }

    fn guard(&self, at: Offset, len: usize) -> bool {
        // SAFETY: just checked; who guards it is who it was handed out by.
        self.holds(at, len) && unsafe { self.pages.protect(at.get(), len, false) }
    }

    fn unguard(&self, at: Offset, len: usize) -> bool {
        // SAFETY: as above.
        self.holds(at, len) && unsafe { self.pages.protect(at.get(), len, true) }
    }
}

impl BackendKind for VirtualBackend {
    fn create(size: Size, _url: &str) -> Result<Self, HeapError> {
        Self::new(size)
    }
}
