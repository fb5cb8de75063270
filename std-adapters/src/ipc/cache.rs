//! The views that this process has open.
//!
//! Who opens a block looks into `HINTS` first, which name the slot where the view was
//! last time, without a lock; what they name is checked. Only if the view is not there,
//! or does not reach as far as the block, the state behind the lock is asked, and only if
//! it does not know either, the system. The lock is not held meanwhile.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::handle::Parts;
use super::opened::Opened;
use super::slot::{Entry, Key, Slot};
use super::view::View;
use super::{IpcError, locate};
use crate::control::Tree;
use crate::thread::fork;

const HINTS: usize = 1024;

static HINT: [AtomicPtr<Slot>; HINTS] = [const { AtomicPtr::new(ptr::null_mut()) }; HINTS];

/// The most views to keep; 0 for any number.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// How many views are kept.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Counts uses, while there is a limit.
static CLOCK: AtomicU64 = AtomicU64::new(1);

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// What the cache has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Files that are mapped now.
    pub open: usize,
    /// Those of them in which a block is open.
    pub in_use: usize,
    /// Blocks opened that were in a file mapped already.
    pub hits: u64,
    /// Blocks opened for which a file had to be mapped.
    pub misses: u64,
    /// Files unmapped to stay within the limit.
    pub evictions: u64,
}

#[derive(Debug, Default)]
struct State {
    views: HashMap<Key, &'static Slot>,
    /// Slots by the address where their view begins, in use or kept.
    regions: BTreeMap<usize, &'static Slot>,
    /// Empty slots.
    free: Vec<&'static Slot>,
    /// Blocks that are closed by their address: how often they are open.
    raw: HashMap<usize, (&'static Slot, usize)>,
    /// Hits of slots that were emptied.
    hits: u64,
    misses: u64,
    evictions: u64,
}

fn with<R>(work: impl FnOnce(&mut State) -> R) -> R {
    let _hold = fork::hold();
    let mut state: MutexGuard<'_, Option<State>> =
        STATE.lock().unwrap_or_else(PoisonError::into_inner);
    work(state.get_or_insert_default())
}

/// Opens a block.
#[inline]
pub(super) fn open(parts: &Parts) -> Result<Opened, IpcError> {
    let key = Key::of(parts);
    let hint = hint(&key).load(Ordering::Acquire);
    // SAFETY: hints are null, or name slots, which are never freed.
    match unsafe { hint.as_ref() }.and_then(|slot| reach(slot, &key, parts)) {
        Some(found) => found,
        None => open_slowly(&key, parts),
    }
}

/// Opens a block in the view of a slot; `None` if that is another's, or not long enough.
#[inline]
fn reach(slot: &'static Slot, key: &Key, parts: &Parts) -> Option<Result<Opened, IpcError>> {
    let place = slot.acquire()?.place(key, parts);
    match place {
        Some(Ok(at)) => {
            slot.hits.fetch_add(1, Ordering::Relaxed);
            Some(Ok(Opened::new(slot, at, parts)))
        }
        other => {
            release(slot);
            other.map(|result| result.and(Err(IpcError::Withdrawn)))
        }
    }
}

#[cold]
fn open_slowly(key: &Key, parts: &Parts) -> Result<Opened, IpcError> {
    configure();
    let mut outgrown = None;
    if let Some(slot) = with(|state| state.views.get(key).copied()) {
        if let Some(found) = reach(slot, key, parts) {
            hint(key).store(ptr::from_ref(slot).cast_mut(), Ordering::Release);
            return found;
        }
        match look_again(slot, key, parts)? {
            Looked::Reached(opened) => return Ok(opened),
            Looked::Outgrown(file) => outgrown = Some(file),
            Looked::Gone => {}
        }
    }
    let owner = locate::owner(parts)?;
    if owner.as_ref().is_some_and(|it| !it.ledger.holds(parts.slot, parts.generation)) {
        return Err(IpcError::Withdrawn);
    }
    let file = match outgrown {
        Some(file) => file,
        None => locate::file(parts, owner.as_deref())?,
    };
    let view = View::new(file, parts.writable, parts.offset, parts.len)?;
    let entry = Entry { key: *key, view, owner };
    let (opened, gone) = with(|state| state.insert(entry, parts));
    // Unmapped without the lock.
    drop(gone);
    opened.ok_or(IpcError::Withdrawn)
}

/// What came of looking again how long a file is.
enum Looked {
    Reached(Opened),
    /// The file is longer than what is mapped of it.
    Outgrown(std::os::fd::OwnedFd),
    /// The view was closed meanwhile.
    Gone,
}

fn look_again(slot: &'static Slot, key: &Key, parts: &Parts) -> Result<Looked, IpcError> {
    let Some(entry) = slot.acquire() else { return Ok(Looked::Gone) };
    if entry.key != *key {
        release(slot);
        return Ok(Looked::Gone);
    }
    let looked = entry.view.look_again(parts.offset, parts.len);
    let file = entry.view.file();
    release(slot);
    looked?;
    match reach(slot, key, parts) {
        Some(found) => found.map(Looked::Reached),
        None => file.map(Looked::Outgrown),
    }
}

impl State {
    /// Keeps a view and opens a block in it; whichever views go for it, to be dropped.
    fn insert(&mut self, entry: Entry, parts: &Parts) -> (Option<Opened>, Vec<Entry>) {
        let mut gone = Vec::new();
        if let Some(before) = self.views.get(&entry.key).copied() {
            // Another thread was faster, or what it has does not reach as far.
            if let Some(opened) = Self::reach_kept(before, &entry.key, parts) {
                gone.push(entry);
                return (Some(opened), gone);
            }
            self.views.remove(&entry.key);
            KEPT.fetch_sub(1, Ordering::Relaxed);
            if before.release() {
                gone.extend(self.empty(before));
            }
        }
        self.misses += 1;
        let (key, at) = (entry.key, entry.view.span().addr());
        let slot = self.free.pop().unwrap_or_else(Slot::leaked);
        // SAFETY: free slots are empty, and this one is the caller's alone now.
        unsafe { slot.fill(entry) };
        self.views.insert(key, slot);
        self.regions.insert(at, slot);
        KEPT.fetch_add(1, Ordering::Relaxed);
        hint(&key).store(ptr::from_ref(slot).cast_mut(), Ordering::Release);
        let opened = Self::reach_kept(slot, &key, parts);
        self.evict(LIMIT.load(Ordering::Relaxed), &mut gone);
        (opened, gone)
    }

