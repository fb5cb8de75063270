//! A heap slot: what one thread of one process owns while it allocates.
//!
//! ```text
//! 0     journal: what is being done, 3 words
//! 32    slabs that are wholly free but kept
//! 64    head of the list of dirty slabs, which others push to
//! 128   hints: current slab and list of partly free slabs, a class
//! …     magazines, a class
//! ```
//!
//! # Invariants
//!
//! - Only the holder writes a slot, except for the list of dirty slabs.
//! - A block named in a magazine is free. After a death it may also be free in
//!   its slab's bitmap (moves go to the destination first), never in a third
//!   place, and never in use.

use core::ops::Range;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering, compiler_fence};

use crate::offset::Offset;
use crate::page_table::{DirtyList, Journal};
use crate::segment::{Geometry, WORD};
use crate::size_class::{Class, Classes, Lane};
use crate::sync::{Arena, Bytes};

/// A step that spans more than one word, as the journal holds it.
///
/// | word | field |
/// |---|---|
/// | 0 | bits 0–2 the kind, above them `a` |
/// | 1 | `b` |
/// | 2 | `c` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing is under way.
    None,
    /// Slabs `first..first + count` are claimed or released.
    Slabs {
        /// The first slab.
        first: usize,
        /// How many.
        count: usize,
    },
    /// Slabs `first..first + count` are added to or cut off the large block at
    /// slab `head`.
    Resize {
        /// Where the block starts.
        head: usize,
        /// The first slab that changes.
        first: usize,
        /// How many.
        count: usize,
    },
    /// The blocks `mask` of a bitmap word are freed in another slot's slab.
    RemoteFree {
        /// Slab number times words a bitmap, plus the word's number.
        word: usize,
        /// The blocks.
        mask: usize,
        /// The slab's `collected` count before.
        collected: usize,
    },
    /// The entries `from..count` of a magazine move to its start.
    Compact {
        /// The class whose magazine it is.
        class: usize,
        /// The first entry that stays.
        from: usize,
        /// How many entries there were.
        count: usize,
    },
}

impl Step {
    const KIND_BITS: u32 = 3;

    fn into_words(self) -> [usize; 3] {
        let (kind, a, b, c) = match self {
            Self::None => (0, 0, 0, 0),
            Self::Slabs { first, count } => (1, first, count, 0),
            Self::Resize { head, first, count } => (2, head, first, count),
            Self::RemoteFree { word, mask, collected } => (3, word, mask, collected),
            Self::Compact { class, from, count } => (4, class, from, count),
        };
        [kind | a << Self::KIND_BITS, b, c]
    }

    fn from_words([first, b, c]: [usize; 3]) -> Self {
        let a = first >> Self::KIND_BITS;
        match first & 7 {
            1 => Self::Slabs { first: a, count: b },
            2 => Self::Resize { head: a, first: b, count: c },
            3 => Self::RemoteFree { word: a, mask: b, collected: c },
            4 => Self::Compact { class: a, from: b, count: c },
            _ => Self::None,
        }
    }
}

/// One slot, by its holder or by whoever recovers it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a, const SHIFT: u32> {
    pub(crate) bytes: Bytes<'a>,
    pub(crate) at: Offset,
}

impl<'a, const SHIFT: u32> Slot<'a, SHIFT> {
    pub(crate) fn new(bytes: Bytes<'a>, at: Offset) -> Self {
        Self { bytes, at }
    }

    pub(crate) fn step(&self) -> Step {
        Step::from_words([0, 1, 2].map(|word| self.word(word).load(Ordering::Relaxed)))
    }

    /// Writes a step down before it is begun.
    #[inline]
    pub(crate) fn begin(&self, step: Step) {
        let [first, second, third] = step.into_words();
        self.word(1).store(second, Ordering::Relaxed);
        self.word(2).store(third, Ordering::Relaxed);
        self.word(0).store(first, Ordering::Release);
        // A death makes all stores before it visible, in program order: it is
        // the compiler that must not move the step before its journal.
        compiler_fence(Ordering::SeqCst);
    }

    /// Notes that the step is complete.
    #[inline]
    pub(crate) fn end(&self) {
        compiler_fence(Ordering::SeqCst);
        self.word(0).store(0, Ordering::Release);
    }

    fn word(&self, index: usize) -> &AtomicUsize {
        self.bytes.word(self.at.add(index * WORD))
    }

    pub(crate) fn dirty_at(&self) -> Offset {
        self.at.add(64)
    }

