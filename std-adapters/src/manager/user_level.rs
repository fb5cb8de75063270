//! The kind of allocator for programs that run on Argobots.

use anymem_core::allocator::{LentSlots, ThreadLocalAllocator};
use anymem_core::segment::Config;

use super::{AllocatorKind, ManagerError};
use crate::backend::AnyBackend;
use crate::thread::ArgobotsModel;

/// The allocator for programs that run on Argobots: slots lent to its user-level threads.
///
/// Other processes may have the same heap as [`ThreadLocal`](super::ThreadLocal).
pub type UserLevel = LentSlots<ThreadLocalAllocator<AnyBackend, ArgobotsModel>>;

impl AllocatorKind for UserLevel {
    fn create(backend: AnyBackend, config: &Config) -> Result<Self, ManagerError> {
        Ok(Self::new(ThreadLocalAllocator::create(backend, ArgobotsModel::load()?, config)?))
    }

    fn attach(backend: AnyBackend) -> Result<Self, ManagerError> {
        Ok(Self::new(ThreadLocalAllocator::attach(backend, ArgobotsModel::load()?)?))
    }
}
