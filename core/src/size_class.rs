//! Size classes: the block sizes a slab can be cut into.
//!
//! Blocks of 16 to 128 bytes come in steps of 16; above, every doubling has
//! eight classes, so at most an eighth of a block is waste. The largest class
//! is one slab; what is larger takes whole slabs.
//!
//! A class is cut from a *run* of slabs: one slab for blocks up to an eighth of
//! it, else eight slabs, so that the uncut tail stays small. A run of eight
//! starts at a slab number that is a multiple of eight, which makes the first
//! slab of a block's run a matter of masking.
//!
//! With the feature `secure` the last eight bytes of a block are its seal, and
//! so its user's are as many fewer.
//!
//! Everything here is computed at compile time from `SHIFT`, the binary
//! logarithm of the slab size.

use core::alloc::Layout;

use crate::secure;

/// Names a size class.
///
/// # Invariant
///
/// The number is below [`MAX_CLASSES`]: only this file makes classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(u8);

impl Class {
    /// Number of the class, counting from the smallest.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What there is to know about one class.
#[derive(Debug, Clone, Copy)]
pub struct ClassInfo {
    /// Bytes of a block.
    pub size: u32,
    /// Blocks in a run.
    pub blocks: u32,
    /// Slabs in a run: 1 or [`RUN`].
    pub run: u32,
    /// Entries a magazine holds at most.
    pub magazine: u32,
    /// Where the class's magazine stands in a heap slot, in bytes.
    pub(crate) magazine_at: u32,
    /// ⌈2³⁶ / (size / 16)⌉, to divide by multiplying.
    reciprocal: u64,
}

/// Where a class's magazine stands in a heap slot: all that the fast paths need
/// to know of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane(u16);

impl Lane {
    pub(crate) const fn of(info: &ClassInfo) -> Self {
        Self((info.magazine_at / 4) as u16)
    }

    /// Where the magazine stands, in bytes from the first one.
    #[inline]
    pub(crate) const fn at(self) -> usize {
        self.0 as usize * 4
    }
}

/// Bytes that block sizes and offsets are multiples of.
pub const GRAIN: usize = 16;

/// Bytes at the end of every block that are not its user's: 8 with the feature
/// `secure`, else 0.
pub const SEAL: usize = secure::SEAL;

/// Slabs in the run of a class whose blocks are larger than an eighth of one.
pub const RUN: usize = 8;

/// Bytes of the largest block that any heap's classes have.
const LARGEST_EVER: usize = 1 << 17;

/// The most classes there can be.
pub const MAX_CLASSES: usize = 96;

const LINEAR: usize = 8;
const STEPS_LOG2: u32 = 3;
const RECIPROCAL_SHIFT: u32 = 36;

/// Sizes up to this many bytes find their lane by the grain.
const SMALL: usize = 1024;

/// Larger sizes find it by so many bytes: the distance of the first classes
/// above [`SMALL`].
const COARSE: usize = SMALL / LINEAR;

/// Blocks of classes below this number are shorter than a cache line.
pub(crate) const TINY: usize = 3;

/// Entries of the outbox.
const OUTBOX: usize = 32;

/// The size classes of heaps with slabs of `1 << SHIFT` bytes.
#[derive(Debug, Clone, Copy)]
pub struct Classes<const SHIFT: u32>;

impl<const SHIFT: u32> Classes<SHIFT> {
    /// Bytes of a slab.
    pub const SLAB: usize = {
        assert!(SHIFT >= 10, "slabs have 1 KiB at least");
        assert!(1 << SHIFT <= LARGEST_EVER, "slabs have 128 KiB at most");
        1 << SHIFT
    };

    /// How many classes there are.
    pub const COUNT: usize = LINEAR + (SHIFT as usize - 7) * LINEAR;

    /// Bytes of the largest block that a class has.
    pub const LARGEST: usize = Self::SLAB;

    /// The most entries any magazine has.
    pub const MAGAZINE_MAX: usize = at_most(at_least(Self::SLAB / 256, 4), u8::MAX as usize);

