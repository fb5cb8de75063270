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
//!
//! On Windows, where [`ShmBackend`] is a file that is mapped:
//!
//! | type | span | other processes |
//! |---|---|---|
//! | `VirtualBackend` | private pages, reserved first and committed when used | no |
//! | `SectionBackend` | a section of the paging file | by name, or by handle |

mod any;
mod by_span;
mod length;
mod malloc;
pub(crate) mod name;
#[cfg(unix)]
mod posix;
mod shm;
mod shm_options;
#[cfg(windows)]
mod windows;

pub use any::{AnyBackend, BackendKind};
pub use anymem_core::backend::*;
pub use malloc::MallocBackend;
#[cfg(unix)]
pub use posix::*;
pub(crate) use shm::Entry;
pub use shm::ShmBackend;
pub use shm_options::ShmOptions;
#[cfg(windows)]
pub use windows::*;

pub use crate::sys::file_id::FileId;
