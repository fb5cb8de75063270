//! One shard's table: groups of slots, in one block.
//!
//! ```text
//! group 0                        group 1
//! ├ word ─────────┬ 8 entries ───┼ word ─────────┬ 8 entries ───┼ …
//! │ control bytes │ key, value   │ control bytes │ key, value   │
//! ```
//!
//! Control bytes stand beside their entries, so that a search in a large table
//! misses one page and one or two cache lines. On machines with 32-bit words a
//! group has 4 slots.
//!
//! A search starts at the group that the hash names and goes on by one group,
//! then two, three, … until a group has an empty slot; in a power of two of
//! groups that visits each once. A slot is taken and given up with one word
//! store, after its entry was written and before it is moved out.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::super::heap::{Heap, array_layout, too_large};
use super::super::{ContainerError, ShmSafe, TraceError, Tracer, racy};
use super::group::{EMPTY, Group, LANES, Lanes, REMOVED, occupied};
use crate::offset::Offset;

/// Slots of the smallest table.
pub(super) const SMALLEST: usize = 8;

/// Alignment of a table's block: leaves the low bits of its offset to
/// [`TableWord`], and starts the groups on a cache line.
const ALIGN: usize = 64;

/// Where a table is and how large: one word, so that it changes at once.
///
/// | bits | field |
/// |---|---|
/// | 0–5 | binary logarithm of the number of slots |
/// | 6– | offset of the block, without its low 6 bits, which are 0 |
///
/// The word 0 is no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableWord(usize);

impl TableWord {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn from_bits(bits: usize) -> Self {
        Self(bits)
    }

    const fn new(at: Offset, slots: usize) -> Self {
        Self(at.get() & !(ALIGN - 1) | Self::tag(slots))
    }

    /// What stands in the word beside the offset.
    const fn tag(slots: usize) -> usize {
        slots.trailing_zeros() as usize
    }

    /// How many slots the table has; 0 for no table.
    pub(super) const fn slots(self) -> usize {
        if self.0 == 0 {
            return 0;
        }
        1_usize.wrapping_shl(self.log())
    }

    /// The binary logarithm of the number of slots.
    const fn log(self) -> u32 {
        (self.0 & (ALIGN - 1)) as u32
    }

    const fn offset(self) -> Offset {
        Offset::new(self.0 & !(ALIGN - 1))
    }
}

/// A key with its value.
#[repr(C)]
pub(super) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

/// A slot's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(pub(super) usize);

/// [`LANES`] slots: their control bytes, and where their entries are.
#[repr(C)]
struct Bucket<K, V> {
    control: AtomicUsize,
    entries: [MaybeUninit<Entry<K, V>>; LANES],
}

/// A table at its address in this process.
///
/// # Invariants
///
/// All buckets lie in the heap, aligned. The holder of the shard's lock, or the
/// only owner of the map, is the only one who writes. Others only
/// [copy](super::read) what they find, and have it checked.
pub(super) struct Table<K, V> {
    word: TableWord,
    buckets: NonNull<Bucket<K, V>>,
    /// Number of groups, a power of two, minus 1.
    mask: usize,
}

impl<K, V> Table<K, V> {
    /// How much larger than the smallest the largest table can be, whose size in
    /// bytes is a number: the binary logarithm.
    const GROWTH: u32 = {
        let least = size_of::<Bucket<K, V>>() * (SMALLEST / LANES);
        (isize::MAX as usize / least).ilog2()
    };

