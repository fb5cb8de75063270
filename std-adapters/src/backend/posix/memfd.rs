//! Memory files without a name, sealed so that no peer can shrink them.

use core::ptr::NonNull;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;
use anymem_core::thread::Owner;

use super::span::SharedSpan;
use crate::backend::any::BackendKind;
use crate::backend::by_span::backend_by_span;
use crate::backend::name;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::memory_file;

/// A segment that other processes open by a file descriptor: sent over a
/// socket, inherited, or opened as `/proc/PID/fd/N`.
///
/// It cannot be shrunk, grown or unsealed by anybody, so a peer cannot take
/// pages away from under this process. It goes when nobody has it open.
#[derive(Debug)]
pub struct MemfdBackend {
    span: SharedSpan,
    label: String,
}

/// The seals a segment gets once it has its size.
const SEALS: i32 = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

impl MemfdBackend {
    /// Makes a segment of `size` bytes; `label` is what `/proc` shows.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadName`], the errors about sizes, and what the system
    /// refuses.
    pub fn create(label: &str, size: impl IntoSize) -> Result<Self, HeapError> {
        let file = unnamed_file(label)?;
        let span = SharedSpan::create(file, size.into_size()?, label)?;
        memory_file::seal(span.as_file(), SEALS)
            .map_err(|code| system("fcntl(F_ADD_SEALS)", label, code))?;
        Ok(Self { span, label: label.into() })
    }

    /// Opens a segment that another process made.
    ///
    /// # Errors
    ///
    /// [`HeapError::Unsealed`] if it could be shrunk, [`HeapError::Permission`]
    /// if the descriptor is for reading only, and the other errors of
    /// [`ShmBackend::open`](crate::backend::ShmBackend::open).
    pub fn attach(fd: OwnedFd) -> Result<Self, HeapError> {
        Self::from_file(fd.into(), true, "memfd")
    }

    /// Opens a segment without the right to write.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_read_only(fd: OwnedFd) -> Result<Self, HeapError> {
        Self::from_file(fd.into(), false, "memfd")
    }

    /// Opens the segment at `path`, which is `/proc/PID/fd/N` of a process that
    /// has it open.
    ///
    /// # Errors
    ///
    /// As [`attach`](Self::attach).
    pub fn attach_path(path: impl AsRef<Path>) -> Result<Self, HeapError> {
        let path = path.as_ref();
        let label = path.to_string_lossy();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK)
            .open(path)
            .map_err(|error| HeapError::from_io(&error, &label, "open", path))?;
        Self::from_file(file, true, &label)
    }

    /// The file, to hand to another process.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.span.file()
    }

    /// What the segment was called when it was created or opened.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The mapped file.
    #[must_use]
    pub fn span(&self) -> &SharedSpan {
        &self.span
    }

    pub(crate) fn into_parts(self) -> (SharedSpan, String) {
        (self.span, self.label)
    }

    fn from_file(file: File, writable: bool, label: &str) -> Result<Self, HeapError> {
        check_seals(&file, label)?;
        let span = SharedSpan::attach(file, writable, label)?;
        Ok(Self { span, label: label.into() })
    }
}

fn unnamed_file(label: &str) -> Result<File, HeapError> {
    let file_name = name::file_name(label)?;
    let c_name = CString::new(file_name)
        .map_err(|_| HeapError::BadName { name: label.into(), why: "contains a zero byte" })?;
    memory_file::create(&c_name, 0).map_err(|code| system("memfd_create", label, code))
}

fn system(call: &'static str, label: &str, code: i32) -> HeapError {
    HeapError::System { call, path: label.into(), code }
}

fn check_seals(file: &File, label: &str) -> Result<(), HeapError> {
    // SAFETY: the file is open; the call touches no memory.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    if seals >= 0 && seals & libc::F_SEAL_SHRINK != 0 {
        return Ok(());
    }
    Err(HeapError::Unsealed { name: label.into() })
}

backend_by_span!(MemfdBackend);

/// `url` is the label to create with, and `/proc/PID/fd/N` to attach to.
impl BackendKind for MemfdBackend {
    fn create(size: Size, url: &str) -> Result<Self, HeapError> {
        Self::create(url, size)
    }

    fn attach(url: &str) -> Result<Self, HeapError> {
        Self::attach_path(url)
    }
}