    /// As `reach`, with the lock held, for a slot that the cache is a user of.
    fn reach_kept(slot: &'static Slot, key: &Key, parts: &Parts) -> Option<Opened> {
        match slot.acquire()?.place(key, parts) {
            Some(Ok(at)) => Some(Opened::new(slot, at, parts)),
            _ => {
                // Never the last one: that is the cache.
                let _ = slot.release();
                None
            }
        }
    }

    /// Closes views that nobody uses, those first that were used longest ago, until there
    /// are not more than `limit`.
    fn evict(&mut self, limit: usize, gone: &mut Vec<Entry>) {
        if limit == 0 || self.views.len() <= limit {
            return;
        }
        let mut unused: Vec<_> = self
            .views
            .iter()
            .filter(|(_, slot)| slot.users() == 1)
            .map(|(key, slot)| (slot.used.load(Ordering::Relaxed), *key))
            .collect();
        unused.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in unused {
            if self.views.len() <= limit {
                break;
            }
            self.evictions += u64::from(self.close(&key, gone));
        }
    }

    /// Closes a view, if nobody uses it.
    fn close(&mut self, key: &Key, gone: &mut Vec<Entry>) -> bool {
        let Some(slot) = self.views.get(key).copied().filter(|slot| slot.release_if_alone()) else {
            return false;
        };
        self.views.remove(key);
        KEPT.fetch_sub(1, Ordering::Relaxed);
        gone.extend(self.empty(slot));
        true
    }

