//! What a manager keeps.

use core::any::{Any, type_name};
use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use anymem_core::allocator::Allocator;
use anymem_core::offset::AllocatorId;

use super::kind::AllocatorKind;
use super::{BackendId, ManagerError};
use crate::attached::Attached;
use crate::backend::{AnyBackend, BackendKind};

/// A backend and who uses it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) backend: AnyBackend,
    /// Whether this process made it.
    pub(super) created: bool,
    /// The allocator in it.
    pub(super) user: Option<AllocatorId>,
}

/// An allocator whose kind is forgotten, but can be asked for.
pub(super) trait Managed: Send + Sync {
    fn as_allocator(self: Arc<Self>) -> Arc<dyn Allocator>;
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<A: AllocatorKind> Managed for Attached<A> {
    fn as_allocator(self: Arc<Self>) -> Arc<dyn Allocator> {
        self
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// An allocator and where it is.
pub(super) struct ManagedHeap {
    pub(super) heap: Arc<dyn Managed>,
    pub(super) kind: &'static str,
    backend: BackendId,
}

impl fmt::Debug for ManagedHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.kind, self.backend)
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) backends: BTreeMap<BackendId, Kept>,
    pub(super) allocators: BTreeMap<AllocatorId, ManagedHeap>,
    pub(super) default: Option<AllocatorId>,
}

impl State {
    pub(super) const fn new() -> Self {
        Self { backends: BTreeMap::new(), allocators: BTreeMap::new(), default: None }
    }

    /// Makes a backend and keeps it as `id`, if nothing is kept as that.
    pub(super) fn add_backend<B: BackendKind>(
        &mut self,
        id: BackendId,
        created: bool,
        make: impl FnOnce() -> Result<B, ManagerError>,
    ) -> Result<AnyBackend, ManagerError> {
        if self.backends.contains_key(&id) {
            return Err(ManagerError::BackendTaken { id });
        }
        let backend = AnyBackend::new(make()?);
        self.backends.insert(id, Kept { backend: backend.clone(), created, user: None });
        Ok(backend)
    }

    pub(super) fn backend(&self, id: BackendId) -> Result<&Kept, ManagerError> {
        self.backends.get(&id).ok_or(ManagerError::UnknownBackend { id })
    }

    /// The backend `id`, which has no allocator in it.
    pub(super) fn vacant_backend(&self, id: BackendId) -> Result<&Kept, ManagerError> {
        let kept = self.backend(id)?;
        match kept.user {
            Some(allocator) => Err(ManagerError::BackendBusy { id, allocator }),
            None => Ok(kept),
        }
    }

    /// The backend `id`, which nobody uses.
    pub(super) fn idle_backend(&self, id: BackendId) -> Result<&Kept, ManagerError> {
        let kept = self.vacant_backend(id)?;
        match kept.backend.handles().saturating_sub(1) {
            0 => Ok(kept),
            handles => Err(ManagerError::BackendInUse { id, handles }),
        }
    }

    pub(super) fn allocator(&self, id: AllocatorId) -> Result<&ManagedHeap, ManagerError> {
        self.allocators.get(&id).ok_or(ManagerError::UnknownAllocator { id })
    }

    /// Keeps `heap`, which is in `backend`.
    pub(super) fn add_allocator<A: AllocatorKind>(
        &mut self,
        backend: BackendId,
        heap: Arc<Attached<A>>,
    ) -> Arc<Attached<A>> {
        let id = heap.id();
        if let Some(kept) = self.backends.get_mut(&backend) {
            kept.user = Some(id);
        }
        let kind = type_name::<A>();
        self.allocators.insert(id, ManagedHeap { heap: heap.clone(), kind, backend });
        heap
    }

    /// Drops an allocator and frees its backend for another.
    pub(super) fn remove_allocator(&mut self, id: AllocatorId) {
        let Some(managed) = self.allocators.remove(&id) else { return };
        if let Some(kept) = self.backends.get_mut(&managed.backend) {
            kept.user = None;
        }
        if self.default == Some(id) {
            self.default = None;
        }
    }
}
