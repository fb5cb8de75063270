//! A pool that the process knows.

use core::alloc::Layout;
use core::any::Any;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::btree_map::Entry;
use std::sync::{Arc, Weak};

use super::{BY_KEY, Listed, Place, STATE};
use crate::control::Knob;
use crate::pool::cache::{Kept, pop_small_by_key, push_by_key};
use crate::pool::lock::Lock;
use crate::pool::owners::OwnerMap;
use crate::pool::{Caches, Pool, PoolError, PoolStats, Tracked, last};
use crate::provider::Provider;

type Tag = Arc<dyn Any + Send + Sync>;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A pool that the process knows: found [by the address](super::of) of any of its blocks,
/// by name and by id.
///
/// Any [`Pool`] can be registered; to be found by address it takes its memory from a
/// [`Tracked`] provider and [says so](Pool::memory). A handle is a pool itself, and
/// cloning it gives another one of the same. When the last one goes, so does the pool.
///
/// ```
/// # use std::{alloc::Layout, sync::Arc};
/// # use anymem::pool::{self, DisjointOptions, Pool, PoolError, PoolHandle, Tracked};
/// # use anymem::provider::Provider;
/// # fn example(provider: Arc<dyn Provider>) -> Result<(), PoolError> {
/// let pool = PoolHandle::new(DisjointOptions::new().build(Tracked::new(provider)?)?);
/// let block = pool.allocate(Layout::new::<[u64; 4]>())?;
/// assert_eq!(pool::of(block).map(|found| found.id()), Some(pool.id()));
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool::free(block) }?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PoolHandle {
    registered: Arc<Registered>,
    /// The key of the caches in front of the pool, and of its pages in the process's map;
    /// 0 if there are none that may be used without asking it.
    key: usize,
}

pub(super) struct Registered {
    pub(super) pool: Box<dyn Pool>,
    id: u64,
    name: Arc<str>,
    tag: Lock<Option<Tag>>,
}

impl PoolHandle {
    /// Registers a pool under its own name.
    #[must_use]
    pub fn new(pool: impl Pool + 'static) -> Self {
        let name = pool.name().to_owned();
        Self::named(name, pool)
    }

    /// Registers a pool under a name.
    #[must_use]
    pub fn named(name: impl Into<String>, pool: impl Pool + 'static) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (pool, name, tag) = (Box::new(pool), Arc::from(name.into()), Lock::new(None));
        let registered = Arc::new(Registered { pool, id, name, tag });
        let listed = registered.listed();
        let mut state = STATE.lock();
        state.pools.insert(id, listed);
        if let Some((key, place)) = registered.place() {
            state.keys.entry(key).or_default().push(id);
            state.show(key, place);
        }
        drop(state);
        Self::from_registered(registered)
    }

    /// The pool's number, which no other pool of the process ever has.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.registered.id
    }

    /// What is noted with the pool, if it is a `T`. (`umfPoolGetTag`)
    #[must_use]
    pub fn tag<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.registered.tag.lock().clone()?.downcast().ok()
    }

    /// Notes something with the pool; what was noted before. (`umfPoolSetTag`)
    pub fn set_tag(&self, tag: Option<Tag>) -> Option<Tag> {
        core::mem::replace(&mut *self.registered.tag.lock(), tag)
    }

    /// Why allocating from this pool failed last in the calling thread; `None` if it never
    /// did. (`umfPoolGetLastAllocationError`)
    #[must_use]
    pub fn last_error(&self) -> Option<PoolError> {
        last::of(self.id())
    }

    /// Takes the pool out of the registry for good. Its memory goes with the last handle.
    /// (`umfPoolDestroy`)
    ///
    /// # Errors
    ///
    /// [`PoolError::InUse`] if there are live blocks, and how many; then nothing has
    /// changed.
    pub fn destroy(&self) -> Result<(), PoolError> {
        let blocks = self.stats().blocks;
        if blocks > 0 {
            return Err(PoolError::InUse { pool: self.name().to_owned(), blocks });
        }
        self.registered.forget();
        Ok(())
    }

    pub(super) fn upgrade(registered: &Weak<Registered>) -> Option<Self> {
        registered.upgrade().map(Self::from_registered)
    }

    fn from_registered(registered: Arc<Registered>) -> Self {
        let key = registered.pool.caches().map_or(0, |caches| caches.key);
        Self { registered, key }
    }

    #[inline(never)]
    fn allocate_by_pool(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        // The good case is told apart, for an error is so large that moving it would take
        // longer than allocating.
        match self.registered.pool.allocate(layout) {
            Ok(block) => Ok(block),
            error => self.noted(error),
        }
    }

    /// # Safety
    ///
    /// As for [`free`](Pool::free).
    #[inline(never)]
    unsafe fn free_by_pool(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        // SAFETY: passed on from the caller.
        unsafe { self.registered.pool.free(block) }
    }

    #[cold]
    fn failed(&self, error: &PoolError) {
        last::note(self.id(), error);
    }

    fn noted<T>(&self, result: Result<T, PoolError>) -> Result<T, PoolError> {
        if let Err(error) = &result {
            self.failed(error);
        }
        result
    }
}

