//! Private pages: address space first, memory when it is asked for.

use core::ptr::{self, NonNull};

use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_DECOMMIT, MEM_RELEASE, MEM_RESERVE, PAGE_NOACCESS, PAGE_READWRITE,
    VirtualAlloc, VirtualFree, VirtualProtect,
};

use super::reserved::{self, Reserved};
use crate::sys::errno;

/// A range of address space that is this value's alone. The system aligns it to 64 KiB.
///
/// What has no memory behind it reads as zero, and must not be written.
#[derive(Debug)]
pub(crate) struct Pages {
    base: NonNull<u8>,
    /// Kept for what it does; withdrawn before the range goes.
    note: Option<Reserved>,
}

// SAFETY: the range is an address range that it alone releases; it hands out no references.
unsafe impl Send for Pages {}
// SAFETY: as for `Send`.
unsafe impl Sync for Pages {}

impl Pages {
    /// Takes address space for `len` bytes; the system's error number if it can't.
    pub(crate) fn reserve(len: usize) -> Result<Self, i32> {
        // SAFETY: the system chooses the place, so nothing else is touched.
        let base = unsafe { VirtualAlloc(ptr::null(), len, MEM_RESERVE, PAGE_READWRITE) };
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(errno)?;
        let mut pages = Self { base, note: None };
        pages.note = Some(reserved::note(base)?);
        Ok(pages)
    }

    /// The first byte.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Puts memory behind a part of the range; the system's error number if there is none.
    ///
    /// # Safety
    ///
    /// `at..at + len` is within the range.
    pub(crate) unsafe fn commit(&self, at: usize, len: usize) -> Result<(), i32> {
        // SAFETY: the range is this value's (contract); what has memory keeps it.
        let done = unsafe {
            let start = self.base.add(at).as_ptr().cast();
            VirtualAlloc(start, len, MEM_COMMIT, PAGE_READWRITE)
        };
        if done.is_null() { Err(errno()) } else { Ok(()) }
    }

    /// Gives the memory behind a part of the range back; whether it did.
    ///
    /// # Safety
    ///
    /// `at..at + len` is within the range, and nobody needs what it holds.
    pub(crate) unsafe fn decommit(&self, at: usize, len: usize) -> bool {
        // SAFETY: the contract above. A length of 0 would mean the whole range.
        len > 0 && unsafe { VirtualFree(self.base.add(at).as_ptr().cast(), len, MEM_DECOMMIT) != 0 }
    }

    /// Makes a part of the range that has memory accessible or not; whether it did.
    ///
    /// # Safety
    ///
    /// `at..at + len` is within the range; nobody touches it while it is inaccessible.
    pub(crate) unsafe fn protect(&self, at: usize, len: usize, accessible: bool) -> bool {
        let (access, mut before) = (if accessible { PAGE_READWRITE } else { PAGE_NOACCESS }, 0);
        // SAFETY: the contract above; `before` is writable.
        unsafe {
            let start = self.base.add(at).as_ptr().cast();
            VirtualProtect(start, len, access, &raw mut before) != 0
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.note = None;
        // SAFETY: the range is this value's, and nobody uses it any more.
        let _ = unsafe { VirtualFree(self.base.as_ptr().cast(), 0, MEM_RELEASE) };
    }
}