    /// One more than the largest count of entries that a damaged magazine has.
    pub(crate) const INDICES: usize = (Self::MAGAZINE_MAX + 1).next_power_of_two();

    const MAGAZINE_MIN: usize = at_least(Self::SLAB / 8192, 2);

    /// No class, but a magazine of its own: for blocks of other slots' slabs
    /// that had better go back there.
    pub(crate) const OUTBOX: Class = Class(Self::COUNT as u8);

    /// All classes. Then comes the outbox; further entries mean nothing.
    pub const TABLE: &'static [ClassInfo; MAX_CLASSES] = &Self::table();

    const LANE_OF_SMALL: &'static [Lane; SMALL / GRAIN + 1] = &Self::lanes(GRAIN);

    const LANE_OF_LARGER: &'static [Lane; LARGEST_EVER / COARSE + 1] = &Self::lanes(COARSE);

    /// The lanes of the sizes 0, `step`, 2 `step`, …
    const fn lanes<const N: usize>(step: usize) -> [Lane; N] {
        let mut lanes = [Lane(0); N];
        let mut steps = 0;
        while steps < N && steps * step <= Self::LARGEST {
            lanes[steps] = Lane::of(&Self::TABLE[class_of(steps * step)]);
            steps += 1;
        }
        lanes
    }

    /// A magazine without room, behind the others.
    pub(crate) const NOWHERE: Lane = {
        let last = Self::TABLE[Self::OUTBOX.index()];
        let end = last.magazine_at as usize + magazine_bytes(last.magazine as usize);
        assert!(end / 4 <= u16::MAX as usize, "a lane cannot name the last magazine");
        Lane((end / 4) as u16)
    };

    /// Bytes that all magazines of a slot take together.
    pub(crate) const MAGAZINES_END: usize = Self::NOWHERE.at() + magazine_bytes(0);

    const fn table() -> [ClassInfo; MAX_CLASSES] {
        let mut table =
            [ClassInfo { size: 0, blocks: 0, run: 0, magazine: 0, magazine_at: 0, reciprocal: 0 };
                MAX_CLASSES];
        let mut at = 0;
        let mut class = 0;
        assert!(Self::COUNT < MAX_CLASSES, "more classes than the table has entries");
        while class < MAX_CLASSES {
            let known = if class < Self::COUNT { class } else { Self::COUNT - 1 };
            let size = block_size(known);
            let run = if size <= Self::SLAB / RUN || class >= Self::COUNT { 1 } else { RUN };
            let entries = if class < Self::COUNT { Self::SLAB / 2 / size } else { OUTBOX };
            let magazine = at_most(at_least(entries, Self::MAGAZINE_MIN), Self::MAGAZINE_MAX);
            table[class] = ClassInfo {
                size: size as u32,
                blocks: (run * Self::SLAB / size) as u32,
                run: run as u32,
                magazine: magazine as u32,
                magazine_at: at as u32,
                reciprocal: (1_u64 << RECIPROCAL_SHIFT).div_ceil((size / GRAIN) as u64),
            };
            if class < Self::COUNT {
                at += magazine_bytes(magazine);
            }
            class += 1;
        }
        table
    }

    /// The class that serves `layout`, or `None` if it takes whole slabs.
    ///
    /// The class is the same for every call with the same layout: frees rely on
    /// it. With the feature `secure` its blocks have room for a seal as well.
    #[must_use]
    #[inline]
    pub fn of(layout: Layout) -> Option<Class> {
        if layout.align() <= GRAIN {
            Self::of_size(layout.size())
        } else {
            Self::of_aligned(layout)
        }
    }

    #[inline]
    fn of_size(size: usize) -> Option<Class> {
        (size <= Self::LARGEST - SEAL).then(|| Class(class_of(size + SEAL) as u8))
    }

