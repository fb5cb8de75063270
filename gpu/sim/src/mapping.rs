//! Mappings of this process, and the files of memory behind them.

use std::ffi::c_void;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::MemfdFlags;
use rustix::mm::{MapFlags, ProtFlags};

use crate::SimError;

/// A whole number of pages that holds so many bytes; `None` if there is none.
pub(crate) fn whole_pages(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(rustix::param::page_size())
}

/// A file of memory, all zero, that has no name.
pub(crate) fn memory_file(label: &str, bytes: usize) -> Result<OwnedFd, SimError> {
    let file = rustix::fs::memfd_create(label, MemfdFlags::CLOEXEC)
        .map_err(SimError::system("memfd_create"))?;
    rustix::fs::ftruncate(&file, bytes as u64).map_err(SimError::system("ftruncate"))?;
    Ok(file)
}

/// Whether the processor may touch a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    /// It gets SIGSEGV.
    Faults,
    /// It may read and write.
    Allowed,
}

impl Touch {
    fn protection(self) -> ProtFlags {
        match self {
            Self::Faults => ProtFlags::empty(),
            Self::Allowed => ProtFlags::READ | ProtFlags::WRITE,
        }
    }
}

/// Addresses of this process that are nobody else's, until this is dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it is a range of addresses; whoever uses the bytes behind them sees to the order.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Addresses with nothing behind them, which fault.
    pub(crate) fn reserve(bytes: usize) -> Result<Self, SimError> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: the kernel chooses the place, where nothing is mapped.
        let start = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), bytes, ProtFlags::empty(), flags)
        };
        Self::of(start, bytes)
    }

    /// Memory of the processor's own, all zero.
    pub(crate) fn anonymous(bytes: usize) -> Result<Self, SimError> {
        let protection = Touch::Allowed.protection();
        // SAFETY: as above.
        let start = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), bytes, protection, MapFlags::SHARED)
        };
        Self::of(start, bytes)
    }

    /// Bytes of a file, from `offset` on.
    pub(crate) fn of_file(
        file: impl AsFd,
        offset: u64,
        bytes: usize,
        touch: Touch,
    ) -> Result<Self, SimError> {
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: as above.
        let start = unsafe {
            rustix::mm::mmap(ptr::null_mut(), bytes, touch.protection(), flags, file, offset)
        };
        Self::of(start, bytes)
    }

    fn of(start: Result<*mut c_void, rustix::io::Errno>, bytes: usize) -> Result<Self, SimError> {
        let start = start.map_err(SimError::system("mmap"))?.cast();
        let start = NonNull::new(start).ok_or(SimError::System { call: "mmap", code: 0 })?;
        Ok(Self { start, bytes })
    }

    /// Its first byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// The first byte's address.
    pub(crate) fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }

    /// Lets a file stand behind a part of it, which faults nonetheless.
    pub(crate) fn put(&self, at: usize, bytes: usize, file: impl AsFd) -> Result<(), SimError> {
        let flags = MapFlags::SHARED | MapFlags::NORESERVE | MapFlags::FIXED;
        let place = self.part(at, bytes)?;
        // SAFETY: the place is within this mapping, where nothing is that anybody may touch.
        unsafe { rustix::mm::mmap(place, bytes, ProtFlags::empty(), flags, file, 0) }
            .map_err(SimError::system("mmap"))
            .map(drop)
    }

    /// Lets nothing stand behind a part of it.
    pub(crate) fn clear(&self, at: usize, bytes: usize) -> Result<(), SimError> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        let place = self.part(at, bytes)?;
        // SAFETY: as in `put`.
        unsafe { rustix::mm::mmap_anonymous(place, bytes, ProtFlags::empty(), flags) }
            .map_err(SimError::system("mmap"))
            .map(drop)
    }

    fn part(&self, at: usize, bytes: usize) -> Result<*mut c_void, SimError> {
        if at.checked_add(bytes).is_none_or(|end| end > self.bytes) {
            return Err(SimError::Invalid { what: "range" });
        }
        Ok(self.start.as_ptr().wrapping_add(at).cast())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the addresses are this mapping's own, and nobody uses them any more. If the
        // kernel refuses, they stay.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
