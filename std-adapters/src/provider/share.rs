//! How other processes get at a provider's memory.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use super::{ProviderError, Span};

/// Which file it is, whatever its name and whoever has it open: no two files that exist
/// at a time have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The device that the file is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

impl FileId {
    /// Asks the system about an open file. Providers do so once, when they open it.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let found = rustix::fs::fstat(file)?;
        Ok(Self { device: found.st_dev, inode: found.st_ino })
    }
}

/// What other processes find a file by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedName<'a> {
    /// Nothing: the descriptor itself has to be handed over.
    Anonymous,
    /// A name of POSIX shared memory, without the slash in front.
    Shm(&'a str),
    /// A path of a file.
    File(&'a Path),
    /// A path of a DAX device.
    Dax(&'a Path),
}

/// The bytes of a file that a span is a mapping of.
#[derive(Debug, Clone, Copy)]
pub struct FileRange<'a> {
    /// The file, open in this process.
    pub file: BorrowedFd<'a>,
    /// Which file it is.
    pub id: FileId,
    /// What others find it by.
    pub name: SharedName<'a>,
    /// Where in the file the span starts, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub len: usize,
    /// Whether it may be written.
    pub writable: bool,
}

/// A provider whose spans are shared mappings of files.
pub trait Share: Send + Sync {
    /// The file behind `span`, which lies in a span that is handed out, and where in
    /// the file it is.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Foreign`] if it does not.
    fn file_of(&self, span: Span) -> Result<FileRange<'_>, ProviderError>;
}
