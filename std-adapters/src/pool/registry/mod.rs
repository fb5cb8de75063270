//! The pools of the process: by address, by name, by number.

mod handle;
mod owner;

pub use handle::PoolHandle;
pub use owner::{Owner, owner};

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use anymem_core::sync::owners::Entry;

use self::handle::Registered;
use super::cache::{Kept, push_by_key};
use super::lock::Lock;
use super::owners::OwnerMap;
use super::{Pool, PoolError};

static STATE: Lock<State> =
    Lock::new(State { pools: BTreeMap::new(), keys: BTreeMap::new(), defaults: BTreeMap::new() });

/// The pools by the keys of their pages.
static BY_KEY: [Place; Entry::KEYS + 1] = [const { Place::new() }; Entry::KEYS + 1];

/// Which pool has a key.
struct Place {
    /// Null if there is none.
    pool: AtomicPtr<Registered>,
    /// 0 if there is none.
    id: AtomicU64,
    /// Whether threads' caches take its blocks back without the pool being asked.
    has_caches: AtomicBool,
}

impl Place {
    const fn new() -> Self {
        let (pool, id) = (AtomicPtr::new(ptr::null_mut()), AtomicU64::new(0));
        Self { pool, id, has_caches: AtomicBool::new(false) }
    }

    /// Has a pool found here, or none.
    fn show(&self, pool: Option<(u64, &Listed)>) {
        let (at, id, has_caches) = pool.map_or((ptr::null_mut(), 0, false), |(id, listed)| {
            (listed.pool.as_ptr().cast_mut(), id, listed.has_caches)
        });
        // Release: pairs with the Acquire in `registered`.
        self.pool.store(at, Ordering::Release);
        // Release: pairs with the Acquire in `id_of`.
        self.id.store(id, Ordering::Release);
        // Relaxed: it says nothing of anything else.
        self.has_caches.store(has_caches, Ordering::Relaxed);
    }
}

struct State {
    /// By id.
    pools: BTreeMap<u64, Listed>,
    /// Their ids, by the keys of their pages: pools that are made of one another have the
    /// same. The last one that was registered is found.
    keys: BTreeMap<usize, Vec<u64>>,
    /// By the name of the provider.
    defaults: BTreeMap<String, PoolHandle>,
}

/// A pool that is registered.
struct Listed {
    name: Arc<str>,
    /// As in its [`Place`].
    has_caches: bool,
    pool: Weak<Registered>,
}

impl State {
    /// Has the pool found whose turn it is among those with a key.
    fn show(&self, key: usize, place: &Place) {
        let id = self.keys.get(&key).and_then(|ids| ids.last());
        place.show(id.and_then(|id| self.pools.get_key_value(id)).map(|(id, pool)| (*id, pool)));
    }
}

impl Listed {
    fn handle(&self) -> Option<PoolHandle> {
        PoolHandle::upgrade(&self.pool)
    }
}

/// All pools that are registered, the oldest first.
#[must_use]
pub fn all() -> Vec<PoolHandle> {
    // None is dropped while the lock is held: it might be the last handle of its pool.
    STATE.lock().pools.values().filter_map(Listed::handle).collect()
}

/// What there is to know of a pool without a handle, which might become the last one.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    pool: Weak<Registered>,
}

impl Known {
    pub(crate) fn is_held(&self) -> bool {
        self.pool.strong_count() > 0
    }

    pub(crate) fn handle(&self) -> Option<PoolHandle> {
        PoolHandle::upgrade(&self.pool)
    }
}

/// All pools that are registered, the oldest first.
pub(crate) fn known() -> Vec<Known> {
    let known = |(id, listed): (&u64, &Listed)| {
        let (name, pool) = (Arc::clone(&listed.name), Weak::clone(&listed.pool));
        Known { id: *id, name, pool }
    };
    STATE.lock().pools.iter().map(known).collect()
}

/// The pool that was registered under a name; the oldest if there are more.
#[must_use]
pub fn by_name(name: &str) -> Option<PoolHandle> {
    // Of no other pool a handle is taken: it might become the last one.
    let state = STATE.lock();
    state.pools.values().filter(|pool| *pool.name == *name).find_map(Listed::handle)
}

/// The pool with an id.
#[must_use]
pub fn by_id(id: u64) -> Option<PoolHandle> {
    STATE.lock().pools.get(&id).and_then(Listed::handle)
}

