//! The bytes that all processes of a sweep share.

use std::ffi::c_int;
use std::fs::File;
use std::io::Error;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::{self, NonNull};
use std::slice;

use anymem_core::backend::Backend;
use anymem_core::offset::Offset;

/// Where [`Memory`] is mapped, if that is free: calls whose ways depend on
/// addresses go the same way in each run.
const PLACE: usize = 0x5a_0000_0000;

/// A memory file, mapped.
#[derive(Debug)]
pub(super) struct Memory {
    file: File,
    base: NonNull<u8>,
    len: usize,
}

impl Memory {
    /// `len` bytes, all zero.
    pub(super) fn new(len: usize) -> Self {
        // SAFETY: the name ends in a zero byte; nobody else has the descriptor.
        let file = unsafe {
            let fd = libc::memfd_create(c"sweep".as_ptr(), libc::MFD_CLOEXEC);
            assert!(fd >= 0, "a memory file: {}", Error::last_os_error());
            File::from_raw_fd(fd)
        };
        file.set_len(len as u64).expect("room");
        let base = map(&file, ptr::without_provenance_mut(PLACE), len, libc::MAP_SHARED);
        Self { file, base, len }
    }

    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Gives the calling process a copy of its own, at the same place.
    pub(super) fn keep_to_itself(&self) {
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED;
        let base = map(&self.file, self.base.as_ptr().cast(), self.len, flags);
        assert_eq!(base, self.base, "mapped elsewhere");
    }

    /// A copy of the bytes.
    pub(super) fn image(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    /// Puts a copy back.
    pub(super) fn restore(&self, image: &[u8]) {
        assert_eq!(image.len(), self.len, "an image of something else");
        // SAFETY: as long as the mapping, just checked, in which nobody runs.
        unsafe { self.base.copy_from_nonoverlapping(NonNull::from(image).cast(), self.len) };
    }

    /// Brings the start of `image` up to date; whether it was not.
    pub(super) fn refresh(&self, image: &mut [u8]) -> bool {
        let now = &self.bytes()[..image.len()];
        let differs = now != image;
        if differs {
            image.copy_from_slice(now);
        }
        differs
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: mapped as long as `self`; whoever else has the bytes is stopped
        // or has ended when a sweep looks at them.
        unsafe { slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`; whatever borrows it is gone.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

fn map(file: &File, at: *mut libc::c_void, len: usize, flags: c_int) -> NonNull<u8> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fixed place is one that a `Memory` has mapped already, and any
    // other is chosen by the system where nothing is.
    let base = unsafe { libc::mmap(at, len, access, flags, file.as_raw_fd(), 0) };
    assert_ne!(base, libc::MAP_FAILED, "not mapped: {}", Error::last_os_error());
    NonNull::new(base.cast()).expect("not null")
}

/// The part of a [`Memory`] that is a heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    base: NonNull<u8>,
    len: usize,
    _memory: PhantomData<&'a Memory>,
}

// SAFETY: a shared borrow of a mapping, which only tells where it is.
unsafe impl Send for Window<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Window<'_> {}

impl<'a> Window<'a> {
    /// All bytes from `at` on, a multiple of a page.
    pub(super) fn new(memory: &'a Memory, at: usize) -> Self {
        assert!(at < memory.len && at.is_multiple_of(Self::ALIGN), "not a place for a heap");
        // SAFETY: inside the mapping, just checked.
        let base = unsafe { memory.base.add(at) };
        Self { base, len: memory.len - at, _memory: PhantomData }
    }
}

// SAFETY: the mapping outlives `'a` and stays where it is; it starts with a page;
// the memory file has room behind all of it.
unsafe impl Backend for Window<'_> {
    const ALIGN: usize = 4096;

    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn shared(&self) -> bool {
        true
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        // SAFETY: inside the mapping, whose owner the caller is. A private copy
        // refuses.
        unsafe {
            libc::madvise(self.base.add(at.get()).as_ptr().cast(), len, libc::MADV_REMOVE) == 0
        }
    }
}
