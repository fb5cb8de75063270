//! A heap slot: what one thread of one process owns while it allocates.
//!
//! ```text
//! 0     journal: what is being done, 3 words
//! 24    latch: who may change the hints, and the slot's slabs
//! 32    slabs that are wholly free but kept
//! 40    allowance: slabs that the magazines may yet keep from others
//! 48    how often there was none left
//! 56    refills and flushes so far
//! 64    head of the list of dirty slabs, which others push to
//! 72    record of the exchange that is under way, 6 words
//! 120   whether the lists of slabs are to be made anew
//! 128   hints: current slab and list of partly free slabs, a class
//! …     magazines, a class
//! ```
//!
//! # Invariants
//!
//! - Only the holder writes the journal, the allowance and the magazines.
//! - Only who is inside the latch writes the hints and the number of slabs kept.
//! - A block named in a magazine is free. While the holder is inside the latch
//!   it may also be free in its slab's bitmap (moves go to the destination
//!   first), never in a third place, and never in use.

use core::ops::Range;
use core::ptr::NonNull;
use core::slice;

use crate::offset::Offset;
use crate::page_table::{DirtyList, Journal};
use crate::secure::{Entries, Entry, EntryKey};
use crate::segment::{ExchangeRecord, Geometry, Latch, Step, StepRecord, WORD};
use crate::size_class::{Class, Classes, Lane, MAGAZINE_WORDS};
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering, compiler_fence};
use crate::sync::{Arena, Bytes};

/// One slot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a, const SHIFT: u32> {
    bytes: Bytes<'a>,
    at: Offset,
    number: usize,
    key: EntryKey,
}

impl<'a, const SHIFT: u32> Slot<'a, SHIFT> {
    /// Slot number `number`, which starts at `at`.
    #[inline]
    pub(crate) fn new(bytes: Bytes<'a>, at: Offset, number: usize, key: EntryKey) -> Self {
        Self { bytes, at, number, key }
    }

    /// What the slot's entries are encoded with.
    #[inline]
    pub(crate) fn key(&self) -> EntryKey {
        self.key
    }

    /// Where the slot's magazines start, with all of the slot from there on
    /// inside the segment.
    #[inline]
    pub(crate) fn magazines(&self) -> Option<NonNull<u8>> {
        let before = Geometry::<SHIFT>::MAGAZINES_AT;
        self.bytes.slice(self.at.add(before), Geometry::<SHIFT>::SLOT - before)
    }

    #[inline]
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// What is under way.
    pub(crate) fn steps(&self) -> StepRecord<'_, Bytes<'a>> {
        StepRecord::new(&self.bytes, self.at)
    }

    /// Writes a step down before it is begun.
    #[inline]
    pub(crate) fn begin(&self, step: Step) {
        self.steps().begin(step);
    }

    /// Notes that the step is complete.
    #[inline]
    pub(crate) fn end(&self) {
        self.steps().end();
    }

    fn word(&self, index: usize) -> &AtomicUsize {
        self.bytes.word(self.at.add(index * WORD))
    }

    pub(crate) fn dirty_at(&self) -> Offset {
        const {
            assert!(
                64 + (1 + ExchangeRecord::<Bytes<'_>>::WORDS) * WORD <= Geometry::<SHIFT>::HINTS_AT
            )
        }
        self.at.add(64)
    }

    pub(crate) fn dirty(&self) -> DirtyList<'_, Bytes<'a>> {
        DirtyList::new(&self.bytes, self.dirty_at())
    }

    /// What is being put in the place of what; see `exchange`.
    pub(crate) fn exchange(&self) -> ExchangeRecord<'_, Bytes<'a>> {
        ExchangeRecord::new(&self.bytes, self.dirty_at().add(WORD))
    }

    /// Not 0 if the slot has slabs that are in no list although they have free
    /// blocks.
    pub(crate) fn unlisted(&self) -> &AtomicUsize {
        self.bytes.word(self.dirty_at().add((1 + ExchangeRecord::<Bytes<'_>>::WORDS) * WORD))
    }

    #[inline]
    pub(crate) fn latch(&self) -> Latch<'_, Bytes<'a>> {
        Latch::new(&self.bytes, self.latch_at())
    }

    #[inline]
    pub(crate) fn latch_at(&self) -> Offset {
        self.at.add(3 * WORD)
    }

    /// Slabs that are wholly free but kept (a hint).
    pub(crate) fn spare(&self) -> &AtomicUsize {
        self.word(4)
    }

    /// Slabs that the magazines may yet keep from others.
    pub(crate) fn allowance(&self) -> &AtomicUsize {
        self.word(5)
    }

    /// How often there was no allowance left.
    pub(crate) fn refusals(&self) -> &AtomicUsize {
        self.word(6)
    }

    /// Refills and flushes so far.
    pub(crate) fn slow_calls(&self) -> &AtomicUsize {
        self.word(7)
    }

    /// The slab that blocks of `class` come from, plus one; 0 for none.
    pub(crate) fn current(&self, class: Class) -> &'a AtomicU32 {
        self.bytes.half(self.hint(class))
    }

    /// The first of the slabs with free blocks of `class`, plus one.
    pub(crate) fn partial(&self, class: Class) -> &'a AtomicU32 {
        self.bytes.half(self.hint(class).add(4))
    }

    /// Where the two links of `class` stand.
    pub(crate) fn hint(&self, class: Class) -> Offset {
        self.at.add(Geometry::<SHIFT>::HINTS_AT + 8 * class.index())
    }

    /// Where the magazine of `class` starts, which is where its count stands.
    pub(crate) fn magazine_at(&self, class: Class) -> Offset {
        let lane = Lane::of(Classes::<SHIFT>::info(class));
        self.at.add(Geometry::<SHIFT>::MAGAZINES_AT + lane.at())
    }

    pub(crate) fn magazine(&self, class: Class) -> Option<Magazine<SHIFT>> {
        let lane = Lane::of(Classes::<SHIFT>::info(class));
        // SAFETY: just what `magazines` answers.
        Some(unsafe { Magazine::of_lane(self.magazines()?, lane, self.key) })
    }
}

impl<const SHIFT: u32> Journal for Slot<'_, SHIFT> {
    fn slot(&self) -> usize {
        self.number
    }

    fn note(&self, first: usize, count: usize) {
        self.begin(Step::Slabs { first, count });
    }

    fn note_resize(&self, head: usize, first: usize, count: usize) {
        self.begin(Step::Resize { head, first, count });
    }

    fn clear(&self) {
        self.end();
    }
}

/// The free blocks of one class that a slot keeps at hand: 32-bit words.
///
/// | word | field |
/// |---|---|
/// | 0 | how many entries there are |
/// | 1 | how many there may be |
/// | 2 | how many there were when the slot was last looked over |
/// | 3… | the entries: scaled offsets |
///
/// The count has a word to itself, for a processor hands what was just stored to
/// a load soonest if that is of the same word, and not of a byte.
///
/// # Invariants
///
/// `words` points to three words in a live segment, with `Classes::INDICES` more
/// behind them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Magazine<const SHIFT: u32> {
    words: NonNull<AtomicU32>,
    key: EntryKey,
}

