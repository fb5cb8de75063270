//! Ranges of address space that are unmapped when they are dropped.

use core::ptr::{self, NonNull};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{errno, page_size};

/// Base alignment of every mapping here: the largest slab of a heap.
pub(crate) const ALIGN: usize = 64 << 10;

/// Base alignment of mappings that are as long themselves, for huge pages.
const HUGE: usize = 2 << 20;

/// Why a range could not be mapped: the system's error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MapError(pub(crate) i32);

/// One mapped range.
///
/// # Invariants
///
/// `base..base + len` is mapped by this value and unmapped by nobody else;
/// `base` is a multiple of [`ALIGN`] and `len` of the page size.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping is an address range that it alone unmaps; it hands out no
// references.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of zeroes that only this process sees and that take
    /// memory once they are written.
    pub(crate) fn anonymous(len: usize) -> Result<Self, MapError> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        Self::reserve(len)?.fill(libc::PROT_READ | libc::PROT_WRITE, flags, -1)
    }

    /// Maps the first `len` bytes of a file, shared with whoever else maps it.
    pub(crate) fn file(file: BorrowedFd<'_>, len: usize, writable: bool) -> Result<Self, MapError> {
        let write = if writable { libc::PROT_WRITE } else { 0 };
        Self::reserve(len)?.fill(libc::PROT_READ | write, libc::MAP_SHARED, file.as_raw_fd())
    }

    /// The first byte.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Takes address space for `len` bytes, rounded up to pages, without access
    /// rights.
    ///
    /// Takes more than that, for the kernel aligns to pages only, and gives the
    /// ends back.
    fn reserve(len: usize) -> Result<Self, MapError> {
        const NO_MEMORY: MapError = MapError(libc::ENOMEM);
        let align = if len >= HUGE { HUGE } else { ALIGN };
        let len = len.checked_next_multiple_of(page_size()).ok_or(NO_MEMORY)?;
        let all = len.checked_add(align).filter(|all| *all <= isize::MAX as usize);
        let all = all.ok_or(NO_MEMORY)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: the kernel chooses the place, so nothing else is touched.
        let start = unsafe { libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(MapError(errno()));
        }
        let start = NonNull::new(start.cast::<u8>()).ok_or(NO_MEMORY)?;
        Ok(trim(start, all, align, len))
    }

    /// Puts something behind the whole range.
    fn fill(self, access: i32, flags: i32, file: i32) -> Result<Self, MapError> {
        let place = self.base.as_ptr().cast();
        // SAFETY: the range is this mapping's own (type invariant), and nobody
        // else knows of it yet, so replacing it takes nothing from anybody.
        let got = unsafe { libc::mmap(place, self.len, access, flags | libc::MAP_FIXED, file, 0) };
        if got == libc::MAP_FAILED { Err(MapError(errno())) } else { Ok(self) }
    }
}

/// Moves pages from one place of a private anonymous mapping to another; whether
/// it did. Zeroes are left behind.
///
/// # Safety
///
/// Both ranges are part of a mapping that [`Mapping::anonymous`] made, do not
/// overlap, and are used by nobody else.
pub(crate) unsafe fn relocate(from: NonNull<u8>, to: NonNull<u8>, len: usize) -> bool {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP;
    let (from, to) = (from.as_ptr().cast(), to.as_ptr().cast::<libc::c_void>());
    // SAFETY: the contract above; what stood at `to` is nobody's.
    if unsafe { libc::mremap(from, len, len, flags, to) } == to {
        return true;
    }
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let (access, keep) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_FIXED_NOREPLACE);
    // If the kernel ran short of memory after it had cleared the place, there is
    // nothing; if before, this changes nothing.
    // SAFETY: replaces nothing that is mapped.
    unsafe { libc::mmap(to, len, access, flags | keep, -1, 0) };
    false
}

/// Cuts the mapped range `start..start + all` down to `len` bytes whose base is
/// a multiple of `align`.
fn trim(start: NonNull<u8>, all: usize, align: usize, len: usize) -> Mapping {
    let before = start.addr().get().next_multiple_of(align) - start.addr().get();
    // SAFETY: `all` is `len + align` and `before < align`, so `base` and `end`
    // are inside the range or one past it.
    let (base, end) = unsafe { (start.add(before), start.add(before + len)) };
    unmap(start, before);
    unmap(end, all - before - len);
    Mapping { base, len }
}

/// Unmaps what the caller has mapped and nobody uses.
fn unmap(start: NonNull<u8>, len: usize) {
    if len > 0 {
        // SAFETY: this module calls it only with parts of ranges that it
        // mapped and that nobody uses any more.
        let _ = unsafe { libc::munmap(start.as_ptr().cast(), len) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        unmap(self.base, self.len);
    }
}
