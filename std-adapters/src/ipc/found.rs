//! What is known of memory of another process.

use super::slot::Entry;
use crate::provider::Span;
use crate::sys::file_id::FileId;

/// What is known of memory of another process that is mapped in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The mapping's number, which no other one of the process ever has.
    pub id: u64,
    /// How large the file's pages are.
    pub page_size: usize,
    /// What is mapped: as much of the file as there was when it was looked at last.
    pub span: Span,
    /// Which file it is.
    pub file: FileId,
    /// Where in the file the span starts.
    pub offset: u64,
    /// The process whose block was opened, as it calls itself.
    pub pid: u32,
    /// Whether the bytes may be written.
    pub writable: bool,
}

impl Found {
    pub(super) fn of(entry: &Entry) -> Self {
        let key = &entry.key;
        Self {
            id: entry.view.id(),
            page_size: entry.view.page_size(),
            span: entry.view.span(),
            file: key.file,
            offset: entry.view.start(),
            pid: key.owner.pid,
            writable: key.writable,
        }
    }
}
