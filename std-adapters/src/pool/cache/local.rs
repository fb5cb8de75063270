//! The calling thread's caches, by the numbers of their pools.
//!
//! # Invariants
//!
//! - `table` of a thread points to `len` places, each of which points to a cache of the
//!   thread's own or to [`NOBODYS`].
//! - A cache whose key is not 0 is in the list of the pool that it is of. It is the
//!   thread's to drop, once it is in no list.
//! - A cache whose key is 0 has no blocks, and no room for any.

use core::cell::Cell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::sync::Arc;

use super::LANES;
use super::front::{Kept, Shared};
use super::magazine::{Magazine, Pushed};
use super::small_lanes::SmallLanes;
use crate::thread::hooks::Hook;
use crate::thread::{exit, fork};

/// What a thread keeps of a pool's blocks.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Cache {
    /// In front, where no offset needs to be added.
    pub(super) magazines: [Magazine; LANES],
    pub(super) small: SmallLanes,
    /// The pool's number; 0 once the pool is gone.
    pub(super) key: AtomicUsize,
    /// How many forks lie before the process that its thread is of.
    pub(super) forks: AtomicUsize,
    /// The pool's side.
    pub(super) shared: Option<Arc<Shared>>,
}

impl Cache {
    /// Of no pool, and without room.
    const fn new() -> Self {
        Self {
            magazines: [const { Magazine::new() }; LANES],
            small: SmallLanes::new(),
            key: AtomicUsize::new(0),
            forks: AtomicUsize::new(0),
            shared: None,
        }
    }
}

type Place = Cell<NonNull<Cache>>;

struct Local {
    table: Cell<*const Place>,
    len: Cell<usize>,
    /// Whether the thread is making a cache, or was told that it ends.
    aside: Cell<bool>,
}

thread_local! {
    static LOCAL: Local = const {
        Local { table: Cell::new(ptr::null()), len: Cell::new(0), aside: Cell::new(false) }
    };
}

/// What stands where a thread has no cache.
static NOBODYS: Cache = Cache::new();

/// How many forks lie between the process and the first of its kind.
pub(super) static FORKS: AtomicUsize = AtomicUsize::new(0);

static LEAVE: Hook = Hook::new(leave);
static FORKED: Hook = Hook::new(count_fork);

/// The calling thread's cache of the pool with this number, or one without room.
///
/// # Safety
///
/// The result is not used after the call of this crate in which it was found.
#[inline(always)]
unsafe fn at<'c>(key: usize) -> Option<&'c Cache> {
    // Only its address comes out of the closure, so that this is no call.
    let local = LOCAL.with(ptr::from_ref);
    // SAFETY: it has no destructor, so it lives until the thread has ended.
    let local = unsafe { &*local };
    if key >= local.len.get() {
        return None;
    }
    // SAFETY: the table has so many places, which point to caches (module invariants).
    Some(unsafe { (*local.table.get().add(key)).get().as_ref() })
}

/// The calling thread's cache of the pool with this number, which is not 0.
///
/// # Safety
///
/// As for [`at`].
pub(super) unsafe fn find<'c>(key: usize) -> Option<&'c Cache> {
    // SAFETY: passed on from the caller.
    unsafe { at(key) }.filter(|cache| cache.key.load(Ordering::Relaxed) == key)
}

/// Keeps a block of the pool with this number and of this lane; `None` if the thread has
/// no cache for it, or no room.
///
/// # Safety
///
/// The block is a live one of that pool and lane, or the one that the thread freed last.
#[inline(always)]
pub(crate) unsafe fn push(key: usize, lane: usize, block: NonNull<u8>) -> Option<Kept> {
    // SAFETY: not used beyond this call.
    let magazine = unsafe { at(key) }?.magazines.get(lane)?;
    // SAFETY: it is the calling thread's. The one of lane 0 never has room.
    match unsafe { magazine.push(block) } {
        Pushed::Kept => Some(Kept::Kept),
        Pushed::Again => Some(Kept::Again),
        Pushed::Full => None,
    }
}

/// Takes a block of this lane of the pool with this number, if the thread has one at hand.
#[inline(always)]
pub(crate) fn pop(key: usize, lane: usize) -> Option<NonNull<u8>> {
    // SAFETY: not used beyond this call; and it is the calling thread's. The one of lane 0
    // has no blocks.
    unsafe { at(key)?.magazines.get(lane)?.pop() }
}

/// As [`pop`], of the lane that small blocks of this layout have.
#[inline(always)]
pub(crate) fn pop_small(key: usize, layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: not used beyond this call.
    let cache = unsafe { at(key) }?;
    let magazine = cache.magazines.get(cache.small.lane(layout)?)?;
    // SAFETY: as in `pop`.
    unsafe { magazine.pop() }
}

