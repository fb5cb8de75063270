//! The calls of Windows.

pub(crate) mod c_heap;
pub(crate) mod pages;
mod reserved;
pub(crate) mod section;
pub(crate) mod segment_file;
pub(crate) mod signals;

use std::hash::{BuildHasher, Hasher, RandomState};

/// The system's page size in bytes, on all processors that Rust knows.
pub(crate) const fn page_size() -> usize {
    4096
}

/// 64 random bits: what the standard library keys its maps with comes from the system.
pub(super) fn kernels_random() -> Option<u64> {
    Some(RandomState::new().build_hasher().finish())
}
