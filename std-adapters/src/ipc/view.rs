//! The part of a file that is mapped, so that blocks in it need only arithmetic.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, Ordering};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::IpcError;
use crate::provider::Span;
use crate::sys::file_id::FileId;
use crate::sys::page_size;

/// What is mapped at least of a file that may grow: address space costs nothing.
const LEAST: u64 = 1 << 30;

/// What a window begins and ends at, where the whole file cannot be mapped.
const WINDOW: u64 = 2 << 20;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A mapped part of a file.
///
/// # Invariants
///
/// `base..base + len` is mapped by this value, shows the file from `start` on, and is
/// unmapped by nobody else.
#[derive(Debug)]
pub(super) struct View {
    file: OwnedFd,
    base: NonNull<u8>,
    start: u64,
    len: u64,
    /// How long the file is known to be.
    size: AtomicU64,
    /// How large its pages are.
    page: usize,
    /// No other view of the process ever has it.
    id: u64,
}

// SAFETY: a view is an address range that it alone unmaps; it hands out no references.
unsafe impl Send for View {}
// SAFETY: as for `Send`.
unsafe impl Sync for View {}

impl View {
    /// Maps the whole file, or what is around the block where there is no address space
    /// for that.
    pub(super) fn new(
        file: OwnedFd,
        writable: bool,
        offset: u64,
        len: u64,
    ) -> Result<Self, IpcError> {
        let found = stat(file.as_fd())?;
        let size = size_of_file(&found)?;
        let end = end_within(offset, len, size)?;
        let page = (found.st_blksize as u64).max(page_size() as u64);
        // Huge pages are taken when they are mapped, devices have no bytes behind their
        // end; any other file may be mapped beyond it, and grow.
        let grows = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
            && page == page_size() as u64;
        let whole = if grows { size.saturating_mul(2).max(LEAST) } else { size };
        let window = offset / WINDOW * WINDOW;
        let tries = [(0, whole), (0, size), (window, end - window)];
        let mut error = Errno::NOMEM;
        for (start, wanted) in tries {
            let Some(wanted) = wanted.checked_next_multiple_of(page) else { continue };
            match map(file.as_fd(), writable, start, wanted) {
                Ok(base) => {
                    let size = AtomicU64::new(size);
                    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
                    let page = page as usize;
                    return Ok(Self { file, base, start, len: wanted, size, page, id });
                }
                Err(code) => error = code,
            }
        }
        Err(IpcError::system("mmap", "a shared file", error))
    }

    /// Where a block is; `None` if it is not known to be mapped and in the file.
    #[inline]
    pub(super) fn place(&self, offset: u64, len: u64) -> Option<NonNull<u8>> {
        let at = offset.checked_sub(self.start)?;
        let end = at.checked_add(len)?;
        // Relaxed: a file that could grow shorter is no better known with more.
        if end > self.len || offset + len > self.size.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: `at` is less than `len`, so inside of the mapping (type invariant).
        Some(unsafe { self.base.add(at as usize) })
    }

    /// Asks for the file's length again; whether the block is in it.
    pub(super) fn look_again(&self, offset: u64, len: u64) -> Result<(), IpcError> {
        let size = size_of_file(&stat(self.file.as_fd())?)?;
        self.size.store(size, Ordering::Relaxed);
        end_within(offset, len, size).map(|_| ())
    }

    /// The file, to map it otherwise.
    pub(super) fn file(&self) -> Result<OwnedFd, IpcError> {
        self.file
            .try_clone()
            .map_err(|error| IpcError::system("fcntl(F_DUPFD_CLOEXEC)", "a shared file", error))
    }

    /// The file, for as long as the view is there.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The mapped addresses that the file has bytes for.
    pub(super) fn span(&self) -> Span {
        let size = self.size.load(Ordering::Relaxed).saturating_sub(self.start);
        Span::new(self.base, self.len.min(size) as usize)
    }

    /// How large the file's pages are.
    pub(super) fn page_size(&self) -> usize {
        self.page
    }

    /// The number that no other view of the process ever has.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Where in the file the mapping starts.
    pub(super) fn start(&self) -> u64 {
        self.start
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own (type invariant), and whoever drops it
        // knows that nobody uses it any more.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len as usize) };
    }
}

fn map(file: BorrowedFd<'_>, writable: bool, start: u64, len: u64) -> Result<NonNull<u8>, Errno> {
    let len = usize::try_from(len).map_err(|_| Errno::NOMEM)?;
    let write = if writable { ProtFlags::WRITE } else { ProtFlags::empty() };
    let flags = MapFlags::SHARED | MapFlags::NORESERVE;
    // SAFETY: the kernel chooses the place, so nothing else is touched.
    let base = unsafe {
        rustix::mm::mmap(ptr::null_mut(), len, ProtFlags::READ | write, flags, file, start)
    }?;
    NonNull::new(base.cast()).ok_or(Errno::NOMEM)
}

pub(super) fn stat(file: BorrowedFd<'_>) -> Result<Stat, IpcError> {
    rustix::fs::fstat(file).map_err(|error| IpcError::system("fstat", "a shared file", error))
}

/// Which file it is.
pub(super) fn id_of(file: impl AsFd) -> Result<FileId, IpcError> {
    let found = stat(file.as_fd())?;
    Ok(FileId { device: found.st_dev, inode: found.st_ino })
}

fn end_within(offset: u64, len: u64, size: u64) -> Result<u64, IpcError> {
    let end = offset.checked_add(len).filter(|end| *end <= size);
    end.ok_or(IpcError::BeyondFile { offset, len, size })
}

/// How long a file is, or how large a DAX device.
fn size_of_file(found: &Stat) -> Result<u64, IpcError> {
    if FileType::from_raw_mode(found.st_mode) != FileType::CharacterDevice {
        return Ok(found.st_size.try_into().unwrap_or(0));
    }
    let (major, minor) = (rustix::fs::major(found.st_rdev), rustix::fs::minor(found.st_rdev));
    let path = format!("/sys/dev/char/{major}:{minor}/size");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| IpcError::system("read", path.as_str(), error))?;
    text.trim().parse().map_err(|_| IpcError::system("read", path, Errno::INVAL))
}
