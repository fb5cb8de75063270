//! Allocators that a manager can make over any backend.

use anymem_core::allocator::{LinkedListAllocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::offset::AllocatorId;
use anymem_core::segment::{Config, CreateError};

use super::ManagerError;
use crate::allocator::MallocAllocator;
use crate::attached::HeapKind;
use crate::backend::AnyBackend;
use crate::error::HeapError;
use crate::thread::SystemModel;

/// The recommended allocator: a heap slot for each thread.
pub type ThreadLocal = ThreadLocalAllocator<AnyBackend, SystemModel>;

/// The allocator that needs no slots; slower with many threads.
pub type ScalablePage = ScalablePageAllocator<AnyBackend, SystemModel>;

/// The allocator for heaps of a few KiB, of this process alone.
pub type LinkedList = LinkedListAllocator<AnyBackend, SystemModel>;

/// A kind of allocator that can be made over a backend of any kind.
pub trait AllocatorKind: HeapKind + Sized {
    /// Formats `backend`; whatever was in it is lost.
    ///
    /// # Errors
    ///
    /// Why the heap could not be made.
    fn create(backend: AnyBackend, config: &Config) -> Result<Self, ManagerError>;

    /// Takes `backend` for a heap that somebody made, after verifying it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn attach(backend: AnyBackend) -> Result<Self, ManagerError>;
}

impl AllocatorKind for ThreadLocal {
    fn create(backend: AnyBackend, config: &Config) -> Result<Self, ManagerError> {
        Ok(Self::create(backend, SystemModel, config)?)
    }

    fn attach(backend: AnyBackend) -> Result<Self, ManagerError> {
        Ok(Self::attach(backend, SystemModel)?)
    }
}

impl AllocatorKind for ScalablePage {
    fn create(backend: AnyBackend, config: &Config) -> Result<Self, ManagerError> {
        Ok(Self::create(backend, SystemModel, config)?)
    }

    fn attach(backend: AnyBackend) -> Result<Self, ManagerError> {
        Ok(Self::attach(backend, SystemModel)?)
    }
}

impl AllocatorKind for LinkedList {
    fn create(backend: AnyBackend, config: &Config) -> Result<Self, ManagerError> {
        Ok(Self::new(backend, SystemModel, checked(config.id)?))
    }

    fn attach(backend: AnyBackend) -> Result<Self, ManagerError> {
        Err(not_shareable(&backend))
    }
}

/// Ignores its backend, as in hermes-shm.
impl AllocatorKind for MallocAllocator {
    fn create(_backend: AnyBackend, config: &Config) -> Result<Self, ManagerError> {
        Ok(Self::new(checked(config.id)?))
    }

    fn attach(backend: AnyBackend) -> Result<Self, ManagerError> {
        Err(not_shareable(&backend))
    }
}

/// `id`, unless it is the one that no allocator has.
fn checked(id: AllocatorId) -> Result<AllocatorId, CreateError> {
    if id == AllocatorId::NULL { Err(CreateError::NullId) } else { Ok(id) }
}

fn not_shareable(backend: &AnyBackend) -> ManagerError {
    HeapError::NotShareable { name: format!("{backend:?}") }.into()
}
