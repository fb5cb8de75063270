//! Memory of Linux for heaps without a name.

use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;

use crate::Size;
pub(super) use crate::backend::MmapBackend as PrivateBackend;
use crate::backend::{AnyBackend, MemfdBackend};
use crate::error::HeapError;

/// The file that a heap is in, open for as long as the process lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryFile(RawFd);

impl MemoryFile {
    /// The path by which other processes can open it.
    pub(super) fn path(self) -> PathBuf {
        format!("/proc/{}/fd/{}", std::process::id(), self.0).into()
    }
}

/// Memory that others can get, if they are told.
pub(super) fn unnamed(size: Size) -> Result<(AnyBackend, Option<MemoryFile>), HeapError> {
    let memory = MemfdBackend::create("heap", size)?;
    let file = MemoryFile(memory.file().as_raw_fd());
    Ok((AnyBackend::new(memory), Some(file)))
}
