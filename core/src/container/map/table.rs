//! One shard's table: control bytes, and then slots for entries, in one block.
//!
//! ```text
//! ├ group 0 ─────────┬ group 1 ─────────┬ … ┼ slot 0 ────┬ slot 1 ────┬ …
//! │ 16 control bytes │ 16 control bytes │   │ key, value │ key, value │
//! ```
//!
//! Control bytes stand together: those of a table of many thousand entries fit into
//! the cache nearest to the processor but one, so that a search mostly waits for
//! one line of memory, that of its entry.
//!
//! A search starts at the group that the hash names and goes on by one group,
//! then two, three, … until a group has an empty slot; in a power of two of
//! groups that visits each once. A slot is taken and given up with one word
//! store, after its entry was written and before it is moved out.

use core::alloc::Layout;
use core::array::from_fn;
use core::iter;
use core::ops::ControlFlow;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::super::heap::{Heap, too_large};
use super::super::{ContainerError, ShmSafe, TraceError, Tracer, racy};
use super::group::{EMPTY, Group, LANES, Lanes, REMOVED, WORD_LANES, WORDS, occupied, with};
use super::table_word::{ALIGN, MOST_GROWTH, TableWord};
use crate::offset::Offset;

/// Slots of the smallest table: one group's.
pub(super) const SMALLEST: usize = LANES;

/// A key with its value.
#[repr(C)]
pub(super) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

/// A slot's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(pub(super) usize);

/// A table at its address in this process.
///
/// # Invariants
///
/// All control bytes and all slots lie in the heap, aligned; but those of the
/// [empty one](Self::EMPTY), which has no slots. The holder of the shard's lock, or the
/// only owner of the map, is the only one who writes. Others only
/// [copy](super::read) what they find, and have it checked.
pub(super) struct Table<K, V> {
    word: TableWord,
    controls: NonNull<AtomicUsize>,
    entries: NonNull<Entry<K, V>>,
    /// Where the last group starts: all bits that a group's start can have, and no
    /// other.
    last_group: usize,
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Table<K, V> {}

/// The control bytes of a table without entries.
static NO_ENTRIES: [AtomicUsize; WORDS] = [const { AtomicUsize::new(0) }; WORDS];

impl<K, V> Table<K, V> {
    /// The table that no word names: only for looking into.
    pub(super) const EMPTY: Self = Self {
        word: TableWord::NONE,
        // SAFETY: a static is not at 0.
        controls: unsafe { NonNull::new_unchecked((&raw const NO_ENTRIES).cast_mut().cast()) },
        entries: NonNull::dangling(),
        last_group: 0,
    };

    /// How much larger than the smallest a table can be so that its size in bytes is
    /// a number: the binary logarithm.
    const GROWTH: u32 = (isize::MAX as usize / Self::bytes(SMALLEST)).ilog2();

    /// The table that `word` names, bounded against the heap.
    #[inline]
    pub(super) fn open(heap: Heap, word: TableWord) -> Result<Self, ContainerError> {
        if Self::GROWTH < MOST_GROWTH && word.growth() > Self::GROWTH {
            return Err(ContainerError::Corrupt);
        }
        // So the number of bytes does not wrap.
        let slots = LANES << word.growth();
        let controls = heap.round_place(word.offset(), Self::bytes(slots))?;
        let table = Self::at(controls, word, slots);
        if align_of::<Entry<K, V>>() <= ALIGN || table.entries.is_aligned() {
            Ok(table)
        } else {
            Err(ContainerError::Corrupt)
        }
    }

    /// The table of `slots` slots whose block is at `controls`.
    #[inline]
    fn at(controls: NonNull<AtomicUsize>, word: TableWord, slots: usize) -> Self {
        // SAFETY: inside the block (`bytes`), or at its end.
        let entries = unsafe { controls.byte_add(Self::entries_at(slots)) }.cast();
        Self { word, controls, entries, last_group: slots - LANES }
    }

    /// Where the slots start: behind as many control bytes.
    #[inline]
    const fn entries_at(slots: usize) -> usize {
        // Both are powers of two.
        let align = align_of::<Entry<K, V>>();
        if align <= SMALLEST || slots > align { slots } else { align }
    }

    /// How many bytes a table takes, where that is a number.
    #[inline]
    const fn bytes(slots: usize) -> usize {
        Self::entries_at(slots).wrapping_add(slots.wrapping_mul(size_of::<Entry<K, V>>()))
    }

    /// Puts a table of `slots` slots in the place of the one that `link` names,
    /// `old`, which is freed; `fill` puts the entries in.
    ///
    /// # Safety
    ///
    /// `link` names `old`, and nobody else stores to it. Whatever `old` had is in
    /// the new table when `fill` returns.
    pub(super) unsafe fn exchange(
        heap: Heap,
        link: &AtomicUsize,
        old: Option<&Self>,
        slots: usize,
        fill: impl Fn(&Self),
    ) -> Result<Self, ContainerError> {
        let layout = Self::layout(slots)?;
        let old = old.and_then(Self::block);
        let mut fill = |block: NonNull<u8>| {
            let table = Self::at(block.cast(), TableWord::NONE, slots);
            table.reset();
            fill(&table);
        };
        let new = (Some(layout), TableWord::tag(slots));
        // SAFETY: passed on from the caller.
        let at = unsafe { heap.exchange(NonNull::from(link), old, new, &mut fill) }?;
        Self::open(heap, TableWord::new(at, slots))
    }

