//! The segment behind a global allocator: where it is, and how it is made.

use std::os::fd::{AsRawFd, RawFd};

use anymem_core::allocator::ThreadLocalAllocator;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;

use super::model::ProcessModel;
use crate::Size;
use crate::backend::{AnyBackend, BackendKind, MemfdBackend, MmapBackend, ShmBackend};
use crate::error::HeapError;
use crate::heap::failure;

/// The heap behind a `ShmAlloc`.
pub(super) type ProcessHeap = ThreadLocalAllocator<AnyBackend, ProcessModel>;

/// Below this many bytes no smaller reservation is tried.
const LEAST: usize = 16 << 20;

/// Threads that can have a slot at a time; further ones go without.
const SLOTS: usize = if usize::BITS == 64 { 4096 } else { 256 };

/// Where a segment is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Private,
    Memfd,
    Named(&'static str),
}

/// What the first allocation leaves behind, for ever.
pub(super) struct Made {
    pub(super) heap: ProcessHeap,
    /// The memory file, where there is one.
    pub(super) file: Option<RawFd>,
    /// Why the segment is not where it was asked to be.
    pub(super) error: Option<HeapError>,
}

impl Made {
    /// Makes the segment as asked, or a private one.
    pub(super) fn new(place: Place, size: usize, id: AllocatorId) -> Option<Self> {
        let asked = Self::shrinking(place, size, id);
        asked
            .or_else(|error| {
                let made = Self::shrinking(Place::Private, size, id)?;
                Ok::<_, HeapError>(Self { error: Some(error), ..made })
            })
            .ok()
    }

    /// Makes the segment as large as the system allows.
    fn shrinking(place: Place, mut size: usize, id: AllocatorId) -> Result<Self, HeapError> {
        loop {
            match Self::of_size(place, size, id) {
                Err(
                    HeapError::NoAddressSpace { .. }
                    | HeapError::FileLimit { .. }
                    | HeapError::AbsurdSize { .. },
                ) if size / 2 >= LEAST => size /= 2,
                made => return made,
            }
        }
    }

    fn of_size(place: Place, size: usize, id: AllocatorId) -> Result<Self, HeapError> {
        let (backend, file) = backend(place, Size::from(size))?;
        let name = match place {
            Place::Private => "private heap",
            Place::Memfd => "memory file heap",
            Place::Named(name) => name,
        };
        let config = Config::new(id).slots(SLOTS.min((size / (1 << 20)).max(1)));
        let model = ProcessModel { private: place == Place::Private };
        let heap = ProcessHeap::create(backend, model, &config)
            .map_err(|error| failure::of_create(error, name))?;
        heap.backend().publish()?;
        Ok(Self { heap, file, error: None })
    }
}

/// The bytes of a segment, and their memory file if there is one.
fn backend(place: Place, size: Size) -> Result<(AnyBackend, Option<RawFd>), HeapError> {
    Ok(match place {
        Place::Private => (AnyBackend::new(MmapBackend::new(size)?), None),
        Place::Memfd => {
            let memory = MemfdBackend::create("heap", size)?;
            let file = memory.file().as_raw_fd();
            (AnyBackend::new(memory), Some(file))
        }
        Place::Named(name) => {
            let segment = <ShmBackend as BackendKind>::create(size, name)?;
            (AnyBackend::new(segment), None)
        }
    })
}
