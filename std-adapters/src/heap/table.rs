//! The shared heaps that this process has attached.
//!
//! One lock is held while a heap is attached, created or detached, so that two
//! threads that open one heap get one mapping.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anymem_core::allocator::registry::RegisterError;
use anymem_core::backend::Backend;
use anymem_core::segment::Config;

use super::{Inner, SharedAllocator, SharedHeap, failure};
use crate::attached::Attached;
use crate::backend::{Entry, SharedSpan};
use crate::error::HeapError;
use crate::thread::{SystemModel, fork};

static HEAPS: Mutex<Vec<SharedHeap>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<SharedHeap>> {
    HEAPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Formats `span` as a heap and lets other processes find it.
pub(super) fn create(
    span: SharedSpan,
    name: String,
    entry: Option<Entry>,
    config: &Config,
) -> Result<SharedHeap, HeapError> {
    let _hold = fork::hold();
    let mut heaps = lock();
    let heap = SharedAllocator::create(span, SystemModel, config)
        .map_err(|error| failure::of_create(error, &name))?;
    let heap = announce(heap, name, entry)?;
    if let Some(entry) = &heap.inner.entry {
        entry.publish(heap.allocator().backend())?;
    }
    heaps.push(heap.clone());
    Ok(heap)
}

/// Attaches the heap in `span`, or finds it attached; takes back what the dead
/// held of it, if `recover` says so.
pub(super) fn attach(
    span: SharedSpan,
    name: String,
    entry: Option<Entry>,
    recover: bool,
) -> Result<SharedHeap, HeapError> {
    let _hold = fork::hold();
    let mut heaps = lock();
    let is_same = |heap: &&SharedHeap| heap.allocator().backend().id() == span.id();
    if let Some(heap) = heaps.iter().find(is_same) {
        return match heap.is_read_only() && !span.read_only() {
            true => Err(HeapError::AttachedReadOnly { name }),
            false => Ok(heap.clone()),
        };
    }
    let heap = SharedAllocator::attach(span, SystemModel)
        .map_err(|error| failure::of_attach(error, &name))?;
    let heap = announce(heap, name, entry)?;
    if recover {
        heap.recover();
    }
    heaps.push(heap.clone());
    Ok(heap)
}

/// Makes a handle of `heap`, which values can find by its id.
fn announce(
    heap: SharedAllocator,
    name: String,
    entry: Option<Entry>,
) -> Result<SharedHeap, HeapError> {
    let inner = Arc::new(Inner { attached: Attached::new(heap), name, entry });
    // SAFETY: nothing moves out of an `Arc`. It is dropped here before anybody
    // could find a value in it, or by `remove`, whose caller sees to the rest.
    let announced = unsafe { inner.attached.announce() };
    match announced {
        Ok(()) => Ok(SharedHeap { inner }),
        Err(RegisterError::IdTaken(id)) => Err(HeapError::IdTaken { name: inner.name.clone(), id }),
        Err(RegisterError::Full) => Err(HeapError::TooManyHeaps),
    }
}

/// Unmaps a heap whose only handle is `heap`.
///
/// # Safety
///
/// As for [`SharedHeap::detach`].
pub(super) unsafe fn remove(heap: SharedHeap) -> Result<(), HeapError> {
    let _hold = fork::hold();
    let mut heaps = lock();
    // One is in the table, one is `heap`. Nobody can make another meanwhile:
    // opening needs the lock, and cloning needs a handle.
    let others = Arc::strong_count(&heap.inner).saturating_sub(2);
    if others > 0 {
        return Err(HeapError::InUse { name: heap.name().into(), handles: others });
    }
    heaps.retain(|attached| !Arc::ptr_eq(&attached.inner, &heap.inner));
    // Under the lock: whoever opens the heap next must find its id free.
    drop(heap);
    Ok(())
}