impl Registered {
    /// The key of the pool's pages, and where the pool stands by it.
    fn place(&self) -> Option<(usize, &'static Place)> {
        let key = self.pool.memory().filter(|memory| memory.is_tracked())?.key();
        Some((key, BY_KEY.get(key)?))
    }

    /// What the registry has of it.
    fn listed(self: &Arc<Self>) -> Listed {
        // Caches of other pages know nothing of its blocks.
        let key = self.pool.caches().map(|caches| caches.key);
        let has_caches = key.is_some() && key == self.place().map(|(key, _)| key);
        Listed { name: Arc::clone(&self.name), has_caches, pool: Arc::downgrade(self) }
    }

    fn forget(&self) {
        let mut state = STATE.lock();
        state.pools.remove(&self.id);
        let Some((key, place)) = self.place() else { return };
        if let Entry::Occupied(mut ids) = state.keys.entry(key) {
            ids.get_mut().retain(|id| *id != self.id);
            if ids.get().is_empty() {
                ids.remove();
            }
        }
        state.show(key, place);
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.forget();
    }
}

// SAFETY: all is the pool's own, whose contract is the same.
unsafe impl Pool for PoolHandle {
    fn name(&self) -> &str {
        &self.registered.name
    }

    fn provider(&self) -> &dyn Provider {
        self.registered.pool.provider()
    }

    fn memory(&self) -> Option<&Tracked> {
        self.registered.pool.memory()
    }

    fn caches(&self) -> Option<Caches> {
        self.registered.pool.caches()
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        match pop_small_by_key(self.key, layout) {
            Some(block) => Ok(block),
            None => self.allocate_by_pool(layout),
        }
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        self.noted(self.registered.pool.allocate_zeroed(layout))
    }

    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.registered.pool.reallocate(block, new_size) })
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let entry = OwnerMap::global().entry(block);
        if entry.key() == self.key {
            // Where the thread has a cache of the pool, the pool need not be asked.
            // SAFETY: a live block of the lane that the map names, as the caller agreed to.
            if let Some(Kept::Kept) = unsafe { push_by_key(entry.key(), entry.lane(), block) } {
                return Ok(());
            }
        }
        // SAFETY: passed on from the caller.
        unsafe { self.free_by_pool(block) }
    }

    unsafe fn free_sized(&self, block: NonNull<u8>, layout: Layout) -> Result<(), PoolError> {
        // SAFETY: passed on from the caller.
        unsafe { self.registered.pool.free_sized(block, layout) }
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        self.registered.pool.usable_size(block)
    }

    fn trim(&self, keep: usize) -> usize {
        self.registered.pool.trim(keep)
    }

    fn stats(&self) -> PoolStats {
        self.registered.pool.stats()
    }

    fn knobs(&self) -> Vec<Knob<'_>> {
        self.registered.pool.knobs()
    }
}

impl fmt::Debug for PoolHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Registered { id, name, pool, .. } = &*self.registered;
        f.debug_struct("PoolHandle")
            .field("id", id)
            .field("name", name)
            .field("pool", pool)
            .finish()
    }
}
