//! The segment behind a global allocator: where it is, and how it is made.

use std::time::Duration;

use anymem_core::allocator::ThreadLocalAllocator;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;

use super::model::ProcessModel;
use super::observer::{Seen, Wanted};
use super::system::{MemoryFile, PrivateBackend, unnamed};
use crate::Size;
use crate::backend::{AnyBackend, BackendKind, ShmBackend};
use crate::error::HeapError;
use crate::heap::failure;
use crate::sys;

/// The heap behind a [`ShmAlloc`](super::ShmAlloc).
pub type ProcessHeap = ThreadLocalAllocator<AnyBackend, ProcessModel>;

/// Below this many bytes no smaller reservation is tried.
const LEAST: usize = 16 << 20;

/// Threads that can have a slot at a time; further ones go without.
const SLOTS: usize = if usize::BITS == 64 { 4096 } else { 256 };

/// Where a segment is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Private,
    Memfd,
    /// Under a name, in which [`PID`] may stand.
    Named(&'static str),
}

/// What a segment is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) place: Place,
    /// Bytes to reserve.
    pub(super) size: usize,
    pub(super) id: AllocatorId,
    /// How long free memory is kept.
    pub(super) decay: Duration,
    pub(super) observe: Wanted,
}

/// In a name: the id of the process that makes the segment.
const PID: &str = "{pid}";

/// What the first allocation leaves behind, for ever.
pub(super) struct Made {
    pub(super) heap: ProcessHeap,
    /// The memory file, where there is one.
    pub(super) file: Option<MemoryFile>,
    /// The segment's name, where it has one.
    pub(super) name: Option<String>,
    /// Why the segment is not where it was asked to be.
    pub(super) error: Option<HeapError>,
    /// What was seen of it, if it is observed.
    pub(super) seen: Option<Box<Seen>>,
}

impl Made {
    /// Makes the segment as asked, or a private one.
    pub(super) fn new(plan: Plan) -> Option<Self> {
        let asked = Self::shrinking(plan);
        asked
            .or_else(|error| {
                let made = Self::shrinking(Plan { place: Place::Private, ..plan })?;
                Ok::<_, HeapError>(Self { error: Some(error), ..made })
            })
            .ok()
    }

    /// Makes the segment as large as the system allows.
    fn shrinking(mut plan: Plan) -> Result<Self, HeapError> {
        loop {
            match Self::exactly(plan) {
                Err(
                    HeapError::NoAddressSpace { .. }
                    | HeapError::FileLimit { .. }
                    | HeapError::AbsurdSize { .. },
                ) if plan.size / 2 >= LEAST => plan.size /= 2,
                made => return made,
            }
        }
    }

    fn exactly(plan: Plan) -> Result<Self, HeapError> {
        let Plan { place, size, id, decay, observe } = plan;
        let Source { backend, file, name } = Source::new(place, Size::from(size))?;
        let label = name.as_deref().unwrap_or("of the global allocator");
        let slots = SLOTS.min((size / (1 << 20)).max(1));
        let config = Config::new(id).slots(slots).decay(decay).secret(sys::secret());
        let model = ProcessModel { private: place == Place::Private };
        let heap = ProcessHeap::create(backend, model, &config)
            .map_err(|error| failure::of_create(error, label))?;
        heap.backend().publish()?;
        Ok(Self { heap, file, name, error: None, seen: Seen::new(observe, model.private) })
    }
}

/// The bytes of a segment, and where others find them.
struct Source {
    backend: AnyBackend,
    file: Option<MemoryFile>,
    name: Option<String>,
}

impl Source {
    fn new(place: Place, size: Size) -> Result<Self, HeapError> {
        match place {
            Place::Private => Ok(Self::of(PrivateBackend::new(size)?)),
            Place::Memfd => {
                let (backend, file) = unnamed(size)?;
                Ok(Self { backend, file, name: None })
            }
            Place::Named(pattern) => {
                let name = pattern.replace(PID, &std::process::id().to_string());
                let segment = <ShmBackend as BackendKind>::create(size, &name)?;
                Ok(Self { name: Some(name), ..Self::of(segment) })
            }
        }
    }

    fn of<B: BackendKind>(backend: B) -> Self {
        Self { backend: AnyBackend::new(backend), file: None, name: None }
    }
}
