//! How other processes get at a provider's memory.

use std::os::fd::BorrowedFd;
use std::path::Path;

use super::{ProviderError, Span};
use crate::sys::file_id::FileId;

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
    /// Nothing, and there is no memory behind it: the file [stands
    /// in](crate::ipc::StandIn) for memory that the processor does not reach.
    StandIn,
}

/// The bytes of a file that a span is a mapping of.
#[derive(Debug, Clone, Copy)]
pub struct FileRange<'a> {
    /// The file, open in this process.
    pub file: BorrowedFd<'a>,
    /// Which file it is, as its provider found when it was opened.
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
