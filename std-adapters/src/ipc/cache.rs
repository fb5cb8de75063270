//! The views that this process has open.
//!
//! Who opens a block looks into `HINTS` first, which name the slot where the view was
//! last time, without a lock; what they name is checked. Only if the view is not there,
//! or does not reach as far as the block, the state behind the lock is asked, and only if
//! it does not know either, the system. The lock is not held meanwhile.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::handle::Parts;
use super::opened::Opened;
use super::slot::{Entry, Key, Slot};
use super::stand_in::Visit;
use super::view::View;
use super::views::{CacheStats, Views};
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

static VIEWS: Mutex<Option<Views>> = Mutex::new(None);

fn with<R>(work: impl FnOnce(&mut Views) -> R) -> R {
    let _hold = fork::hold();
    let mut views: MutexGuard<'_, Option<Views>> =
        VIEWS.lock().unwrap_or_else(PoisonError::into_inner);
    let views = views.get_or_insert_default();
    let result = work(views);
    KEPT.store(views.len(), Ordering::Relaxed);
    result
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
    if let Some(slot) = with(|views| views.get(key)) {
        if let Some(found) = reach(slot, key, parts) {
            remember(key, slot);
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
    let entry = Entry { visit: Visit::default(), key: *key, view, owner };
    let (opened, gone) = with(|views| views.insert(entry, parts, limit()));
    // Unmapped without the lock.
    drop(gone);
    let opened = opened.ok_or(IpcError::Withdrawn)?;
    remember(key, opened.slot());
    Ok(opened)
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
    let _gone = with(|views| views.empty(slot));
}

#[cold]
fn keep_to(limit: usize) {
    let mut gone = Vec::new();
    with(|views| views.evict(limit, &mut gone));
}

/// Keeps a view no longer than until its last block is closed, for whoever has one open.
#[cold]
pub(super) fn give_up(slot: &'static Slot) {
    with(|views| views.give_up(slot));
}

/// Closes those views in which no block is open and whose memory is about to go.
pub(super) fn close_what_is_closing() {
    let mut gone = Vec::new();
    with(|views| views.close_all(&mut gone, |entry| entry.visit.is_closing()));
}

/// Closes all views in which no block is open; how many.
pub(super) fn trim() -> usize {
    let mut gone = Vec::new();
    with(|views| views.close_all(&mut gone, |_| true))
}

/// Lets a block be closed by its address.
pub(super) fn add_raw(at: usize, slot: &'static Slot) {
    with(|views| views.add_raw(at, slot));
}

/// Closes a block by its address.
pub(super) fn close_raw(at: usize) -> Result<(), IpcError> {
    release(with(|views| views.take_raw(at)).ok_or(IpcError::NotOpen { address: at })?);
    Ok(())
}

/// What is known of the view that has an address.
pub(super) fn look_up<R>(at: usize, look: impl FnOnce(&Entry) -> R) -> Option<R> {
    with(|views| views.find(at).map(look))
}

/// What the cache has counted.
pub(super) fn stats() -> CacheStats {
    with(|views| views.stats())
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

/// Lets whoever opens a block in the view next find it without a lock.
fn remember(key: &Key, slot: &'static Slot) {
    // Release: pairs with the Acquire in `open`; the slot is made.
    hint(key).store(ptr::from_ref(slot).cast_mut(), Ordering::Release);
}

#[inline]
fn hint(key: &Key) -> &'static AtomicPtr<Slot> {
    let mixed = (key.file.inode ^ u64::from(key.owner.token) << 20 ^ key.file.device << 40)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    &HINT[(mixed >> 54) as usize % HINTS]
}
