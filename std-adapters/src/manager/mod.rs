//! The backends and allocators of a process, by id.

mod error;
mod kind;
mod state;
#[cfg(all(unix, feature = "argobots"))]
mod user_level;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anymem_core::allocator::Allocator;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;

pub use self::error::ManagerError;
pub use self::kind::{AllocatorKind, LinkedList, ScalablePage, ThreadLocal};
use self::state::State;
#[cfg(all(unix, feature = "argobots"))]
pub use self::user_level::UserLevel;
use crate::allocator::MallocAllocator;
use crate::attached::Attached;
use crate::backend::{AnyBackend, BackendKind};
use crate::size::IntoSize;
use crate::sys;
use crate::thread::fork;

/// Names a backend within a process (hermes-shm: `MemoryBackendId`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(pub u32);

/// Keeps backends and allocators, and finds them by id.
///
/// A process has one for all its parts, [`global`](Self::global); others may be
/// made. Allocators' ids are unique in the process, backends' in the manager.
///
/// ```
/// use anymem::allocator::Allocator;
/// use anymem::backend::ShmBackend;
/// use anymem::manager::{BackendId, MemoryManager, ThreadLocal};
/// use anymem::offset::AllocatorId;
/// use anymem::thread::Context;
/// use anymem::Size;
///
/// let shm_url = format!("test_allocators.{}", std::process::id());
/// let mem_mngr = MemoryManager::global();
/// let alloc_id = AllocatorId::new(0, 0);
///
/// // Create a 1 GB backend with id 0
/// mem_mngr.create_backend::<ShmBackend>(BackendId(0), Size::gb(1), &shm_url)?;
///
/// // Create an allocator over backend 0
/// mem_mngr.create_allocator::<ThreadLocal>(BackendId(0), alloc_id, 0)?;
///
/// // Use it
/// let alloc = mem_mngr.allocator(alloc_id)?;
/// let layout = core::alloc::Layout::new::<[u64; 8]>();
/// let at = alloc.allocate(Context::DEFAULT, layout)?;
/// // SAFETY: the block is live, and not used afterwards.
/// unsafe { alloc.free(Context::DEFAULT, at, layout)? };
/// drop(alloc);
///
/// // Unregister allocator
/// // SAFETY: nothing in it is in use any more.
/// unsafe { mem_mngr.unregister_allocator(alloc_id)? };
///
/// // Destroy backend
/// mem_mngr.destroy_backend(BackendId(0))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryManager {
    state: Mutex<State>,
}

static GLOBAL: MemoryManager = MemoryManager::new();

/// What [`MemoryManager::default_allocator`] is until another is chosen.
static MALLOC_ID: AllocatorId = AllocatorId::new(u32::MAX, 0);