/// Makes a cache for the calling thread; `None` if there is no memory, or the thread ends.
///
/// # Safety
///
/// As for [`at`].
#[cold]
pub(super) unsafe fn make<'c>(shared: &Arc<Shared>) -> Option<&'c Cache> {
    LOCAL.with(|local| {
        if local.aside.replace(true) {
            return None;
        }
        fork::call_in_child(&FORKED);
        let made = if exit::hear(&LEAVE) { make_in(local, shared) } else { None };
        local.aside.set(false);
        made
    })
}

fn make_in<'c>(local: &Local, shared: &Arc<Shared>) -> Option<&'c Cache> {
    let key = shared.key();
    if key >= local.len.get() {
        grow(local, key)?;
    }
    // SAFETY: the layout has bytes.
    let made = NonNull::new(unsafe { alloc(Layout::new::<Cache>()) }.cast::<Cache>())?;
    let forks = AtomicUsize::new(FORKS.load(Ordering::Relaxed));
    // SAFETY: just allocated for one.
    unsafe { made.write(Cache { forks, shared: Some(Arc::clone(shared)), ..Cache::new() }) };
    if !shared.admit(made) {
        // SAFETY: nobody else has heard of it; it was allocated as a box is.
        drop(unsafe { Box::from_raw(made.as_ptr()) });
        return None;
    }
    // SAFETY: the table has that many places (checked above), of the thread's own.
    let old = unsafe { (*local.table.get().add(key)).replace(made) };
    if !is_nobodys(old) {
        // SAFETY: the cache of a pool that is gone, in no list any more; it was allocated
        // as a box is.
        drop(unsafe { Box::from_raw(old.as_ptr()) });
    }
    // SAFETY: made above; it is dropped when the thread ends.
    Some(unsafe { made.as_ref() })
}

fn is_nobodys(cache: NonNull<Cache>) -> bool {
    ptr::eq(cache.as_ptr(), &raw const NOBODYS)
}

/// Makes the table long enough for `key`.
fn grow(local: &Local, key: usize) -> Option<()> {
    let (old, len) = (local.table.get(), local.len.get());
    let new_len = (key + 1).next_power_of_two().max(8);
    // SAFETY: the layout has bytes.
    let new = unsafe { alloc_zeroed(Layout::array::<Place>(new_len).ok()?) }.cast::<Place>();
    if new.is_null() {
        return None;
    }
    for index in 0..new_len {
        let cache = if index < len {
            // SAFETY: the old table has `len` places (module invariant).
            unsafe { (*old.add(index)).get() }
        } else {
            NonNull::from(&NOBODYS)
        };
        // SAFETY: the new table has that many places.
        unsafe { new.add(index).write(Cell::new(cache)) };
    }
    local.table.set(new);
    local.len.set(new_len);
    drop_table(old, len);
    Some(())
}

fn drop_table(table: *const Place, len: usize) {
    if let Ok(layout) = Layout::array::<Place>(len)
        && !table.is_null()
    {
        // SAFETY: only called by this module with a table that `grow` allocated with this
        // layout, and that is in use no more.
        unsafe { dealloc(table.cast_mut().cast(), layout) };
    }
}

/// Gives back what the calling thread keeps, for good: nobody would hear of the thread's
/// end once more.
fn leave() {
    LOCAL.with(|local| {
        local.aside.set(true);
        let (table, len) = (local.table.replace(ptr::null()), local.len.replace(0));
        for index in 0..len {
            // SAFETY: the table has `len` places (module invariant).
            let cache = unsafe { (*table.add(index)).get() };
            if !is_nobodys(cache) {
                // SAFETY: the thread's own, which nobody finds any more; it was allocated
                // as a box is, and leaves its list before it is dropped.
                let cache = unsafe { Box::from_raw(cache.as_ptr()) };
                if let Some(shared) = &cache.shared {
                    shared.dismiss(&cache);
                }
            }
        }
        drop_table(table, len);
    });
}

/// Tells this thread's caches, in a forked child, from those of threads that are not there.
fn count_fork() {
    let forks = FORKS.fetch_add(1, Ordering::Relaxed) + 1;
    LOCAL.with(|local| {
        for index in 0..local.len.get() {
            // SAFETY: the table has `len` places (module invariant).
            let cache = unsafe { (*local.table.get().add(index)).get().as_ref() };
            cache.forks.store(forks, Ordering::Relaxed);
        }
    });
}
