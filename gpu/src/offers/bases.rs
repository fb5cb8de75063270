//! The bases of this process, by their devices and addresses.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::base::Base;
use super::note::Note;
use crate::driver::Process;
use crate::{Device, GpuError};

type Bases = HashMap<Device, BTreeMap<u64, Arc<Base>>>;

struct Known {
    /// Whose they are: a forked child has none, and does not touch the lock.
    home: Process,
    bases: Mutex<Bases>,
}

static KNOWN: LazyLock<Known> =
    LazyLock::new(|| Known { home: Process::this(), bases: Mutex::default() });

/// How many bases there are, and blocks that wait.
pub(super) static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether there is nothing to look for.
#[inline]
pub(super) fn are_none() -> bool {
    COUNT.load(Ordering::Relaxed) == 0
}

/// Whether this is the process that has them.
pub(super) fn check() -> Result<(), GpuError> {
    KNOWN.home.check()
}

fn lock() -> Result<MutexGuard<'static, Bases>, GpuError> {
    check()?;
    Ok(KNOWN.bases.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The base that a block is in, which is made if there is none.
pub(super) fn within(
    device: &Device,
    at: u64,
    len: usize,
    make: impl FnOnce() -> Result<Base, GpuError>,
) -> Result<Arc<Base>, GpuError> {
    let end = at.saturating_add(len as u64);
    let mut bases = lock()?;
    let of_device = bases.entry(device.clone()).or_default();
    let known = of_device.range(..=at).next_back().map(|(_, base)| base);
    if let Some(base) = known.filter(|base| base.end() >= end) {
        return Ok(Arc::clone(base));
    }
    let made = Arc::new(make()?);
    COUNT.fetch_add(1, Ordering::Relaxed);
    of_device.insert(made.start, Arc::clone(&made));
    Ok(made)
}

/// The bases that have bytes there; those that are gone with them are known no more.
pub(super) fn leave(device: &Device, at: u64, len: usize) -> Vec<Arc<Base>> {
    let end = at.saturating_add(len as u64);
    // What a forked child has is its parent's to give back.
    let Ok(mut bases) = lock() else { return Vec::new() };
    let Some(of_device) = bases.get_mut(device) else { return Vec::new() };
    let before = of_device.range(..at).next_back().map_or(at, |(start, _)| *start);
    let near = of_device.range(before..end).map(|(_, base)| Arc::clone(base));
    let hit: Vec<_> = near.filter(|base| base.end() > at).collect();
    for base in hit.iter().filter(|base| base.start >= at && base.end() <= end) {
        of_device.remove(&base.start);
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
    hit
}

/// Where the base is that a note is of, if it is one of this process.
pub(super) fn own(device: &Device, note: &Note) -> Option<u64> {
    let bases = lock().ok()?;
    let base = bases.get(device)?.get(&note.start)?;
    (base.stamp == note.stamp).then_some(base.start)
}
