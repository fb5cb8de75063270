//! What a segment is like, seen by somebody who trusts nothing in it.

use core::fmt;

use anymem::HeapError;
use anymem::allocator::{Allocator, ThreadLocalAllocator};
use anymem::backend::ShmBackend;
use anymem::segment::AttachError;
use anymem::thread::{Owner, PthreadModel};

/// What was found under a name.
#[derive(Debug)]
pub(crate) enum State {
    /// A heap that can be used.
    Ready(Contents),
    /// A file that could not even be mapped.
    Unmapped(HeapError),
    /// Something that cannot be attached.
    Unattached(AttachError),
}

/// What a heap holds.
#[derive(Debug)]
pub(crate) struct Contents {
    /// Bytes in blocks that are in use.
    pub(crate) live: usize,
    /// The processes that hold heap slots, each once, and whether they live.
    pub(crate) owners: Vec<(Owner, bool)>,
}

impl State {
    /// Looks at the segment `name`; changes nothing.
    pub(crate) fn of(name: &str) -> Self {
        let backend = match ShmBackend::open_read_only(name) {
            Ok(backend) => backend,
            Err(error) => return Self::Unmapped(error),
        };
        // Not as a `SharedHeap`: values in it are not wanted, and a copy of a
        // segment has the same id.
        match ThreadLocalAllocator::<_, PthreadModel>::attach(backend, PthreadModel) {
            Ok(heap) => Self::Ready(Contents::of(&heap)),
            Err(error) => Self::Unattached(error),
        }
    }
}

impl Contents {
    fn of(heap: &ThreadLocalAllocator<ShmBackend, PthreadModel>) -> Self {
        let mut owners: Vec<_> = heap.owners().collect();
        owners.sort_by_key(|owner| (owner.pid, owner.start));
        owners.dedup();
        let model = heap.thread_model();
        let owners = owners.into_iter().map(|owner| (owner, model.is_alive(owner))).collect();
        Self { live: heap.stats().live, owners }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(_) => f.write_str("ready"),
            Self::Unmapped(error) => fmt_unmapped(error, f),
            Self::Unattached(error) => fmt_unattached(error, f),
        }
    }
}

fn fmt_unmapped(error: &HeapError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match error {
        HeapError::Permission { .. } => "not allowed",
        HeapError::ForeignOwner { .. } => "another user's",
        HeapError::NotASegment { .. } => "not a segment",
        HeapError::Truncated { .. } => "cut off",
        HeapError::Missing { .. } => "gone",
        _ => "cannot be mapped",
    })
}

fn fmt_unattached(error: &AttachError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match error {
        AttachError::StillCreating { creator } => write!(f, "being created by {creator}"),
        AttachError::CreatorDied { creator } => write!(f, "its creator ({creator}) died"),
        AttachError::OtherVersion { found, .. } => write!(f, "other version ({found})"),
        AttachError::OtherByteOrder => f.write_str("other byte order"),
        AttachError::OtherLayout { .. } => f.write_str("other layout"),
        AttachError::OtherHardening { hardened: true } => f.write_str("hardened"),
        AttachError::OtherHardening { hardened: false } => f.write_str("not hardened"),
        AttachError::Truncated { .. } | AttachError::TooShort { .. } => f.write_str("cut off"),
        AttachError::NotASegment { .. } => f.write_str("not a segment"),
        _ => f.write_str("damaged"),
    }
}
