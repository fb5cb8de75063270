//! What Linux has.

mod memfd;
mod mmap;
mod provider;
mod shm;
mod shm_options;
mod span;

pub use memfd::MemfdBackend;
pub use mmap::MmapBackend;
pub use provider::ProviderBackend;
pub(crate) use shm::Entry;
pub use shm::ShmBackend;
pub use shm_options::{SegmentInfo, ShmOptions};
pub use span::SharedSpan;

pub use crate::sys::file_id::FileId;
