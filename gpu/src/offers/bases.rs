//! The bases of this process, by their devices and addresses.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::base::Base;
use super::note::Note;
use crate::driver::Process;
use crate::{Device, GpuError};

/// The bases of one device.
#[derive(Debug, Default)]
struct Bases {
    /// Those that do not overlap: the driver's own blocks, and pieces of mapped pages.
    single: BTreeMap<u64, Arc<Base>>,
    /// Runs of several pieces, by their address and length: exactly those that some block is
    /// in. They may overlap all others, and are few.
    runs: HashMap<(u64, usize), Arc<Base>>,
}

struct Known {
    /// Whose they are: a forked child has none, and does not touch the lock.
    home: Process,
    bases: Mutex<HashMap<Device, Bases>>,
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

fn lock() -> Result<MutexGuard<'static, HashMap<Device, Bases>>, GpuError> {
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
    let single = &mut bases.entry(device.clone()).or_default().single;
    let known = single.range(..=at).next_back().map(|(_, base)| base);
    if let Some(base) = known.filter(|base| base.end() >= end) {
        return Ok(Arc::clone(base));
    }
    let made = Arc::new(make()?);
    COUNT.fetch_add(1, Ordering::Relaxed);
    single.insert(made.start, Arc::clone(&made));
    Ok(made)
}

/// The base of a run of pieces, which is made if there is none.
pub(super) fn run(
    device: &Device,
    start: u64,
    len: usize,
    make: impl FnOnce() -> Result<Base, GpuError>,
) -> Result<Arc<Base>, GpuError> {
    let mut bases = lock()?;
    let runs = &mut bases.entry(device.clone()).or_default().runs;
    if let Some(base) = runs.get(&(start, len)) {
        return Ok(Arc::clone(base));
    }
    let made = Arc::new(make()?);
    COUNT.fetch_add(1, Ordering::Relaxed);
    runs.insert((start, len), Arc::clone(&made));
    Ok(made)
}

/// The bases that have bytes there. Those that [go](Base::goes_with) with them, and all of pages
/// that are `unmapped`, are known no more.
pub(super) fn leave(device: &Device, at: u64, len: usize, unmapped: bool) -> Vec<Arc<Base>> {
    let end = at.saturating_add(len as u64);
    // What a forked child has is its parent's to give back.
    let Ok(mut bases) = lock() else { return Vec::new() };
    let Some(Bases { single, runs }) = bases.get_mut(device) else { return Vec::new() };
    let before = single.range(..at).next_back().map_or(at, |(start, _)| *start);
    let near = single.range(before..end).map(|(_, base)| base).chain(runs.values());
    let hit: Vec<_> = near.filter(|it| it.start < end && it.end() > at).map(Arc::clone).collect();
    for base in hit.iter().filter(|it| unmapped || it.goes_with(at, end)) {
        // No run begins and ends where another base does.
        runs.remove(&(base.start, base.len)).or_else(|| single.remove(&base.start));
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
    hit
}

/// Where the base is that a note is of, if it is one of this process.
pub(super) fn own(device: &Device, note: &Note) -> Option<u64> {
    let bases = lock().ok()?;
    let Bases { single, runs } = bases.get(device)?;
    let found = [single.get(&note.start), runs.get(&(note.start, note.len as usize))];
    found.into_iter().flatten().find(|base| base.stamp == note.stamp).map(|base| base.start)
}