impl<const SHIFT: u32> Magazine<SHIFT> {
    /// The magazine of a class in the slot whose magazines start at `first`.
    ///
    /// # Safety
    ///
    /// The slot lies from there on inside a segment that outlives the magazine.
    #[inline]
    pub(crate) unsafe fn of_lane(first: NonNull<u8>, lane: Lane, key: EntryKey) -> Self {
        // SAFETY: magazines lie within the slot, and a tail of `INDICES` words
        // follows them (`Geometry::SLOT`).
        let words = unsafe { first.add(lane.at()).cast() };
        Self { words, key: key.of_lane(lane.at()) }
    }

    #[inline]
    fn word(&self, index: usize) -> &AtomicU32 {
        debug_assert!(index < MAGAZINE_WORDS + Classes::<SHIFT>::INDICES, "beyond the magazine");
        // SAFETY: by the type's invariant; callers pass the number of a field, or
        // add the number of an entry, which is below `INDICES`.
        unsafe { self.words.add(index).as_ref() }
    }

    /// The entry number `index`, below `INDICES`.
    #[inline]
    fn entry(&self, index: u32) -> Entry<'_> {
        self.key.entry(self.word(MAGAZINE_WORDS + index as usize), index)
    }

    /// How many entries there are: an index, even if the word is damaged.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.word(0).load(Ordering::Relaxed) & (Classes::<SHIFT>::INDICES - 1) as u32
    }

    /// How many entries it says there are.
    pub(crate) fn said(&self) -> u32 {
        self.word(0).load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set_count(&self, count: u32) {
        // A death may come between any two stores: the entries below the count
        // must have been written before it.
        compiler_fence(Ordering::Release);
        self.word(0).store(count, Ordering::Relaxed);
    }

    /// How many entries there may be.
    #[inline]
    pub(crate) fn limit(&self) -> u32 {
        self.word(1).load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit: u32) {
        self.word(1).store(limit, Ordering::Relaxed);
    }

    /// How many entries there were when the mark was set.
    pub(crate) fn mark(&self) -> u32 {
        self.word(2).load(Ordering::Relaxed)
    }

    pub(crate) fn set_mark(&self, count: u32) {
        self.word(2).store(count, Ordering::Relaxed);
    }

    /// Takes the last entry; `None` if there is none.
    #[inline]
    pub(crate) fn pop(&self) -> Option<u32> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let entry = self.entry(count - 1).load(Ordering::Relaxed);
        self.set_count(count - 1);
        Some(entry)
    }

    /// Adds an entry; whether there may be one more.
    #[inline]
    pub(crate) fn push(&self, entry: u32) -> bool {
        let count = self.count();
        if count >= self.limit() {
            return false;
        }
        self.entry(count).store(entry, Ordering::Relaxed);
        self.set_count(count + 1);
        true
    }

    /// The entries of `range`; none where there cannot be as many.
    #[inline]
    pub(crate) fn entries(&self, range: Range<u32>) -> Entries<'_> {
        // SAFETY: `MAGAZINE_MAX` is below `INDICES`, and as many words follow the
        // first three (type invariant); any bit pattern is an `AtomicU32`.
        let all = unsafe {
            let first = self.words.add(MAGAZINE_WORDS).as_ptr();
            slice::from_raw_parts(first, Classes::<SHIFT>::MAGAZINE_MAX)
        };
        let chosen = all.get(range.start as usize..range.end as usize).unwrap_or_default();
        self.key.entries(chosen, range.start)
    }

    /// The entry number `index`, or 0 where there cannot be one.
    pub(crate) fn get(&self, index: u32) -> u32 {
        self.entries(index..index.saturating_add(1))
            .first()
            .map_or(0, |entry| entry.load(Ordering::Relaxed))
    }

    /// Sets the entry number `index`, where there can be one.
    pub(crate) fn set(&self, index: u32, block: u32) {
        self.fill(index..index.saturating_add(1), block);
    }

    /// Sets the entries of `range`, where there can be as many.
    pub(crate) fn fill(&self, range: Range<u32>, block: u32) {
        for entry in self.entries(range) {
            entry.store(block, Ordering::Relaxed);
        }
    }
}
