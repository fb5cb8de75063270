//! Where in a table an entry of a hash is, or could be.
//!
//! A search starts at the group that the hash names and goes on by one group,
//! then two, three, … until a group has an empty slot; in a power of two of
//! groups that visits each once.

use core::iter;
use core::ops::ControlFlow;
use core::ptr::NonNull;

use super::group::{EMPTY, LANES};
use super::table::{Entry, Slot, Table};

impl<K, V> Table<K, V> {
    /// Has the processor fetch the control bytes where a search for `hash` starts.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(self.controls.as_ptr().cast::<u8>().wrapping_add(self.start(hash)));
    }

    /// The slot with the entry of this hash whose key `matches`.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut matches: impl FnMut(&K) -> bool) -> Option<Slot> {
        self.search(hash, |slot, entry| {
            // SAFETY: the control byte says that there is an entry, and nobody
            // else writes there (invariant).
            matches(unsafe { &entry.as_ref().key }).then_some(slot)
        })
    }

    /// What `look` makes of the first slot with an entry of this hash, or one
    /// that looks alike, of which it makes anything.
    #[inline]
    pub(super) fn search<R>(
        &self,
        hash: u64,
        mut look: impl FnMut(Slot, NonNull<Entry<K, V>>) -> Option<R>,
    ) -> Option<R> {
        for start in self.path(hash) {
            if let ControlFlow::Break(found) = self.search_group(start, hash, &mut look) {
                return found;
            }
        }
        None
    }

    /// As [`search`](Self::search), in the group where it starts; whether it goes on
    /// to others.
    #[inline]
    pub(super) fn search_first<R>(
        &self,
        hash: u64,
        look: impl FnMut(Slot, NonNull<Entry<K, V>>) -> Option<R>,
    ) -> ControlFlow<Option<R>> {
        self.search_group(self.start(hash), hash, look)
    }

    #[inline]
    fn search_group<R>(
        &self,
        start: usize,
        hash: u64,
        mut look: impl FnMut(Slot, NonNull<Entry<K, V>>) -> Option<R>,
    ) -> ControlFlow<Option<R>> {
        let group = self.group(start);
        let mut near = group.alike(hash);
        // Seldom is there a second one: it is looked for after the first.
        while let Some(lane) = near.first() {
            let slot = Slot(start + lane);
            // SAFETY: one of a group's slots, so within the table (invariant).
            let found = look(slot, unsafe { self.entries.add(slot.0) });
            if found.is_some() {
                return ControlFlow::Break(found);
            }
            near.drop_first();
        }
        if group.has_empty() { ControlFlow::Break(None) } else { ControlFlow::Continue(()) }
    }

    /// A slot for an entry of this hash, and whether it was empty rather than
    /// removed.
    pub(super) fn vacancy(&self, hash: u64) -> Option<(Slot, bool)> {
        self.path(hash).find_map(|start| {
            let group = self.group(start);
            let lane = group.vacant().next()?;
            Some((Slot(start + lane), group.byte(lane) == EMPTY))
        })
    }

    /// Where the group starts that a search for `hash` visits first.
    #[inline]
    fn start(&self, hash: u64) -> usize {
        hash as usize & self.last_group
    }

    /// Where the groups start that a search for `hash` visits, in order.
    #[inline]
    fn path(&self, hash: u64) -> impl Iterator<Item = usize> + use<K, V> {
        let last = self.last_group;
        let (mut at, mut step) = (self.start(hash), 0);
        iter::from_fn(move || {
            let here = at;
            if step > last {
                return None;
            }
            step += LANES;
            at = at.wrapping_add(step) & last;
            Some(here)
        })
    }
}

/// Has the processor fetch a cache line, which is about to be used, if it knows how.
#[inline(always)]
fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: fetching a line changes nothing that a program could see, wherever it is.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