    /// The lane of the class that serves `size` bytes without alignment, found
    /// with one load.
    #[inline]
    pub(crate) fn lane_of_size(size: usize) -> Option<Lane> {
        let size = size.saturating_add(SEAL);
        if size <= SMALL && SMALL <= Self::LARGEST {
            Self::LANE_OF_SMALL.get(size.div_ceil(GRAIN)).copied()
        } else if size <= Self::LARGEST {
            Self::LANE_OF_LARGER.get(size.div_ceil(COARSE)).copied()
        } else {
            None
        }
    }

    /// The first class that is large enough and whose blocks all fall on
    /// multiples of the alignment.
    #[inline(never)]
    fn of_aligned(layout: Layout) -> Option<Class> {
        let align = layout.align();
        let size = layout.size().saturating_add(SEAL).max(align);
        if size > Self::LARGEST {
            return None;
        }
        (class_of(size)..Self::COUNT)
            .find(|&class| block_size(class).is_multiple_of(align))
            .map(|class| Class(class as u8))
    }

    /// Whether blocks of a lane are shorter than a cache line.
    #[inline]
    pub(crate) const fn is_tiny(lane: Lane) -> bool {
        lane.0 < Lane::of(&Self::TABLE[TINY]).0
    }

    /// The class with the number `index`, if there is one.
    #[must_use]
    #[inline]
    pub fn get(index: usize) -> Option<Class> {
        (index < Self::COUNT).then_some(Class(index as u8))
    }

    /// All classes, smallest blocks first.
    pub fn all() -> impl Iterator<Item = Class> {
        (0..Self::COUNT).map(|index| Class(index as u8))
    }

    /// All that have a magazine: the classes and the outbox.
    pub(crate) fn magazines() -> impl Iterator<Item = Class> {
        Self::all().chain([Self::OUTBOX])
    }

    /// What has a magazine under the number `index`, if something does.
    pub(crate) fn magazine(index: usize) -> Option<Class> {
        (index <= Self::COUNT).then_some(Class(index as u8))
    }

    /// What there is to know about `class`.
    #[must_use]
    #[inline]
    pub fn info(class: Class) -> &'static ClassInfo {
        debug_assert!(class.index() < MAX_CLASSES, "a class beyond the table");
        // SAFETY: the invariant of `Class`; the table has an entry for each.
        unsafe { Self::TABLE.get_unchecked(class.index()) }
    }

    /// The number of the block that starts `distance` bytes into a run of
    /// `class`, or `None` where no block starts.
    #[must_use]
    #[inline]
    pub fn block_at(class: Class, distance: usize) -> Option<usize> {
        let info = Self::info(class);
        if distance >= (info.run as usize) << SHIFT {
            return None;
        }
        let grains = distance / GRAIN;
        // Exact: `grains` ≤ 2¹⁹ and `size / GRAIN` ≤ 2¹⁶ for every slab size, so
        // the error of the reciprocal adds up to less than one.
        let block = ((grains as u64).wrapping_mul(info.reciprocal) >> RECIPROCAL_SHIFT) as usize;
        (block < info.blocks as usize && block * info.size as usize == distance).then_some(block)
    }
}

/// The blocks of a run, by where they start: counted in grains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunOfBlocks {
    first: u32,
    grains: u32,
    size: u32,
    reciprocal: u64,
}

impl RunOfBlocks {
    /// Those of the run of `class` that starts at `run`.
    #[inline]
    pub(crate) fn new<const SHIFT: u32>(class: Class, run: usize) -> Self {
        let info = Classes::<SHIFT>::info(class);
        let size = info.size / GRAIN as u32;
        let (first, grains) = ((run / GRAIN) as u32, info.blocks * size);
        Self { first, grains, size, reciprocal: info.reciprocal }
    }

    /// The number of the block that starts `at` so many grains into the segment,
    /// if it is one of them.
    #[inline]
    pub(crate) fn number(&self, at: u32) -> Option<usize> {
        let distance = at.wrapping_sub(self.first);
        if distance >= self.grains {
            return None;
        }
        let block = (u64::from(distance).wrapping_mul(self.reciprocal) >> RECIPROCAL_SHIFT) as u32;
        (block * self.size == distance).then_some(block as usize)
    }
}

