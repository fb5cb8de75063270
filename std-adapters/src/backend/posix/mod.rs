//! What Linux has.

pub(crate) mod access;
mod memfd;
mod mmap;
mod provider;
mod span;

pub use access::SegmentInfo;
pub use memfd::MemfdBackend;
pub use mmap::MmapBackend;
pub use provider::ProviderBackend;
pub use span::SharedSpan;
