//! Where the bytes of a heap come from: what core has, and what the system
//! offers.
//!
//! | type | span | other processes |
//! |---|---|---|
//! | [`ArrayBackend`] | memory the caller has | no |
//! | [`MallocBackend`] | the C library's heap | no |
//! | [`MmapBackend`] | private anonymous pages | no (a forked child gets a copy) |
//! | [`ShmBackend`] | a named segment of POSIX shared memory | by name |
//! | [`ProviderBackend`] | a span of a [provider](crate::provider) | as the provider says |
//! | [`MemfdBackend`] | a sealed memory file without a name | by file descriptor |

mod any;
mod malloc;
mod memfd;
mod mmap;
pub(crate) mod name;
mod provider;
mod shm;
mod shm_options;
mod span;

pub use any::{AnyBackend, BackendKind};
pub use anymem_core::backend::*;
pub use malloc::MallocBackend;
pub use memfd::MemfdBackend;
pub use mmap::MmapBackend;
pub use provider::ProviderBackend;
pub(crate) use shm::Entry;
pub use shm::ShmBackend;
pub use shm_options::{SegmentInfo, ShmOptions};
pub use span::SharedSpan;

pub use crate::sys::file_id::FileId;
