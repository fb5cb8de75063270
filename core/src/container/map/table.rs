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
//! A slot is taken and given up with one word
//! store, after its entry was written and before it is moved out.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::super::heap::{Heap, too_large};
use super::super::{ContainerError, ShmSafe, TraceError, Tracer, racy};
use super::group::{EMPTY, Group, LANES, Lanes, REMOVED, WORD_LANES, WORDS, occupied, tag, with};
use super::table_word::{ALIGN, MOST_GROWTH, TableWord};
use crate::offset::Offset;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Slots of the smallest table: one group's.
pub(super) const SMALLEST: usize = LANES;

/// A key with its value.
#[repr(C)]
pub(super) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

impl<K, V> Entry<K, V> {
    /// Where the key of the one at `at` is.
    #[inline]
    pub(super) const fn key_at(at: NonNull<Self>) -> NonNull<K> {
        // The key is an entry's first field.
        at.cast()
    }

    /// Where the value of the one at `at` is.
    #[inline]
    pub(super) const fn value_at(at: NonNull<Self>) -> NonNull<V> {
        // SAFETY: inside the entry, which is not at 0; only the place is computed.
        unsafe { NonNull::new_unchecked(&raw mut (*at.as_ptr()).value) }
    }
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
    pub(super) controls: NonNull<AtomicUsize>,
    pub(super) entries: NonNull<Entry<K, V>>,
    /// Where the last group starts: all bits that a group's start can have, and no
    /// other.
    pub(super) last_group: usize,
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
        let table = Self::at(controls, slots);
        if align_of::<Entry<K, V>>() <= ALIGN || table.entries.is_aligned() {
            Ok(table)
        } else {
            Err(ContainerError::Corrupt)
        }
    }

    /// The table of `slots` slots whose block is at `controls`.
    #[inline]
    fn at(controls: NonNull<AtomicUsize>, slots: usize) -> Self {
        // SAFETY: inside the block (`bytes`), or at its end.
        let entries = unsafe { controls.byte_add(Self::entries_at(slots)) }.cast();
        Self { controls, entries, last_group: slots - LANES }
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
        let old = old.and_then(|old| old.block(heap));
        let mut fill = |block: NonNull<u8>| {
            let table = Self::at(block.cast(), slots);
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
            unsafe { heap.exchange(NonNull::from(link), self.block(heap), (None, 0), &mut |_| ()) };
        done.map(|_| ())
    }

    /// The table's block and its layout.
    fn block(&self, heap: Heap) -> Option<(Offset, Layout)> {
        let at = heap.allocator().offset_of(self.controls.cast())?;
        Some((at, Self::layout(self.slots()).ok()?))
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

    /// Where the entry of `slot` is, or would be.
    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> NonNull<Entry<K, V>> {
        // SAFETY: masked, so within the table (invariant).
        unsafe { self.entries.add(slot.0 & self.last()) }
    }

    /// Where the key of `slot` is, or would be.
    #[inline]
    pub(super) fn key(&self, slot: Slot) -> NonNull<K> {
        Entry::key_at(self.entry(slot))
    }

    /// Where the value of `slot` is, or would be.
    #[inline]
    pub(super) fn value(&self, slot: Slot) -> NonNull<V> {
        Entry::value_at(self.entry(slot))
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

    /// The control bytes of the group that `slot` is in.
    #[inline]
    pub(super) fn group(&self, slot: usize) -> Group {
        // Acquire: pairs with the Release in `set`; publishes the entries to who has no
        // lock.
        // SAFETY: a group's start, so its words are control bytes, in the heap and aligned
        // (invariant).
        unsafe { Group::load(self.controls, slot & self.last_group) }
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