impl MemoryManager {
    /// A manager of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: Mutex::new(State::new()) }
    }

    /// The process's manager (hermes-shm: `HSHM_MEMORY_MANAGER`).
    #[must_use]
    pub fn global() -> &'static Self {
        &GLOBAL
    }

    /// Makes a backend of kind `B` and keeps it as `id`.
    ///
    /// `url` is the name for kinds that have one. Others find a shared backend
    /// once there is an allocator in it.
    ///
    /// # Errors
    ///
    /// [`ManagerError::BackendTaken`], and what [`BackendKind::create`] says.
    pub fn create_backend<B: BackendKind>(
        &self,
        id: BackendId,
        size: impl IntoSize,
        url: &str,
    ) -> Result<AnyBackend, ManagerError> {
        let size = size.into_size()?;
        self.with(|state| state.add_backend(id, true, || Ok(B::create(size, url)?)))
    }

    /// Opens a backend of kind `B` that another process made, as `id`.
    ///
    /// # Errors
    ///
    /// [`ManagerError::BackendTaken`], and what [`BackendKind::attach`] says.
    pub fn attach_backend<B: BackendKind>(
        &self,
        id: BackendId,
        url: &str,
    ) -> Result<AnyBackend, ManagerError> {
        self.with(|state| state.add_backend(id, false, || Ok(B::attach(url)?)))
    }

    /// Keeps a backend that was made elsewhere, as `id`.
    ///
    /// # Errors
    ///
    /// [`ManagerError::BackendTaken`].
    pub fn register_backend<B: BackendKind>(
        &self,
        id: BackendId,
        backend: B,
    ) -> Result<AnyBackend, ManagerError> {
        self.with(|state| state.add_backend(id, false, || Ok(backend)))
    }

    /// The backend `id`.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownBackend`].
    pub fn backend(&self, id: BackendId) -> Result<AnyBackend, ManagerError> {
        self.with(|state| Ok(state.backend(id)?.backend.clone()))
    }

    /// Gives up the backend `id`. If it was created here, its name goes too,
    /// unless somebody else has that name now.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownBackend`], [`ManagerError::BackendBusy`] while an
    /// allocator is in it, [`ManagerError::BackendInUse`] while handles of it
    /// are alive, and what the system refuses.
    pub fn destroy_backend(&self, id: BackendId) -> Result<(), ManagerError> {
        self.with(|state| {
            let entry = state.idle_backend(id)?;
            if entry.created {
                entry.backend.unlink()?;
            }
            state.backends.remove(&id);
            Ok(())
        })
    }

    /// Gives up the backend `id`, and leaves its name to others.
    ///
    /// # Errors
    ///
    /// As [`destroy_backend`](Self::destroy_backend).
    pub fn detach_backend(&self, id: BackendId) -> Result<(), ManagerError> {
        self.with(|state| {
            state.idle_backend(id)?;
            state.backends.remove(&id);
            Ok(())
        })
    }

    /// Makes an allocator of kind `A` over a backend; whatever was in it is
    /// lost.
    ///
    /// `slots` is how many threads can hold a heap slot at a time, 0 for a
    /// number that suits the size.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownBackend`], [`ManagerError::BackendBusy`],
    /// [`ManagerError::AllocatorTaken`], and why the heap could not be made.
    pub fn create_allocator<A: AllocatorKind>(
        &self,
        backend: BackendId,
        id: AllocatorId,
        slots: usize,
    ) -> Result<Arc<Attached<A>>, ManagerError> {
        self.with(|state| {
            let span = state.vacant_backend(backend)?.backend.clone();
            let heap =
                A::create(span.clone(), &Config::new(id).slots(slots).secret(sys::secret()))?;
            let heap = announce(heap)?;
            span.publish()?;
            Ok(state.add_allocator(backend, heap))
        })
    }

    /// Attaches the allocator that another process made in a backend. Its id is
    /// what that process called it.
    ///
    /// # Errors
    ///
    /// As [`create_allocator`](Self::create_allocator), and what is wrong with
    /// the heap found.
    pub fn attach_allocator<A: AllocatorKind>(
        &self,
        backend: BackendId,
    ) -> Result<Arc<Attached<A>>, ManagerError> {
        self.with(|state| {
            let span = state.vacant_backend(backend)?.backend.clone();
            let heap = announce(A::attach(span)?)?;
            Ok(state.add_allocator(backend, heap))
        })
    }

    /// The allocator `id`.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownAllocator`].
    pub fn allocator(&self, id: AllocatorId) -> Result<Arc<dyn Allocator>, ManagerError> {
        self.with(|state| Ok(state.allocator(id)?.heap.clone().as_allocator()))
    }

    /// The allocator `id`, known to be of kind `A`.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownAllocator`], [`ManagerError::OtherKind`].
    pub fn allocator_as<A: AllocatorKind>(
        &self,
        id: AllocatorId,
    ) -> Result<Arc<Attached<A>>, ManagerError> {
        self.with(|state| {
            let managed = state.allocator(id)?;
            let any = managed.heap.clone().as_any();
            any.downcast().map_err(|_| ManagerError::OtherKind {
                id,
                found: managed.kind,
                expected: core::any::type_name::<A>(),
            })
        })
    }

    /// Gives up the allocator `id`. Its heap stays in the backend, for other
    /// processes, until that goes.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownAllocator`], [`ManagerError::AllocatorInUse`]
    /// while handles of it are alive.
    ///
    /// # Safety
    ///
    /// Nothing in the heap is in use in this process: no reference to a value
    /// in it is alive, and no thread is in a call that uses it.
    pub unsafe fn unregister_allocator(&self, id: AllocatorId) -> Result<(), ManagerError> {
        self.with(|state| {
            let managed = state.allocator(id)?;
            let handles = Arc::strong_count(&managed.heap).saturating_sub(1);
            if handles > 0 {
                return Err(ManagerError::AllocatorInUse { id, handles });
            }
            state.remove_allocator(id);
            Ok(())
        })
    }

    /// Makes `id` the default allocator.
    ///
    /// # Errors
    ///
    /// [`ManagerError::UnknownAllocator`].
    pub fn set_default_allocator(&self, id: AllocatorId) -> Result<(), ManagerError> {
        self.with(|state| {
            state.allocator(id)?;
            state.default = Some(id);
            Ok(())
        })
    }

    /// The allocator for code that was given none: the one that was
    /// [set](Self::set_default_allocator), or the C library's.
    #[must_use]
    pub fn default_allocator(&self) -> Arc<dyn Allocator> {
        let chosen = self.with(|state| {
            let managed = state.default.and_then(|id| state.allocator(id).ok());
            managed.map(|managed| managed.heap.clone().as_allocator())
        });
        chosen.unwrap_or_else(|| Arc::new(MallocAllocator::new(MALLOC_ID)))
    }

    /// The ids of all backends.
    #[must_use]
    pub fn backends(&self) -> Vec<BackendId> {
        self.with(|state| state.backends.keys().copied().collect())
    }

    /// The ids of all allocators.
    #[must_use]
    pub fn allocators(&self) -> Vec<AllocatorId> {
        self.with(|state| state.allocators.keys().copied().collect())
    }

    /// Runs `work` with the state, while nobody else has it and nobody forks.
    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let _hold = fork::hold();
        let mut state: MutexGuard<'_, State> =
            self.state.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut state)
    }
}

impl Default for MemoryManager {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes `heap` known by its id.
fn announce<A: AllocatorKind>(heap: A) -> Result<Arc<Attached<A>>, ManagerError> {
    let heap = Arc::new(Attached::new(heap));
    // SAFETY: nothing moves out of an `Arc`. It is dropped before anybody could
    // find a value in it, or after `unregister_allocator`, whose caller sees to
    // the rest.
    unsafe { heap.announce()? };
    Ok(heap)
}
