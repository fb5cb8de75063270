//! Private anonymous pages.

use core::ptr::NonNull;

use anymem_core::backend::Backend;
use anymem_core::offset::Offset;

use crate::backend::any::BackendKind;
use crate::backend::length::check_size;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::map::{self, Mapping};
use crate::sys::{self, page_size};

/// Pages of this process alone, which take memory once they are written.
///
/// The base is aligned to 64 KiB, and to 2 MiB for spans of that length; for
/// parts that are [expected](Backend::expect) to be filled the system is asked
/// for huge pages, with which writing fresh memory costs a tenth. A forked child
/// gets a copy, as with all private memory.
///
/// ```
/// use anymem::Size;
/// use anymem::backend::{Backend, MmapBackend};
/// let backend = MmapBackend::new(Size::gib(1))?;
/// assert_eq!(backend.len(), 1 << 30);
/// # Ok::<(), anymem::HeapError>(())
/// ```
#[derive(Debug)]
pub struct MmapBackend {
    map: Mapping,
    len: usize,
}

impl MmapBackend {
    /// Maps a span of `size` bytes.
    ///
    /// # Errors
    ///
    /// [`HeapError::ZeroSize`], [`HeapError::AbsurdSize`], and
    /// [`HeapError::NoAddressSpace`] where the system refuses.
    pub fn new(size: impl IntoSize) -> Result<Self, HeapError> {
        let size = size.into_size()?;
        let len = check_size(size)?;
        let map = Mapping::anonymous(len).map_err(|_| HeapError::NoAddressSpace { size })?;
        Ok(Self { map, len })
    }

    /// Changes who may access a part of the span; whether it could.
    fn protect(&self, at: Offset, len: usize, access: i32) -> bool {
        let end = at.get().checked_add(len);
        if end.is_none_or(|end| end > self.len) {
            return false;
        }
        // SAFETY: the range is within the mapping (just checked); its contents
        // stay, and who guards it is who it was handed out by.
        unsafe { libc::mprotect(self.map.base().add(at.get()).as_ptr().cast(), len, access) == 0 }
    }
}

// SAFETY: the mapping lives as long as the backend and stays where it is when
// the backend moves; its base is aligned to `sys::ALIGN`; nobody else knows of
// it; private pages are there when they are written (or the system ends the
// process for lack of memory, as with all private memory).
unsafe impl Backend for MmapBackend {
    const ALIGN: usize = sys::ALIGN;

    fn base(&self) -> NonNull<u8> {
        self.map.base()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn expect(&self, at: Offset, len: usize) {
        if at.get().checked_add(len).is_some_and(|end| end <= self.len) && len > 0 {
            // SAFETY: the range is within the mapping (just checked); the advice
            // changes no contents. It is one: where it cannot be taken, nothing
            // is lost.
            let _ = unsafe {
                let start = self.map.base().add(at.get());
                libc::madvise(start.as_ptr().cast(), len, libc::MADV_HUGEPAGE)
            };
        }
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        let end = at.get().checked_add(len);
        if end.is_none_or(|end| end > self.len) {
            return false;
        }
        // SAFETY: the range is within the mapping (checked), and its contents
        // are the caller's to discard.
        unsafe { map::discard(self.map.base().add(at.get()), len) }
    }

    fn relocate(&self, from: Offset, to: Offset, len: usize) -> bool {
        let ends = [from, to].map(|at| at.get().checked_add(len));
        ends.into_iter().all(|end| end.is_some_and(|end| end <= self.len))
            // SAFETY: both ranges are within the mapping (just checked), and the
            // caller's alone.
            && unsafe {
                let base = self.map.base();
                map::relocate(base.add(from.get()), base.add(to.get()), len)
            }
    }

    fn guard_size(&self) -> usize {
        page_size()
    }

    fn guard(&self, at: Offset, len: usize) -> bool {
        self.protect(at, len, libc::PROT_NONE)
    }

    fn unguard(&self, at: Offset, len: usize) -> bool {
        self.protect(at, len, libc::PROT_READ | libc::PROT_WRITE)
    }
}

impl BackendKind for MmapBackend {
    fn create(size: Size, _url: &str) -> Result<Self, HeapError> {
        Self::new(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEN: usize = 1 << 20;

    fn bytes(backend: &mut MmapBackend, at: usize) -> &mut [u8] {
        // SAFETY: within the span, which only this test uses, a part at a time.
        unsafe { core::slice::from_raw_parts_mut(backend.base().add(at).as_ptr(), LEN) }
    }

    #[test]
    fn relocated_pages_leave_zeroes() {
        let mut backend = MmapBackend::new(Size::mib(16)).unwrap();
        bytes(&mut backend, LEN).fill(7);
        bytes(&mut backend, 4 * LEN).fill(9);
        assert!(backend.relocate(Offset::new(LEN), Offset::new(4 * LEN), LEN));
        assert!(bytes(&mut backend, 4 * LEN).iter().all(|&byte| byte == 7));
        assert!(bytes(&mut backend, LEN).iter().all(|&byte| byte == 0));
        bytes(&mut backend, LEN).fill(1);
        assert!(bytes(&mut backend, 4 * LEN).iter().all(|&byte| byte == 7));
    }

    #[test]
    fn nothing_is_relocated_beyond_the_span() {
        let mut backend = MmapBackend::new(Size::mib(2)).unwrap();
        bytes(&mut backend, 0).fill(7);
        for (from, to) in [(0, 2 * LEN), (0, usize::MAX - 4095), (2 * LEN, 0)] {
            assert!(!backend.relocate(Offset::new(from), Offset::new(to), LEN));
        }
        assert!(bytes(&mut backend, 0).iter().all(|&byte| byte == 7));
    }
}
