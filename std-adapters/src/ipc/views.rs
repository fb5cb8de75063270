//! The views that are kept, and those that are not but still in use.

use core::ptr;
use core::sync::atomic::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::handle::Parts;
use super::opened::Opened;
use super::slot::{Entry, Key, Slot};

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

/// The views that are kept, and those that are not but still in use.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// What is kept.
    kept: HashMap<Key, &'static Slot>,
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

impl Views {
    /// How many views are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The slot of a view that is kept.
    pub(super) fn get(&self, key: &Key) -> Option<&'static Slot> {
        self.kept.get(key).copied()
    }

    /// Keeps a view and opens a block in it; whichever views go for it, to be dropped.
    pub(super) fn insert(
        &mut self,
        entry: Entry,
        parts: &Parts,
        limit: usize,
    ) -> (Option<Opened>, Vec<Entry>) {
        let mut gone = Vec::new();
        if let Some(before) = self.kept.get(&entry.key).copied() {
            // Another thread was faster, or what it has does not reach as far.
            if let Some(opened) = Self::reach_kept(before, &entry.key, parts) {
                gone.push(entry);
                return (Some(opened), gone);
            }
            self.kept.remove(&entry.key);
            if before.release() {
                gone.extend(self.empty(before));
            }
        }
        self.misses += 1;
        let (key, at) = (entry.key, entry.view.span().addr());
        let slot = self.free.pop().unwrap_or_else(Slot::leaked);
        // SAFETY: free slots are empty, and this one is the caller's alone now.
        unsafe { slot.fill(entry) };
        self.kept.insert(key, slot);
        self.regions.insert(at, slot);
        let opened = Self::reach_kept(slot, &key, parts);
        self.evict(limit, &mut gone);
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
    pub(super) fn evict(&mut self, limit: usize, gone: &mut Vec<Entry>) {
        if limit == 0 || self.kept.len() <= limit {
            return;
        }
        let mut unused: Vec<_> = self
            .kept
            .iter()
            .filter(|(_, slot)| slot.users() == 1)
            .map(|(key, slot)| (slot.used.load(Ordering::Relaxed), *key))
            .collect();
        unused.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in unused {
            if self.kept.len() <= limit {
                break;
            }
            self.evictions += u64::from(self.close(&key, gone));
        }
    }

    /// Closes a view, if nobody uses it.
    fn close(&mut self, key: &Key, gone: &mut Vec<Entry>) -> bool {
        let Some(slot) = self.kept.get(key).copied().filter(|slot| slot.release_if_alone()) else {
            return false;
        };
        self.kept.remove(key);
        gone.extend(self.empty(slot));
        true
    }

    /// Whether a block in the slot's view is open.
    fn is_used(&self, slot: &'static Slot) -> bool {
        let is_kept = self.kept.values().any(|kept| ptr::eq(*kept, slot));
        slot.users() > usize::from(is_kept)
    }

    /// Takes the view out of a slot whose last user the caller was.
    pub(super) fn empty(&mut self, slot: &'static Slot) -> Option<Entry> {
        self.hits += slot.hits.swap(0, Ordering::Relaxed);
        // SAFETY: the caller was told that there are no more users.
        let entry = unsafe { slot.empty() };
        if let Some(entry) = &entry {
            self.regions.remove(&entry.view.span().addr());
        }
        self.free.push(slot);
        entry
    }

    /// Closes all views that nobody uses and that are `wanted`; how many.
    pub(super) fn close_all(
        &mut self,
        gone: &mut Vec<Entry>,
        wanted: impl Fn(&Entry) -> bool,
    ) -> usize {
        let is_wanted = |slot: &'static Slot| {
            // SAFETY: views that are kept are taken out only by who has these to change.
            unsafe { slot.entry() }.is_some_and(&wanted)
        };
        let kept = self.kept.iter().filter(|(_, slot)| is_wanted(slot));
        let keys: Vec<_> = kept.map(|(key, _)| *key).collect();
        keys.iter().filter(|key| self.close(key, gone)).count()
    }

    /// Keeps a view no more in which a block is open: the last one to be closed closes it.
    pub(super) fn give_up(&mut self, slot: &'static Slot) {
        // SAFETY: as in `close_all`.
        let key = unsafe { slot.entry() }.map(|entry| entry.key);
        let is_it = |key: &Key| self.kept.get(key).is_some_and(|kept| ptr::eq(*kept, slot));
        if let Some(key) = key.filter(is_it) {
            self.kept.remove(&key);
            // Never the last one: that is whoever has the block open.
            let _ = slot.release();
        }
    }

    /// Lets a block be closed by its address.
    pub(super) fn add_raw(&mut self, at: usize, slot: &'static Slot) {
        self.raw.entry(at).or_insert((slot, 0)).1 += 1;
    }

    /// The slot of a block that is closed by its address once less from now on.
    pub(super) fn take_raw(&mut self, at: usize) -> Option<&'static Slot> {
        let (slot, times) = self.raw.get_mut(&at)?;
        let slot = *slot;
        *times -= 1;
        if *times == 0 {
            self.raw.remove(&at);
        }
        Some(slot)
    }

    /// The view that has an address.
    pub(super) fn find(&self, at: usize) -> Option<&Entry> {
        let slot = *self.regions.range(..=at).next_back()?.1;
        // SAFETY: views in `regions` are taken out only by who has these to change.
        let entry = unsafe { slot.entry() }?;
        let span = entry.view.span();
        (at - span.addr() < span.len).then_some(entry)
    }

    /// What was counted.
    pub(super) fn stats(&self) -> CacheStats {
        let slots = self.regions.values();
        CacheStats {
            open: self.regions.len(),
            in_use: slots.clone().filter(|slot| self.is_used(slot)).count(),
            hits: self.hits + slots.map(|slot| slot.hits.load(Ordering::Relaxed)).sum::<u64>(),
            misses: self.misses,
            evictions: self.evictions,
        }
    }
}
