//! Which pages were written, as the kernel sees it: userfaultfd in its asynchronous
//! write-protect mode (Linux 6.7), read by `PAGEMAP_SCAN`.
//!
//! A write to a protected page takes the protection away, in the kernel, and nobody is told.
//! What is protected no more was written.

use core::ops::Range;
use core::ptr;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use rustix::ioctl::{Opcode, opcode};

use crate::sys::errno;

/// `struct uffdio_api`.
#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

/// `struct uffdio_register`.
#[repr(C)]
struct Register {
    start: u64,
    len: u64,
    mode: u64,
    ioctls: u64,
}

/// `struct uffdio_writeprotect`.
#[repr(C)]
struct WriteProtect {
    start: u64,
    len: u64,
    mode: u64,
}

/// `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Found {
    start: u64,
    end: u64,
    categories: u64,
}

const UFFDIO_API: Opcode = opcode::read_write::<Api>(0xAA, 0x3F);
const UFFDIO_REGISTER: Opcode = opcode::read_write::<Register>(0xAA, 0);
const UFFDIO_WRITEPROTECT: Opcode = opcode::read_write::<WriteProtect>(0xAA, 6);
const PAGEMAP_SCAN: Opcode = opcode::read_write::<Scan>(b'f', 16);

const UFFD_API: u64 = 0xAA;
const WP_HUGETLBFS_SHMEM: u64 = 1 << 12;
const WP_UNPOPULATED: u64 = 1 << 13;
const WP_ASYNC: u64 = 1 << 15;
const UFFD_USER_MODE_ONLY: i32 = 1;
const REGISTER_MODE_WP: u64 = 1 << 1;
const WRITEPROTECT_MODE_WP: u64 = 1;
const PAGE_IS_WRITTEN: u64 = 1 << 1;

/// How many ranges are asked for at a time.
const RANGES: usize = 64;

/// Ranges of addresses whose writes the kernel takes note of, until this is dropped.
#[derive(Debug)]
pub(crate) struct Userfault {
    watch: OwnedFd,
    pages: File,
}

impl Userfault {
    /// Watches nothing yet.
    ///
    /// Returns the system's error number where it refuses.
    pub(crate) fn new() -> Result<Self, i32> {
        let watch = open(libc::O_CLOEXEC).or_else(|code| match code {
            // What kernel code writes need not be handled by anybody either.
            libc::EPERM => open(libc::O_CLOEXEC | UFFD_USER_MODE_ONLY),
            code => Err(code),
        })?;
        let features = WP_ASYNC | WP_UNPOPULATED | WP_HUGETLBFS_SHMEM;
        let mut api = Api { api: UFFD_API, features, ioctls: 0 };
        // SAFETY: the structure is the one that this call reads and writes.
        unsafe { ioctl(&watch, UFFDIO_API, &raw mut api) }?;
        let pages = File::open("/proc/self/pagemap");
        let pages = pages.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        Ok(Self { watch, pages })
    }

    /// Watches a range of whole pages as well, which may be watched already.
    pub(crate) fn register(&self, range: &Range<usize>) -> Result<(), i32> {
        let (start, len) = (range.start as u64, range.len() as u64);
        let mut what = Register { start, len, mode: REGISTER_MODE_WP, ioctls: 0 };
        // SAFETY: the structure is the one that this call reads and writes; reads and writes
        // of the range do what they did before.
        unsafe { ioctl(&self.watch, UFFDIO_REGISTER, &raw mut what) }.map(drop)
    }

    /// Takes note of writes to a range that is watched, from now on.
    pub(crate) fn protect(&self, range: &Range<usize>) -> Result<(), i32> {
        let (start, len) = (range.start as u64, range.len() as u64);
        let mut what = WriteProtect { start, len, mode: WRITEPROTECT_MODE_WP };
        // SAFETY: as for `register`.
        unsafe { ioctl(&self.watch, UFFDIO_WRITEPROTECT, &raw mut what) }.map(drop)
    }

    /// Tells which parts of a protected range were written since, in ascending order.
    pub(crate) fn written(
        &self,
        range: &Range<usize>,
        mut tell: impl FnMut(Range<usize>),
    ) -> Result<(), i32> {
        let mut found = [Found::default(); RANGES];
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start: range.start as u64,
            end: range.end as u64,
            vec: found.as_mut_ptr().expose_provenance() as u64,
            vec_len: RANGES as u64,
            category_mask: PAGE_IS_WRITTEN,
            return_mask: PAGE_IS_WRITTEN,
            ..Scan::default()
        };
        while scan.start < scan.end {
            // SAFETY: the structure is the one that this call reads and writes, and `vec` has
            // room for as many ranges as it says.
            let count = unsafe { ioctl(&self.pages, PAGEMAP_SCAN, &raw mut scan) }?;
            // SAFETY: the kernel has written so many, and `found` is as it was otherwise.
            let found = unsafe { ptr::read_volatile(&raw const found) };
            for part in found.iter().take(count) {
                tell(part.start as usize..part.end as usize);
            }
            scan.start = scan.walk_end;
        }
        Ok(())
    }
}

fn open(flags: i32) -> Result<OwnedFd, i32> {
    // SAFETY: the call makes a descriptor and touches nothing else.
    let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, flags) };
    if fd < 0 {
        return Err(errno());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// # Safety
///
/// `argument` is what the call with that number takes.
unsafe fn ioctl<T>(file: &impl AsRawFd, call: Opcode, argument: *mut T) -> Result<usize, i32> {
    // SAFETY: the contract above; the file is open.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), call as libc::Ioctl, argument) };
    usize::try_from(result).map_err(|_| errno())
}