    /// Whether a block in the slot's view is open.
    fn is_used(&self, slot: &'static Slot) -> bool {
        let is_kept = self.views.values().any(|kept| ptr::eq(*kept, slot));
        slot.users() > usize::from(is_kept)
    }

    /// Takes the view out of a slot whose last user the caller was.
    fn empty(&mut self, slot: &'static Slot) -> Option<Entry> {
        self.hits += slot.hits.swap(0, Ordering::Relaxed);
        // SAFETY: the caller was told that there are no more users.
        let entry = unsafe { slot.empty() };
        if let Some(entry) = &entry {
            self.regions.remove(&entry.view.span().addr());
        }
        self.free.push(slot);
        entry
    }
}

/// Is a user of a slot no more.
#[inline]
pub(super) fn release(slot: &'static Slot) {
    let limit = LIMIT.load(Ordering::Relaxed);
    if limit > 0 {
        slot.used.store(CLOCK.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }
    if slot.release() {
        close_last(slot);
    } else if limit > 0 && KEPT.load(Ordering::Relaxed) > limit {
        keep_to(limit);
    }
}

#[cold]
fn close_last(slot: &'static Slot) {
    // Unmapped without the lock.
    let _gone = with(|state| state.empty(slot));
}

#[cold]
fn keep_to(limit: usize) {
    let mut gone = Vec::new();
    with(|state| state.evict(limit, &mut gone));
}

/// Closes all views in which no block is open; how many.
pub(super) fn trim() -> usize {
    let mut gone = Vec::new();
    with(|state| {
        let keys: Vec<_> = state.views.keys().copied().collect();
        keys.iter().filter(|key| state.close(key, &mut gone)).count()
    })
}

/// Lets a block be closed by its address.
pub(super) fn add_raw(at: usize, slot: &'static Slot) {
    with(|state| state.raw.entry(at).or_insert((slot, 0)).1 += 1);
}

/// Closes a block by its address.
pub(super) fn close_raw(at: usize) -> Result<(), IpcError> {
    let slot = with(|state| {
        let (slot, times) = state.raw.get_mut(&at)?;
        let slot = *slot;
        *times -= 1;
        if *times == 0 {
            state.raw.remove(&at);
        }
        Some(slot)
    });
    release(slot.ok_or(IpcError::NotOpen { address: at })?);
    Ok(())
}

/// What is known of the view that has an address.
pub(super) fn look_up<R>(at: usize, look: impl FnOnce(&Entry) -> R) -> Option<R> {
    with(|state| {
        let slot = *state.regions.range(..=at).next_back()?.1;
        // SAFETY: views in `regions` are taken out only by who has the lock.
        let entry = unsafe { slot.entry() }?;
        let span = entry.view.span();
        (at - span.addr() < span.len).then(|| look(entry))
    })
}

/// What the cache has counted.
pub(super) fn stats() -> CacheStats {
    with(|state| {
        let slots = state.regions.values();
        CacheStats {
            open: state.regions.len(),
            in_use: slots.clone().filter(|slot| state.is_used(slot)).count(),
            hits: state.hits + slots.map(|slot| slot.hits.load(Ordering::Relaxed)).sum::<u64>(),
            misses: state.misses,
            evictions: state.evictions,
        }
    })
}

pub(super) fn limit() -> usize {
    LIMIT.load(Ordering::Relaxed)
}

pub(super) fn set_limit(limit: usize) {
    LIMIT.store(limit, Ordering::Relaxed);
    keep_to(limit);
}

/// Lets what the environment says hold from the first open on.
fn configure() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        Tree::global();
    });
}

#[inline]
fn hint(key: &Key) -> &'static AtomicPtr<Slot> {
    let mixed = (key.file.inode ^ u64::from(key.owner.token) << 20 ^ key.file.device << 40)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &HINT[(mixed >> 54) as usize % HINTS]
}
