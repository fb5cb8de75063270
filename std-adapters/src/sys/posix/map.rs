//! Ranges of address space that are unmapped when they are dropped.

use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::sys::{ALIGN, errno, page_size};

/// Base alignment of mappings that are as long themselves, for huge pages.
pub(crate) const HUGE: usize = 2 << 20;

/// Pages of nobody else, which take memory only once they are written.
const UNUSED: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

const NO_MEMORY: MapError = MapError(libc::ENOMEM);

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
        Self::reserve(len)?.fill(libc::PROT_READ | libc::PROT_WRITE, UNUSED, -1)
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
    fn reserve(len: usize) -> Result<Self, MapError> {
        let align = if len >= HUGE { HUGE } else { ALIGN };
        let len = len.checked_next_multiple_of(page_size()).ok_or(NO_MEMORY)?;
        Ok(Self { base: reserve(len, align)?, len })
    }

    /// Puts something behind the whole range.
    fn fill(self, access: i32, flags: i32, file: i32) -> Result<Self, MapError> {
        let what = Contents { access, flags, file, at: 0 };
        let range = ManuallyDrop::new(self);
        // SAFETY: the range is this mapping's own (type invariant), and nobody
        // else knows of it yet.
        match unsafe { put(range.base, range.len, what) } {
            Ok(()) => Ok(ManuallyDrop::into_inner(range)),
            Err(error) => {
                abandon(range.base, range.len);
                Err(error)
            }
        }
    }
}

/// What stands behind a range, as `mmap` takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents {
    pub(crate) access: i32,
    pub(crate) flags: i32,
    /// A descriptor; -1 for none.
    pub(crate) file: i32,
    /// Where in the file the range starts.
    pub(crate) at: usize,
}

/// Maps `len` bytes, a multiple of the page size, at a multiple of `align`.
pub(crate) fn map(len: usize, align: usize, what: Contents) -> Result<NonNull<u8>, MapError> {
    if align <= page_size() {
        // SAFETY: the kernel chooses the place, so nothing else is touched.
        return unsafe { mmap(ptr::null_mut(), len, what) };
    }
    let start = reserve(len, align)?;
    // SAFETY: the range was just taken, and nobody else knows of it.
    let filled = unsafe { put(start, len, what) };
    if filled.is_err() {
        abandon(start, len);
    }
    filled.map(|()| start)
}

/// Gives a range up behind which something could not be [put].
///
/// The system may have cleared it before it failed, as it does for huge pages that there
/// are not: then it may be anybody's by now. So only what is free is taken and given back;
/// else some address space is lost, if it was not cleared.
pub(crate) fn abandon(start: NonNull<u8>, len: usize) {
    let what = Contents { access: libc::PROT_NONE, flags: UNUSED, file: -1, at: 0 };
    if take_if_free(start, len, what) {
        // SAFETY: just mapped, and nobody knows of it.
        let _ = unsafe { unmap(start, len) };
    }
}

/// Maps a range at which nothing is mapped; whether it did.
fn take_if_free(start: NonNull<u8>, len: usize, what: Contents) -> bool {
    let what = Contents { flags: what.flags | libc::MAP_FIXED_NOREPLACE, ..what };
    // SAFETY: replaces nothing that is mapped.
    let Ok(taken) = (unsafe { mmap(start.as_ptr(), len, what) }) else {
        return false;
    };
    if taken != start {
        // A kernel that does not know the flag chose a place.
        // SAFETY: just mapped, and nobody knows of it.
        let _ = unsafe { unmap(taken, len) };
    }
    taken == start
}

/// Puts something else behind a range.
///
/// # Safety
///
/// The range is mapped and the caller's alone, who needs nothing in it any more.
pub(crate) unsafe fn put(start: NonNull<u8>, len: usize, what: Contents) -> Result<(), MapError> {
    let what = Contents { flags: what.flags | libc::MAP_FIXED, ..what };
    // SAFETY: the contract above: replacing it takes nothing from anybody.
    unsafe { mmap(start.as_ptr(), len, what) }.map(|_| ())
}

/// Puts something else behind a range that is still to be the caller's if that fails.
///
/// The system may have cleared the range before it failed: then it is taken again.
///
/// # Safety
///
/// As for [`put`].
pub(crate) unsafe fn replace(
    start: NonNull<u8>,
    len: usize,
    what: Contents,
) -> Result<(), MapError> {
    // SAFETY: the contract above.
    let put = unsafe { put(start, len, what) };
    if put.is_err() && take_if_free(start, len, what) {
        return Ok(());
    }
    put
}