    /// The table that `word` names, bounded against the heap.
    #[inline]
    pub(super) fn open(heap: Heap, word: TableWord) -> Result<Self, ContainerError> {
        if word.log().wrapping_sub(SMALLEST.ilog2()) > Self::GROWTH {
            return Err(ContainerError::Corrupt);
        }
        // So the product does not wrap.
        let groups = 1_usize.wrapping_shl(word.log()) / LANES;
        let buckets = heap.place(word.offset(), groups.wrapping_mul(size_of::<Bucket<K, V>>()))?;
        Ok(Self { word, buckets, mask: groups - 1 })
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
            let (word, mask) = (TableWord::NONE, slots / LANES - 1);
            let table = Self { word, buckets: block.cast(), mask };
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

    /// How many slots there are.
    #[inline]
    pub(super) fn slots(&self) -> usize {
        (self.mask + 1) * LANES
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
        let (mut index, mut steps) = (hash as usize & self.mask, 0);
        let sought = occupied(tag(hash));
        while steps <= self.mask {
            let group = self.group(index);
            for lane in group.near(sought) {
                let found = look(Slot(index * LANES + lane));
                if found.is_some() {
                    return found;
                }
            }
            if group.has_empty() {
                return None;
            }
            steps += 1;
            index = index.wrapping_add(steps) & self.mask;
        }
        None
    }

    /// A slot for an entry of this hash, and whether it was empty rather than
    /// removed.
    pub(super) fn vacancy(&self, hash: u64) -> Option<(Slot, bool)> {
        self.path(hash).find_map(|index| {
            let group = self.group(index);
            let lane = group.vacant().next()?;
            Some((Slot(index * LANES + lane), group.byte(lane) == EMPTY))
        })
    }

    /// Where the entry of `slot` is, or would be.
    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> NonNull<Entry<K, V>> {
        let bucket = self.bucket(slot.0 / LANES).as_ptr();
        // SAFETY: the bucket lies in the heap; only the place is computed.
        let entries = unsafe { &raw mut (*bucket).entries }.cast::<Entry<K, V>>();
        // SAFETY: one of the bucket's entries, which are not at 0.
        unsafe { NonNull::new_unchecked(entries.add(slot.0 % LANES)) }
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
        let group = self.group(slot.0 / LANES);
        slot.0 < self.slots() && group.byte(slot.0 % LANES) >= occupied(0)
    }

    /// Whether `slot` is as good as new.
    pub(super) fn is_empty(&self, slot: Slot) -> bool {
        self.group(slot.0 / LANES).byte(slot.0 % LANES) == EMPTY
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
        let unpassed = self.group(slot.0 / LANES).has_empty();
        self.set(slot, if unpassed { EMPTY } else { REMOVED });
        unpassed
    }

    /// Makes all slots empty.
    pub(super) fn reset(&self) {
        (0..=self.mask).for_each(|index| self.control(index).store(0, Ordering::Release));
    }

    /// The slots that hold entries, each looked at when it is reached.
    pub(super) fn full_slots(&self) -> impl Iterator<Item = Slot> + use<'_, K, V> {
        let lanes = |index| -> Lanes { self.group(index).full() };
        (0..=self.mask)
            .flat_map(move |index| lanes(index).map(move |lane| Slot(index * LANES + lane)))
    }

    /// How many slots hold entries, and how many are other than empty.
    pub(super) fn count(&self) -> (usize, usize) {
        (0..=self.mask).map(|index| self.group(index)).fold((0, 0), |(full, used), group| {
            (full + group.full().count(), used + LANES - group.equal_to(EMPTY).count())
        })
    }

    /// The layout of a table's block.
    fn layout(slots: usize) -> Result<Layout, ContainerError> {
        let layout = array_layout::<Bucket<K, V>>(slots / LANES)?;
        layout.align_to(ALIGN).map_err(|_| too_large(layout.size()))
    }

    /// The groups that a search for `hash` visits, in order.
    #[inline]
    fn path(&self, hash: u64) -> impl Iterator<Item = usize> + use<K, V> {
        let mask = self.mask;
        let mut at = hash as usize & mask;
        (1..=mask + 1).map(move |step| {
            let here = at;
            at = at.wrapping_add(step) & mask;
            here
        })
    }

    #[inline]
    fn group(&self, index: usize) -> Group {
        // Acquire: pairs with the Release in `set`; publishes the entries to who
        // has no lock.
        Group(self.control(index).load(Ordering::Acquire))
    }

    fn set(&self, slot: Slot, byte: u8) {
        let control = self.control(slot.0 / LANES);
        let group = Group(control.load(Ordering::Relaxed));
        // Release: pairs with the Acquire in `group`. Keeps the stores to the
        // entry, and the steps before this one, before it; whoever takes the lock
        // from a dead holder sees them.
        control.store(group.with(slot.0 % LANES, byte).0, Ordering::Release);
    }

    #[inline]
    fn control(&self, index: usize) -> &AtomicUsize {
        let bucket = self.bucket(index).as_ptr();
        // SAFETY: in the heap and aligned (invariant); any bits are an
        // `AtomicUsize`.
        unsafe { &(*bucket).control }
    }

    #[inline]
    fn bucket(&self, index: usize) -> NonNull<Bucket<K, V>> {
        // SAFETY: masked, so within the table (invariant).
        unsafe { self.buckets.add(index & self.mask) }
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