    pub(crate) fn dirty(&self) -> DirtyList<'_, Bytes<'a>> {
        DirtyList::new(&self.bytes, self.dirty_at())
    }

    /// Slabs that are wholly free but kept (a hint).
    pub(crate) fn spare(&self) -> &AtomicUsize {
        self.word(4)
    }

    /// The slab that blocks of `class` come from, plus one; 0 for none.
    pub(crate) fn current(&self, class: Class) -> &'a AtomicU32 {
        self.bytes.half(self.hint(class))
    }

    /// The first of the slabs with free blocks of `class`, plus one.
    pub(crate) fn partial(&self, class: Class) -> &'a AtomicU32 {
        self.bytes.half(self.hint(class).add(4))
    }

    fn hint(&self, class: Class) -> Offset {
        self.at.add(Geometry::<SHIFT>::HINTS_AT + 8 * class.index())
    }

    pub(crate) fn magazine(&self, class: Class) -> Option<Magazine> {
        let slot = self.bytes.slice(self.at, Geometry::<SHIFT>::SLOT)?;
        // SAFETY: `slot` starts `SLOT` bytes inside the segment.
        Some(unsafe { Magazine::of_slot::<SHIFT>(slot, Lane::of(Classes::<SHIFT>::info(class))) })
    }
}

impl<const SHIFT: u32> Journal for Slot<'_, SHIFT> {
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

/// The free blocks of one class that a slot keeps at hand, as 32-bit scaled
/// offsets: a count, then the entries.
///
/// # Invariants
///
/// `count` points to a 32-bit word in a live segment, with at least
/// `MAGAZINE_MAX` more behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Magazine {
    count: NonNull<AtomicU32>,
}

impl Magazine {
    /// The magazine of a class in the slot whose first byte is `slot`.
    ///
    /// # Safety
    ///
    /// `Geometry::SLOT` bytes from `slot` on lie inside a segment that outlives
    /// the magazine.
    #[inline]
    pub(crate) unsafe fn of_slot<const SHIFT: u32>(slot: NonNull<u8>, lane: Lane) -> Self {
        let at = Geometry::<SHIFT>::MAGAZINES_AT + lane.at();
        // SAFETY: magazines lie within the slot, and a tail as long as the
        // longest one follows them (`Geometry::SLOT`).
        Self { count: unsafe { slot.add(at).cast() } }
    }

    #[inline]
    pub(crate) fn count(&self) -> u32 {
        self.count_word().load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn set_count(&self, count: u32) {
        // A death may come between any two stores: the entries below the count
        // must have been written before it.
        compiler_fence(Ordering::Release);
        self.count_word().store(count, Ordering::Relaxed);
    }

    #[inline]
    fn count_word(&self) -> &AtomicU32 {
        // SAFETY: by the type's invariant.
        unsafe { self.count.as_ref() }
    }

    /// The entry number `index`.
    ///
    /// # Safety
    ///
    /// `index` is below `MAGAZINE_MAX`.
    #[inline]
    pub(crate) unsafe fn entry(&self, index: u32) -> &AtomicU32 {
        // SAFETY: `MAGAZINE_MAX` words follow the count (type invariant).
        unsafe { self.count.add(1 + index as usize).as_ref() }
    }

    /// The entries of `range`; none where there cannot be as many.
    #[inline]
    pub(crate) fn entries<const SHIFT: u32>(&self, range: Range<u32>) -> &[AtomicU32] {
        // SAFETY: `MAGAZINE_MAX` words follow the count (type invariant), and
        // any bit pattern is an `AtomicU32`.
        let all = unsafe {
            slice::from_raw_parts(self.count.add(1).as_ptr(), Classes::<SHIFT>::MAGAZINE_MAX)
        };
        all.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// The entry number `index`, or 0 where there cannot be one.
    pub(crate) fn get<const SHIFT: u32>(&self, index: u32) -> u32 {
        self.entries::<SHIFT>(index..index.saturating_add(1))
            .first()
            .map_or(0, |entry| entry.load(Ordering::Relaxed))
    }

    /// Sets the entry number `index`, where there can be one.
    pub(crate) fn set<const SHIFT: u32>(&self, index: u32, block: u32) {
        self.fill::<SHIFT>(index..index.saturating_add(1), block);
    }

    /// Sets the entries of `range`, where there can be as many.
    pub(crate) fn fill<const SHIFT: u32>(&self, range: Range<u32>, block: u32) {
        for entry in self.entries::<SHIFT>(range) {
            entry.store(block, Ordering::Relaxed);
        }
    }
}