const fn at_least(value: usize, floor: usize) -> usize {
    if value < floor { floor } else { value }
}

const fn at_most(value: usize, ceiling: usize) -> usize {
    if value > ceiling { ceiling } else { value }
}

/// Words of 32 bits before the entries of a magazine.
pub(crate) const MAGAZINE_WORDS: usize = 3;

const fn magazine_bytes(entries: usize) -> usize {
    4 * (MAGAZINE_WORDS + entries)
}

/// The first class whose blocks hold `size` bytes.
const fn class_of(size: usize) -> usize {
    if size <= LINEAR * GRAIN {
        return if size == 0 { 0 } else { (size - 1) / GRAIN };
    }
    let last = size - 1;
    let doubling = last.ilog2() - 7;
    LINEAR + doubling as usize * LINEAR + (last >> (doubling + 7 - STEPS_LOG2) & (LINEAR - 1))
}

/// Bytes of a block of class number `class`.
const fn block_size(class: usize) -> usize {
    if class < LINEAR {
        return (class + 1) * GRAIN;
    }
    let (doubling, step) = ((class - LINEAR) / LINEAR, (class - LINEAR) % LINEAR);
    (LINEAR + step + 1) << (4 + doubling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_class_fits<const SHIFT: u32>() {
        let mut previous = 0;
        for class in Classes::<SHIFT>::all() {
            let info = Classes::<SHIFT>::info(class);
            let size = info.size as usize;
            assert!(size > previous && size.is_multiple_of(GRAIN));
            assert!(size <= 128 || (size - previous) * 8 <= previous, "waste above an eighth");
            assert!(info.blocks as usize * size <= info.run as usize * Classes::<SHIFT>::SLAB);
            assert_eq!(class_of(size), class.index());
            assert_eq!(class_of(previous + 1), class.index());
            for fitting in (previous + 1).saturating_sub(SEAL)..=size - SEAL {
                assert_eq!(Classes::<SHIFT>::lane_of_size(fitting), Some(Lane::of(info)));
            }
            for block in 0..info.blocks as usize {
                assert_eq!(Classes::<SHIFT>::block_at(class, block * size), Some(block));
                assert_eq!(Classes::<SHIFT>::block_at(class, block * size + GRAIN / 2), None);
            }
            previous = size;
        }
        assert_eq!(previous, Classes::<SHIFT>::LARGEST);
    }

    #[test]
    fn classes_cover_every_size() {
        every_class_fits::<16>();
        every_class_fits::<12>();
        every_class_fits::<10>();
    }

    #[test]
    fn runs_of_blocks_know_theirs() {
        let run = 3 << 16;
        for class in Classes::<16>::all() {
            let info = Classes::<16>::info(class);
            let grains = info.size / GRAIN as u32;
            let (blocks, first) = (RunOfBlocks::new::<16>(class, run), (run / GRAIN) as u32);
            for block in 0..info.blocks {
                let at = first + block * grains;
                assert_eq!(blocks.number(at), Some(block as usize));
                assert!(grains == 1 || blocks.number(at + 1).is_none());
            }
            assert_eq!(blocks.number(first + info.blocks * grains), None);
            assert_eq!(blocks.number(first - grains), None);
        }
    }

    #[test]
    fn aligned_requests_get_aligned_blocks() {
        for align_log2 in 0..=16 {
            for size in [0, 1, 17, 100, 1000, 5000, 40_000] {
                let layout = Layout::from_size_align(size, 1 << align_log2).unwrap();
                let class = Classes::<16>::of(layout).unwrap();
                let info = Classes::<16>::info(class);
                assert!(info.size as usize >= size);
                assert!(align_log2 <= 4 || (info.size as usize).is_multiple_of(layout.align()));
            }
        }
        assert_eq!(Classes::<16>::of(Layout::from_size_align(65537, 8).unwrap()), None);
        assert_eq!(Classes::<16>::of(Layout::from_size_align(8, 131_072).unwrap()), None);
    }
}
