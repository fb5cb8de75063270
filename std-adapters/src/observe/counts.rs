//! How many blocks were handed out and taken back, by size class.
//!
//! Exact while nobody allocates or frees; otherwise each number was true at
//! some moment. A peak is the highest number of live ones that there ever was.

use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

use anymem_core::allocator::Stats;
use anymem_core::size_class::{Class, Classes};

/// Blocks, or their bytes, since a heap was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Handed out.
    pub allocated: usize,
    /// Taken back. What is freed twice counts twice.
    pub freed: usize,
    /// Handed out and not taken back.
    pub live: usize,
    /// The most that were live at a time.
    pub peak: usize,
}

/// What became of the blocks of one size class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassCounts {
    /// Bytes of a block; 0 for a class the heap does not have.
    pub block_size: usize,
    /// Its blocks.
    pub blocks: Tally,
}

/// What became of all blocks of a heap.
///
/// # Resized blocks
///
/// A block that `realloc` leaves in its place, and as long as it was, is the
/// same block. Otherwise the old one counts as freed and the new one as
/// allocated, in place or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// One entry a size class, smallest first.
    pub classes: [ClassCounts; Stats::CLASSES],
    /// Blocks that are longer than those of any class.
    pub large: Tally,
    /// The bytes of these, rounded up to what they take.
    pub large_bytes: Tally,
    /// All blocks.
    pub blocks: Tally,
    /// The bytes of all blocks, rounded up to what they take.
    pub bytes: Tally,
}

/// One number that goes up and down.
#[derive(Debug)]
struct Counter {
    allocated: AtomicUsize,
    /// Below zero where something was freed twice.
    live: AtomicIsize,
    peak: AtomicIsize,
}

impl Counter {
    const fn new() -> Self {
        Self {
            allocated: AtomicUsize::new(0),
            live: AtomicIsize::new(0),
            peak: AtomicIsize::new(0),
        }
    }

    fn add(&self, many: usize) {
        self.allocated.fetch_add(many, Ordering::Relaxed);
        let before = self.live.fetch_add(many.cast_signed(), Ordering::Relaxed);
        self.peak.fetch_max(before.wrapping_add_unsigned(many), Ordering::Relaxed);
    }

    fn remove(&self, many: usize) {
        self.live.fetch_sub(many.cast_signed(), Ordering::Relaxed);
    }

    fn tally(&self) -> Tally {
        let live = self.live.load(Ordering::Relaxed);
        let allocated = self.allocated.load(Ordering::Relaxed);
        Tally {
            allocated,
            freed: allocated.saturating_add_signed(live.saturating_neg()),
            live: usize::try_from(live).unwrap_or(0),
            peak: self.peak.load(Ordering::Relaxed).cast_unsigned(),
        }
    }
}

/// The numbers behind [`Counts`], for any thread to change.
#[derive(Debug)]
pub(crate) struct Counters {
    classes: [Counter; Stats::CLASSES],
    large: Counter,
    large_bytes: Counter,
    blocks: Counter,
    bytes: Counter,
}

impl Counters {
    pub(crate) const fn new() -> Self {
        Self {
            classes: [const { Counter::new() }; Stats::CLASSES],
            large: Counter::new(),
            large_bytes: Counter::new(),
            blocks: Counter::new(),
            bytes: Counter::new(),
        }
    }

    /// A block of `bytes` was handed out.
    pub(crate) fn add(&self, bytes: usize) {
        self.change(bytes, Counter::add);
    }

    /// A block of `bytes` was taken back.
    pub(crate) fn remove(&self, bytes: usize) {
        self.change(bytes, Counter::remove);
    }

    fn change(&self, bytes: usize, change: fn(&Counter, usize)) {
        change(&self.blocks, 1);
        change(&self.bytes, bytes);
        match class_of(bytes) {
            Some(class) => change(&self.classes[class], 1),
            None => {
                change(&self.large, 1);
                change(&self.large_bytes, bytes);
            }
        }
    }

    pub(crate) fn read(&self) -> Counts {
        let mut classes = [ClassCounts::default(); Stats::CLASSES];
        for class in Classes::<16>::all() {
            classes[class.index()] = ClassCounts {
                block_size: Classes::<16>::info(class).size as usize,
                blocks: self.classes[class.index()].tally(),
            };
        }
        Counts {
            classes,
            large: self.large.tally(),
            large_bytes: self.large_bytes.tally(),
            blocks: self.blocks.tally(),
            bytes: self.bytes.tally(),
        }
    }
}

/// The class whose blocks have so many bytes, if there is one.
fn class_of(bytes: usize) -> Option<usize> {
    let fits = |class: &Class| Classes::<16>::info(*class).size as usize >= bytes;
    Classes::<16>::all().find(fits).map(Class::index)
}