    /// Frees the table that `link` names, which names none then.
    ///
    /// # Safety
    ///
    /// Nobody else stores to `link`, and the table's entries were dropped.
    pub(super) unsafe fn free(self, heap: Heap, link: &AtomicUsize) -> Result<(), ContainerError> {
        // SAFETY: passed on from the caller.
        let done =
            unsafe { heap.exchange(NonNull::from(link), self.block(), (None, 0), &mut |_| ()) };
        done.map(|_| ())
    }

    /// The table's block and its layout.
    fn block(&self) -> Option<(Offset, Layout)> {
        Some((self.word.offset(), Self::layout(self.slots()).ok()?))
    }

    /// Has the processor fetch the control bytes where a search for `hash` starts.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(self.controls.as_ptr().cast::<u8>().wrapping_add(self.start(hash)));
    }

    /// How many slots there are.
    #[inline]
    pub(super) fn slots(&self) -> usize {
        self.last_group + LANES
    }

    /// The last slot, whose number has all bits that a slot's number can have.
    #[inline]
    fn last(&self) -> usize {
        self.last_group | (LANES - 1)
    }

    /// How many slots may be other than empty before the table must grow.
    #[inline]
    pub(super) fn limit(&self) -> usize {
        limit_of(self.slots())
    }

    /// The slot with the entry of this hash whose key `matches`.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut matches: impl FnMut(&K) -> bool) -> Option<Slot> {
        self.search(hash, |slot| {
            // SAFETY: the control byte says that there is an entry, and nobody
            // else writes there (invariant).
            matches(unsafe { &self.entry(slot).as_ref().key }).then_some(slot)
        })
    }

    /// What `look` makes of the first slot with an entry of this hash, or one
    /// that looks alike, of which it makes anything.
    #[inline]
    pub(super) fn search<R>(
        &self,
        hash: u64,
        mut look: impl FnMut(Slot) -> Option<R>,
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
        look: impl FnMut(Slot) -> Option<R>,
    ) -> ControlFlow<Option<R>> {
        self.search_group(self.start(hash), hash, look)
    }

    #[inline]
    fn search_group<R>(
        &self,
        start: usize,
        hash: u64,
        mut look: impl FnMut(Slot) -> Option<R>,
    ) -> ControlFlow<Option<R>> {
        let group = self.group(start);
        let mut near = group.near(occupied(tag(hash)));
        // Seldom is there a second one: it is looked for after the first.
        while let Some(lane) = near.first() {
            let found = look(Slot(start + lane));
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

    /// Where the entry of `slot` is, or would be.
    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> NonNull<Entry<K, V>> {
        // SAFETY: masked, so within the table (invariant).
        unsafe { self.entries.add(slot.0 & self.last()) }
    }

    /// Where the key of `slot` is, or would be.
    #[inline]
    pub(super) fn key(&self, slot: Slot) -> NonNull<K> {
        // The key is an entry's first field.
        self.entry(slot).cast()
    }

    /// Where the value of `slot` is, or would be.
    #[inline]
    pub(super) fn value(&self, slot: Slot) -> NonNull<V> {
        let entry = self.entry(slot).as_ptr();
        // SAFETY: inside the entry, which is not at 0; only the place is computed.
        unsafe { NonNull::new_unchecked(&raw mut (*entry).value) }
    }

    /// Writes an entry to `slot`, which holds none.
    ///
    /// # Safety
    ///
    /// The caller is the one who writes.
    pub(super) unsafe fn write(&self, slot: Slot, Entry { key, value }: Entry<K, V>) {
        // SAFETY: in the heap and aligned (invariant), and the caller is the only
        // one to write.
        unsafe { racy::store(self.key(slot), key) };
        // SAFETY: as above.
        unsafe { racy::store(self.value(slot), value) };
    }

    /// Whether `slot` is in the table and holds an entry.
    pub(super) fn is_full(&self, slot: Slot) -> bool {
        let group = self.group(slot.0);
        slot.0 < self.slots() && group.byte(slot.0 % LANES) >= occupied(0)
    }

    /// Whether `slot` is as good as new.
    pub(super) fn is_empty(&self, slot: Slot) -> bool {
        self.group(slot.0).byte(slot.0 % LANES) == EMPTY
    }

    /// Makes the entry that was written to `slot` be there.
    #[inline]
    pub(super) fn publish(&self, slot: Slot, hash: u64) {
        self.set(slot, occupied(tag(hash)));
    }

    /// Makes the entry of `slot` no longer be there; whether the slot is as
    /// good as new.
    pub(super) fn erase(&self, slot: Slot) -> bool {
        // No search went on beyond a group that has an empty slot, for a group
        // that has none does not get one.
        let unpassed = self.group(slot.0).has_empty();
        self.set(slot, if unpassed { EMPTY } else { REMOVED });
        unpassed
    }

    /// Makes all slots empty.
    pub(super) fn reset(&self) {
        let firsts = (0..self.slots()).step_by(WORD_LANES);
        firsts.for_each(|slot| self.control(slot).store(0, Ordering::Release));
    }

    /// The slots that hold entries, each looked at when it is reached.
    pub(super) fn full_slots(&self) -> impl Iterator<Item = Slot> + use<'_, K, V> {
        let lanes = |start| -> Lanes { self.group(start).full() };
        self.starts().flat_map(move |start| lanes(start).map(move |lane| Slot(start + lane)))
    }

    /// How many slots hold entries, and how many are other than empty.
    pub(super) fn count(&self) -> (usize, usize) {
        self.starts().map(|start| self.group(start)).fold((0, 0), |(full, used), group| {
            (full + group.full().count(), used + LANES - group.equal_to(EMPTY).count())
        })
    }

    /// The layout of a table's block.
    fn layout(slots: usize) -> Result<Layout, ContainerError> {
        if (slots / LANES).ilog2() > Self::GROWTH.min(MOST_GROWTH) {
            return Err(too_large(usize::MAX));
        }
        let (size, align) = (Self::bytes(slots), ALIGN.max(align_of::<Entry<K, V>>()));
        Layout::from_size_align(size, align).map_err(|_| too_large(size))
    }

    /// Where all groups start.
    fn starts(&self) -> impl Iterator<Item = usize> + use<K, V> {
        (0..self.slots()).step_by(LANES)
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

    /// The control bytes of the group that `slot` is in.
    #[inline]
    fn group(&self, slot: usize) -> Group {
        // SAFETY: a group's start, so within the control bytes (invariant).
        let first = unsafe { self.controls.byte_add(slot & self.last_group) };
        Group(from_fn(|index| {
            // SAFETY: one of the group's words, in the heap and aligned (invariant);
            // any bits are an `AtomicUsize`.
            let word = unsafe { first.add(index).as_ref() };
            // Acquire: pairs with the Release in `set`; publishes the entries to who
            // has no lock.
            word.load(Ordering::Acquire)
        }))
    }

    fn set(&self, slot: Slot, byte: u8) {
        let control = self.control(slot.0);
        let word = control.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `group`. Keeps the stores to the
        // entry, and the steps before this one, before it; whoever takes the lock
        // from a dead holder sees them.
        control.store(with(word, slot.0, byte), Ordering::Release);
    }

    /// The word with the control byte of `slot`.
    #[inline]
    fn control(&self, slot: usize) -> &AtomicUsize {
        // SAFETY: masked, so within the control bytes, which lie in the heap, aligned
        // (invariant); any bits are an `AtomicUsize`.
        unsafe { self.controls.add((slot & self.last()) / WORD_LANES).as_ref() }
    }
}

impl<K: ShmSafe, V: ShmSafe> Table<K, V> {
    /// Names the table's block, and then what its entries own.
    pub(super) fn trace(word: TableWord, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let at = word.offset();
        let layout = Self::layout(word.slots()).map_err(|_| TraceError::Damaged { at })?;
        let (heap, look) = (tracer.heap().allocator().id(), Self::look);
        // SAFETY: the word names a table of as many slots.
        unsafe { tracer.owned(heap, at, layout.size(), (look, word.slots())) }.map(|_| ())
    }

    /// Names what the entries own.
    ///
    /// # Safety
    ///
    /// A table of `slots` slots is at `at`.
    unsafe fn look(tracer: &mut Tracer<'_>, at: Offset, slots: usize) -> Result<(), TraceError> {
        let table = Self::open(tracer.heap(), TableWord::new(at, slots));
        let table = table.map_err(|_| TraceError::Damaged { at })?;
        table.full_slots().try_for_each(|slot| {
            let entry = table.entry(slot);
            // SAFETY: the slot is full, and nobody else uses the heap.
            let entry = unsafe { entry.as_ref() };
            entry.key.trace(tracer)?;
            entry.value.trace(tracer)
        })
    }
}

/// How many slots of a table may be in use: seven of eight.
pub(super) const fn limit_of(slots: usize) -> usize {
    slots / 8 * 7
}

/// How many slots a table needs to hold `entries`.
pub(super) fn slots_for(entries: usize) -> Result<usize, ContainerError> {
    let least = entries.checked_mul(8).map(|eighths| eighths.div_ceil(7).max(SMALLEST));
    least.and_then(usize::checked_next_power_of_two).ok_or(too_large(usize::MAX))
}

/// The 7 bits of a hash that stand in the control byte.
#[inline]
const fn tag(hash: u64) -> u8 {
    (hash >> 41) as u8 & 0x7f
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
