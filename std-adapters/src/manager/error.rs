//! What can go wrong with a manager.

use anymem_core::allocator::registry::RegisterError;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::{AttachError, CreateError};
use thiserror::Error;

use super::BackendId;
use crate::error::HeapError;

/// Why a backend or an allocator could not be made, found or given up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManagerError {
    /// No backend has that id.
    #[error("there is no backend {}: create or attach it first", id.0)]
    UnknownBackend {
        /// The id asked for.
        id: BackendId,
    },
    /// A backend has that id already.
    #[error("backend {} exists already: destroy it first, or use another id", id.0)]
    BackendTaken {
        /// The id.
        id: BackendId,
    },
    /// An allocator is in the backend.
    #[error("allocator {allocator} is in backend {}: unregister it first", id.0)]
    BackendBusy {
        /// The backend.
        id: BackendId,
        /// The allocator.
        allocator: AllocatorId,
    },
    /// Somebody in this process has the backend.
    #[error("{handles} other handles of backend {} are alive: drop them first", id.0)]
    BackendInUse {
        /// The backend.
        id: BackendId,
        /// How many.
        handles: usize,
    },
    /// No allocator of this manager has that id.
    #[error("there is no allocator {id}: create or attach it first")]
    UnknownAllocator {
        /// The id asked for.
        id: AllocatorId,
    },
    /// An allocator of this process has that id already.
    #[error("allocator {id} exists already: unregister it first, or use another id")]
    AllocatorTaken {
        /// The id.
        id: AllocatorId,
    },
    /// Somebody in this process has the allocator.
    #[error("{handles} other handles of allocator {id} are alive: drop them first")]
    AllocatorInUse {
        /// The allocator.
        id: AllocatorId,
        /// How many.
        handles: usize,
    },
    /// The process has as many allocators as it can.
    #[error("this process has as many allocators as it can: unregister one first")]
    TooManyAllocators,
    /// The allocator is of another kind.
    #[error("allocator {id} is a {found}, not a {expected}: ask for the right kind")]
    OtherKind {
        /// The allocator.
        id: AllocatorId,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// The heap could not be made in the backend.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// What is in the backend is not a heap that can be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The backend's memory could not be had.
    #[error(transparent)]
    Backend(#[from] HeapError),
    /// Argobots cannot be used.
    #[cfg(all(unix, feature = "argobots"))]
    #[error(transparent)]
    Argobots(#[from] crate::thread::ArgobotsError),
}

impl From<RegisterError> for ManagerError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::IdTaken(id) => Self::AllocatorTaken { id },
            RegisterError::Full => Self::TooManyAllocators,
        }
    }
}
