//! A file that is mapped from its first byte to its last: what every shared
//! backend is underneath.

use core::ops::Range;
use core::ptr::NonNull;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;
use anymem_core::thread::Owner;

use crate::Size;
use crate::backend::length::check_size;
use crate::error::HeapError;
use crate::sys::file_id::FileId;
use crate::sys::map::{MapError, Mapping};
use crate::sys::{self, errno, page_size, space};
use crate::thread::lifeline::{self, Lifeline};

/// A whole file, mapped shared.
///
/// Space is taken with `fallocate` before it is used, so that a full file
/// system is an error and never a signal, and given back with hole punching.
/// That does not go for file systems that write to a new place what is written
/// once more (btrfs, for one): they may run full at any write.
///
/// Somebody may cut the file off meanwhile, unless it is sealed. That is seen,
/// and an error, when space is taken next; who touches what is lost before ends
/// by SIGBUS.
///
/// Where it may be written, this process holds a lock on it for as long as it is
/// mapped, which tells processes that do not know this one by its id (of another
/// PID namespace) that it lives. That takes a second file descriptor, and can't
/// be had without `/proc` or on file systems without locks.
#[derive(Debug)]
pub struct SharedSpan {
    file: File,
    /// Kept for what it does when it is dropped.
    _lifeline: Option<Lifeline>,
    map: Mapping,
    len: usize,
    writable: bool,
    /// Whether setting space aside is not enough: ext4 may need more when a page is
    /// first written, for blocks smaller than pages and to write down which blocks
    /// hold data now, and has it or has it not.
    populates: bool,
    id: FileId,
}

impl SharedSpan {
    /// Makes an empty file `size` bytes long, rounded up to pages, and maps it.
    pub(crate) fn create(file: File, size: Size, name: &str) -> Result<Self, HeapError> {
        let len = check_size(size)?.next_multiple_of(page_size());
        check_file_limit(len)?;
        file.set_len(len as u64).map_err(|error| match error.raw_os_error() {
            Some(libc::EFBIG | libc::EINVAL) => HeapError::AbsurdSize { size },
            _ => HeapError::from_io(&error, name, "size", name.as_ref()),
        })?;
        Self::map(file, len, true, name)
    }

    /// Maps a file that is there, as long as it is.
    pub(crate) fn attach(file: File, writable: bool, name: &str) -> Result<Self, HeapError> {
        let found = file
            .metadata()
            .map_err(|error| HeapError::from_io(&error, name, "inspect", name.as_ref()))?;
        if !found.is_file() {
            let why = "is not a regular file";
            return Err(HeapError::NotASegment { name: name.into(), why });
        }
        let (length, needed) = (found.len(), page_size() as u64);
        if length < needed {
            return Err(HeapError::Truncated { name: name.into(), length, needed });
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Self::map(file, length, writable, name)
    }

    /// Which file this is.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The file, to hand to another process.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(crate) fn as_file(&self) -> &File {
        &self.file
    }

    fn map(file: File, len: usize, writable: bool, name: &str) -> Result<Self, HeapError> {
        let found = file
            .metadata()
            .map_err(|error| HeapError::from_io(&error, name, "inspect", name.as_ref()))?;
        let id = FileId { device: found.dev(), inode: found.ino() };
        let populates = !space::is_in_memory(file.as_fd());
        let map = Mapping::file(file.as_fd(), len, writable)
            .map_err(|error| map_error(error, len, name))?;
        let lifeline = if writable { tie(&file, name)? } else { None };
        Ok(Self { file, _lifeline: lifeline, map, len, writable, populates, id })
    }

    /// The pages that `len` bytes at `at` are in. The system writes whole pages,
    /// of which a file system with smaller blocks may have a part only.
    fn pages(&self, at: Offset, len: usize) -> Option<Range<usize>> {
        let end = at.get().checked_add(len)?.checked_next_multiple_of(page_size())?;
        (end <= self.len.next_multiple_of(page_size()))
            .then_some(at.get() & !(page_size() - 1)..end)
    }

    /// Puts space behind pages.
    fn take(&self, pages: Range<usize>) -> Result<(), i32> {
        match space::take(self.file.as_fd(), pages.start, pages.len()) {
            Ok(()) if !self.populates => Ok(()),
            Ok(()) | Err(libc::EOPNOTSUPP) => self.populate(pages),
            result => result,
        }
    }

    /// Makes pages present as by writing to them, one by one.
    fn populate(&self, pages: Range<usize>) -> Result<(), i32> {
        // SAFETY: the range is within the mapping (by `pages`); making its pages
        // present changes no contents.
        let result = unsafe {
            let start = self.map.base().add(pages.start);
            libc::madvise(start.as_ptr().cast(), pages.len(), libc::MADV_POPULATE_WRITE)
        };
        if result == 0 { Ok(()) } else { Err(errno()) }
    }

    /// How long the file is now; `None` if the descriptor is no longer its own,
    /// for some programs close descriptors that they do not know.
    fn length(&self) -> Option<u64> {
        let found = self.file.metadata().ok()?;
        let id = FileId { device: found.dev(), inode: found.ino() };
        (id == self.id).then_some(found.len())
    }
}

// SAFETY: the mapping lives as long as the span and stays where it is when the
// span moves; its base is aligned to `sys::ALIGN`; others who map the file do
// so as the same heap; `commit` has the kernel set pages aside for the file.
unsafe impl Backend for SharedSpan {
    const ALIGN: usize = sys::ALIGN;

    #[inline]
    fn base(&self) -> NonNull<u8> {
        self.map.base()
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn read_only(&self) -> bool {
        !self.writable
    }

    fn shared(&self) -> bool {
        true
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        let failed = |code, gone| CommitError { at, len, code, gone };
        let pages = self.pages(at, len).ok_or_else(|| failed(libc::EINVAL, false))?;
        let taken = match self.length() {
            Some(length) if length < self.len as u64 => return Err(failed(0, true)),
            Some(_) => self.take(pages),
            // The mapping still serves.
            None => self.populate(pages),
        };
        taken.map_err(|code| failed(code, false))
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        // Another file's contents would be lost for good.
        self.writable
            && self.length().is_some()
            && space::give_back(self.file.as_fd(), at.get(), len)
    }

    fn is_held_by(&self, owner: Owner) -> bool {
        // In doubt where the descriptor is lost.
        self.length().is_none() || lifeline::is_tied(self.file.as_fd(), owner)
    }
}

/// Asks for the limit on file lengths first, for exceeding it is a signal.
fn check_file_limit(len: usize) -> Result<(), HeapError> {
    let limit = space::length_limit();
    if len <= limit {
        return Ok(());
    }
    Err(HeapError::FileLimit { size: len.into(), limit: limit.into() })
}

fn tie(file: &File, name: &str) -> Result<Option<Lifeline>, HeapError> {
    Lifeline::tie(file.as_fd()).map_err(|code| HeapError::System {
        call: "open",
        path: name.into(),
        code,
    })
}

fn map_error(error: MapError, len: usize, name: &str) -> HeapError {
    match error.0 {
        libc::ENOMEM | libc::EOVERFLOW | libc::EAGAIN => {
            HeapError::NoAddressSpace { size: len.into() }
        }
        libc::EACCES | libc::EPERM => HeapError::Permission { name: name.into(), action: "map" },
        code => HeapError::System { call: "mmap", path: name.into(), code },
    }
}
