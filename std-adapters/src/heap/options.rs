//! How heaps are created and opened, when the defaults won't do.

use std::path::PathBuf;
use std::time::Duration;

use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;

use super::{SharedHeap, table};
use crate::backend::{SegmentInfo, ShmBackend, ShmOptions};
use crate::error::HeapError;
use crate::size::IntoSize;
use crate::sys;

/// How often opening and creating by turns is tried, while other processes
/// create and unlink the same name.
const TRIES: usize = 1000;

/// How to create and open a [`SharedHeap`].
///
/// ```
/// use anymem::offset::AllocatorId;
/// use anymem::{HeapOptions, Size};
/// let name = format!("options.{}", std::process::id());
/// let options = HeapOptions::new().id(AllocatorId::new(7, 1)).slots(32);
/// let heap = options.create(&name, "64MiB".parse::<Size>()?)?;
/// options.unlink(&name)?;
/// # Ok::<(), anymem::HeapError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HeapOptions {
    pub(super) place: ShmOptions,
    id: Option<AllocatorId>,
    slots: usize,
    roots: usize,
    decay: Duration,
    resident: bool,
    pub(super) recover: bool,
}

impl HeapOptions {
    /// A random id, slots and roots to suit the size, where [`ShmOptions::new`] has
    /// segments, for the owner alone.
    #[must_use]
    pub fn new() -> Self {
        let (place, decay) = (ShmOptions::new(), Config::DECAY);
        Self { place, id: None, slots: 0, roots: 0, decay, resident: false, recover: true }
    }

    /// The id of heaps created. Without one they get 64 random bits, so that no
    /// two of a machine are alike.
    #[must_use]
    pub fn id(self, id: AllocatorId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// How many threads of all processes can hold a heap slot at a time; 0 for
    /// a number that suits the size. More threads work, but more slowly.
    #[must_use]
    pub fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// How many named roots there can be; 0 for a number that suits the size.
    #[must_use]
    pub fn roots(self, roots: usize) -> Self {
        Self { roots, ..self }
    }

    /// How long memory is free before it goes back to the system; zero for as
    /// long as the heap lives, or until it is trimmed. 25 ms, if nothing else
    /// is said.
    #[must_use]
    pub fn decay(self, time: Duration) -> Self {
        Self { decay: time, ..self }
    }

    /// Whether memory that was used once stays the heap's for as long as it lives, however
    /// long it is free and whoever [trims](SharedHeap::trim) the heap; it does not, if nothing
    /// else is said. Heaps that devices use have to be so.
    #[must_use]
    pub fn resident(self, resident: bool) -> Self {
        Self { resident, ..self }
    }

    /// Whether what dead processes held is [taken back](SharedHeap::recover)
    /// when a heap is opened for writing; it is if nothing else is said. Without,
    /// who opens it can still see what they held.
    #[must_use]
    pub fn recover(self, recover: bool) -> Self {
        Self { recover, ..self }
    }

    /// As [`ShmOptions::directory`].
    #[must_use]
    pub fn directory(self, path: impl Into<PathBuf>) -> Self {
        Self { place: self.place.directory(path), ..self }
    }

    /// As [`SharedHeap::create`].
    ///
    /// # Errors
    ///
    /// As there, and those about the options.
    pub fn create(&self, name: &str, size: impl IntoSize) -> Result<SharedHeap, HeapError> {
        let (span, entry) = self.place.create(name, size)?.into_parts();
        table::create(span, name.into(), Some(entry), &self.config())
    }

    /// As [`SharedHeap::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(&self, name: &str) -> Result<SharedHeap, HeapError> {
        self.attach_named(self.place.open(name)?)
    }

    /// As [`SharedHeap::open_or_create`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_or_create(&self, name: &str, size: impl IntoSize) -> Result<SharedHeap, HeapError> {
        let size = size.into_size()?;
        let mut result = self.open(name);
        for _ in 0..TRIES {
            result = match result {
                Err(HeapError::Missing { .. }) => self.create(name, size),
                Err(HeapError::Exists { .. }) => self.open(name),
                result => return result,
            };
        }
        result
    }

    /// As [`SharedHeap::open_read_only`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_read_only(&self, name: &str) -> Result<SharedHeap, HeapError> {
        self.attach_named(self.place.open_read_only(name)?)
    }

    /// As [`SharedHeap::unlink`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn unlink(&self, name: &str) -> Result<(), HeapError> {
        self.place.unlink(name)
    }

    /// As [`SharedHeap::list`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn list(&self) -> Result<Vec<SegmentInfo>, HeapError> {
        self.place.list()
    }

    fn attach_named(&self, backend: ShmBackend) -> Result<SharedHeap, HeapError> {
        let (span, entry) = backend.into_parts();
        table::attach(span, entry.name.clone(), Some(entry), self.recover)
    }

    pub(super) fn config(&self) -> Config {
        let id = self.id.unwrap_or_else(random_id);
        let Self { slots, roots, decay, resident, .. } = *self;
        Config { id, slots, roots, decay, resident, secret: sys::secret() }
    }
}

impl Default for HeapOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn random_id() -> AllocatorId {
    loop {
        let id = AllocatorId::from_u64(sys::random());
        if id != AllocatorId::NULL {
            return id;
        }
    }
}