/// Takes address space for `len` bytes, a multiple of the page size, without access
/// rights.
///
/// Takes more than that, for the kernel aligns to pages only, and gives the
/// ends back.
fn reserve(len: usize, align: usize) -> Result<NonNull<u8>, MapError> {
    let all = len.checked_add(align).filter(|all| *all <= isize::MAX as usize);
    let all = all.ok_or(NO_MEMORY)?;
    let what = Contents { access: libc::PROT_NONE, flags: UNUSED, file: -1, at: 0 };
    // SAFETY: the kernel chooses the place, so nothing else is touched.
    let start = unsafe { mmap(ptr::null_mut(), all, what) }?;
    Ok(trim(start, all, align, len))
}

/// # Safety
///
/// What stands at `place` is the caller's, or the flags do not say `MAP_FIXED`.
unsafe fn mmap(place: *mut u8, len: usize, what: Contents) -> Result<NonNull<u8>, MapError> {
    let Contents { access, flags, file, at } = what;
    let at = libc::off_t::try_from(at).map_err(|_| MapError(libc::EOVERFLOW))?;
    // SAFETY: the contract above.
    let got = unsafe { libc::mmap(place.cast(), len, access, flags, file, at) };
    if got == libc::MAP_FAILED {
        return Err(MapError(errno()));
    }
    NonNull::new(got.cast::<u8>()).ok_or(NO_MEMORY)
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
    let place = to;
    let (from, to) = (from.as_ptr().cast(), to.as_ptr().cast::<libc::c_void>());
    // SAFETY: the contract above; what stood at `to` is nobody's.
    if unsafe { libc::mremap(from, len, len, flags, to) } == to {
        return true;
    }
    // If the kernel ran short of memory after it had cleared the place, there is
    // nothing; if before, this changes nothing.
    let access = libc::PROT_READ | libc::PROT_WRITE;
    take_if_free(place, len, Contents { access, flags: UNUSED, file: -1, at: 0 });
    false
}

/// Gives private pages back; they read as zero afterwards.
///
/// # Safety
///
/// The range is part of one private mapping, and nobody needs its contents.
pub(crate) unsafe fn discard(start: NonNull<u8>, len: usize) -> bool {
    loop {
        // SAFETY: the contract above.
        let result = unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTNEED) };
        if result == 0 || errno() != libc::EAGAIN {
            return result == 0;
        }
    }
}

/// Cuts the mapped range `start..start + all` down to `len` bytes whose base is
/// a multiple of `align`.
fn trim(start: NonNull<u8>, all: usize, align: usize, len: usize) -> NonNull<u8> {
    let before = start.addr().get().next_multiple_of(align) - start.addr().get();
    // SAFETY: `all` is `len + align` and `before < align`, so `base` and `end`
    // are inside the range or one past it; nobody uses the range yet.
    unsafe {
        let (base, end) = (start.add(before), start.add(before + len));
        let _ = unmap(start, before);
        let _ = unmap(end, all - before - len);
        base
    }
}

/// Unmaps a range.
///
/// # Safety
///
/// The caller has mapped it, and nobody uses it any more.
pub(crate) unsafe fn unmap(start: NonNull<u8>, len: usize) -> Result<(), MapError> {
    // SAFETY: the contract above.
    if len == 0 || unsafe { libc::munmap(start.as_ptr().cast(), len) } == 0 {
        return Ok(());
    }
    Err(MapError(errno()))
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping's own (type invariant).
        let _ = unsafe { unmap(self.base, self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPARE: Contents = Contents { access: libc::PROT_NONE, flags: UNUSED, file: -1, at: 0 };

    /// It was cleared, and somebody else got it, before it was given up.
    #[test]
    fn what_is_given_up_may_be_somebody_elses() {
        let theirs = Mapping::anonymous(ALIGN).expect("memory");
        // SAFETY: the mapping can be written.
        unsafe { theirs.base().write(7) };
        abandon(theirs.base(), ALIGN);
        // SAFETY: the mapping is still there.
        assert_eq!(unsafe { theirs.base().read() }, 7);
    }

    /// A descriptor that is none makes `mmap` fail.
    #[test]
    fn a_range_stays_whose_contents_could_not_be_replaced() {
        let mine = Mapping::anonymous(ALIGN).expect("memory");
        let what = Contents { access: libc::PROT_READ, flags: libc::MAP_SHARED, file: -1, at: 0 };
        // SAFETY: the range is the mapping's, which holds nothing.
        let replaced = unsafe { replace(mine.base(), ALIGN, what) };
        assert_eq!(replaced, Err(MapError(libc::EBADF)));
        assert!(!take_if_free(mine.base(), ALIGN, SPARE), "it was unmapped");
    }
}
