//! Memory of Windows for heaps without a name.

use std::path::PathBuf;

use crate::Size;
pub(super) use crate::backend::VirtualBackend as PrivateBackend;
use crate::backend::{AnyBackend, SectionBackend};
use crate::error::HeapError;

/// Sections of the paging file are no files.
#[derive(Debug, Clone, Copy)]
pub(super) enum MemoryFile {}

impl MemoryFile {
    /// There is none.
    pub(super) fn path(self) -> PathBuf {
        match self {}
    }
}

/// Memory that others can get, if they are told.
pub(super) fn unnamed(size: Size) -> Result<(AnyBackend, Option<MemoryFile>), HeapError> {
    Ok((AnyBackend::new(SectionBackend::unnamed(size)?), None))
}