/// The pool that an address belongs to: of several that are stacked on one another the one
/// that handed it out last. (`umfPoolByPtr`)
///
/// ```
/// assert!(anymem::pool::of(std::ptr::NonNull::<u8>::dangling()).is_none());
/// ```
#[must_use]
pub fn of(at: NonNull<u8>) -> Option<PoolHandle> {
    by_id(id_of(at)?)
}

/// The [id](PoolHandle::id) of the pool that a live block belongs to: as [`of`], in a few
/// loads, without a lock or a handle.
///
/// For an address whose pool is just going it may be that of a pool that takes its place.
#[must_use]
#[inline]
pub fn id_of(at: NonNull<u8>) -> Option<u64> {
    let key = OwnerMap::global().entry_of_any(at).key();
    // Acquire: pairs with the Release in `PoolHandle::named`; who knows the number finds the
    // pool.
    let id = BY_KEY.get(key)?.id.load(Ordering::Acquire);
    (id != 0).then_some(id)
}

/// Frees a block of whatever pool. (`umfFree`)
///
/// # Errors
///
/// [`PoolError::Nobodys`] if no pool has the address, and what the pool's own
/// [`free`](Pool::free) says.
///
/// # Safety
///
/// `block` is a live block of some pool that is registered and
/// [tracked](super::Tracked::is_tracked), and is not used afterwards.
#[inline]
pub unsafe fn free(block: NonNull<u8>) -> Result<(), PoolError> {
    let entry = OwnerMap::global().entry(block);
    let place = BY_KEY.get(entry.key());
    if place.is_some_and(|place| place.has_caches.load(Ordering::Relaxed))
        // SAFETY: a live block of the lane that the map names.
        && let Some(Kept::Kept) = unsafe { push_by_key(entry.key(), entry.lane(), block) }
    {
        return Ok(());
    }
    // SAFETY: passed on from the caller.
    unsafe { free_by(entry, block) }
}

/// Frees a block by what the map says of its page.
///
/// # Safety
///
/// As for [`free`].
#[cold]
unsafe fn free_by(entry: Entry, block: NonNull<u8>) -> Result<(), PoolError> {
    // SAFETY: the block is live, and so its pool is.
    unsafe {
        match registered(entry) {
            Some(pool) => pool.pool.free(block),
            None => Err(nobodys(block)),
        }
    }
}

/// How many bytes of a live block of whatever pool may be used.
///
/// # Errors
///
/// [`PoolError::Nobodys`] if no pool has the address, and what the pool's own
/// [`usable_size`](Pool::usable_size) says.
pub fn usable_size(block: NonNull<u8>) -> Result<usize, PoolError> {
    of(block).ok_or_else(|| nobodys(block))?.usable_size(block)
}

/// Makes a pool the one that [`default_for`] gives for its provider's name; it stays until
/// another one is, or [none](clear_default).
pub fn set_default(pool: &PoolHandle) {
    let memory = pool.provider().name().to_owned();
    let before = STATE.lock().defaults.insert(memory, pool.clone());
    drop(before);
}

/// The pool to allocate from in the memory of the provider with this name.
#[must_use]
pub fn default_for(provider: &str) -> Option<PoolHandle> {
    STATE.lock().defaults.get(provider).cloned()
}

/// Lets the memory of the provider with this name have no default pool; the one that was.
pub fn clear_default(provider: &str) -> Option<PoolHandle> {
    STATE.lock().defaults.remove(provider)
}

/// The pool whose pages have a key.
fn of_key(key: usize) -> Option<PoolHandle> {
    let state = STATE.lock();
    state.pools.get(state.keys.get(&key)?.last()?).and_then(Listed::handle)
}

/// The pool whose key an entry has, without a lock.
///
/// # Safety
///
/// It stays registered for as long as the result is used.
unsafe fn registered<'p>(entry: Entry) -> Option<&'p Registered> {
    // Acquire: pairs with the Release in `PoolHandle::new`; publishes the pool.
    let pool = BY_KEY.get(entry.key())?.pool.load(Ordering::Acquire);
    // SAFETY: not null only while the pool is registered, as the caller agreed to.
    unsafe { pool.as_ref() }
}

fn nobodys(block: NonNull<u8>) -> PoolError {
    PoolError::Nobodys { address: block.addr().get() }
}
