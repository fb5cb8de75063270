//! The managed bytes as granules, and what stands in them.

use core::ptr::NonNull;

use super::bins::bin_of;

/// Bytes of a granule; every block is a whole number of them.
pub(super) const GRANULE: usize = 8;
/// So that a number and a flag fit in 32 bits.
pub(super) const MOST: usize = (1 << 31) - 1;
const WORD: u32 = usize::BITS;

/// Granule numbers count from the start of the memory. What is free there:
///
/// ```text
///   0          heads        first                                     end
///   │ bitmap   │ of bins    │ blocks …                                 │
/// ```
///
/// Invariant: `base` is valid for reads and writes of `end` granules, aligned to a
/// granule; nobody else uses those below `first`, nor the free blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granules {
    base: NonNull<u8>,
    heads: u32,
    first: u32,
    end: u32,
}

impl Granules {
    pub(super) const NONE: Self = Self { base: NonNull::dangling(), heads: 0, first: 0, end: 0 };

    /// # Safety
    ///
    /// `memory` is valid for reads and writes as long as this is used, and nobody else's.
    pub(super) unsafe fn new(memory: NonNull<[u8]>) -> Option<Self> {
        let start = memory.cast::<u8>();
        let skipped = start.align_offset(GRANULE);
        let end = (memory.len().checked_sub(skipped)? / GRANULE).min(MOST) as u32;
        // One bit more than there are granules, which is never set.
        let heads = (end / WORD + 1) * (WORD / 64).max(1);
        let heads = if WORD == 32 { heads.div_ceil(2) } else { heads };
        let first = heads + (bin_of(end.max(1)) + 1).div_ceil(2);
        // SAFETY: `skipped` is not more than the length.
        let base = unsafe { start.add(skipped) };
        let granules = Self { base, heads, first, end };
        (first < end).then(|| {
            // SAFETY: the granules below `first` are within the memory.
            unsafe { base.write_bytes(0, first as usize * GRANULE) };
            granules
        })
    }

    pub(super) fn first(&self) -> u32 {
        self.first
    }

    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Whether a block may start at, or have, granule `at`.
    #[inline]
    pub(super) fn holds(&self, at: u32) -> bool {
        at.wrapping_sub(self.first) < self.end - self.first
    }

    pub(super) fn number(&self, at: NonNull<u8>) -> Option<u32> {
        let distance = at.addr().get().wrapping_sub(self.base.addr().get());
        let number = u32::try_from(distance / GRANULE).ok()?;
        (distance.is_multiple_of(GRANULE) && self.holds(number)).then_some(number)
    }

    /// # Safety
    ///
    /// `at` is not above `end`.
    #[inline]
    pub(super) unsafe fn address(&self, at: u32) -> NonNull<u8> {
        // SAFETY: passed on from the caller.
        unsafe { self.base.add(at as usize * GRANULE) }
    }

    /// Half `half` of granule `at`; 0 if there is none.
    #[inline]
    pub(super) fn read(&self, at: u32, half: usize) -> u32 {
        if !self.holds(at) {
            return 0;
        }
        // SAFETY: the granule is within the memory, by the check.
        unsafe { self.address(at).cast::<u32>().add(half).read() }
    }

    #[inline]
    pub(super) fn write(&mut self, at: u32, half: usize, value: u32) {
        if self.holds(at) {
            // SAFETY: as in `read`.
            unsafe { self.address(at).cast::<u32>().add(half).write(value) };
        }
    }

    #[inline]
    fn head_ptr(&self, bin: u32) -> NonNull<u32> {
        let bin = bin.min((self.first - self.heads) * 2 - 1);
        // SAFETY: heads reach from `heads` to `first`, which is within the memory.
        unsafe { self.address(self.heads).cast::<u32>().add(bin as usize) }
    }

    #[inline]
    pub(super) fn head(&self, bin: u32) -> u32 {
        // SAFETY: a head of ours.
        unsafe { self.head_ptr(bin).read() }
    }

    #[inline]
    pub(super) fn set_head(&mut self, bin: u32, at: u32) {
        // SAFETY: a head of ours.
        unsafe { self.head_ptr(bin).write(at) };
    }

    #[inline]
    fn bits(&self, at: u32) -> NonNull<usize> {
        // SAFETY: the bitmap has a bit for each granule and one more.
        unsafe { self.base.cast::<usize>().add((at.min(self.end) / WORD) as usize) }
    }

    /// Whether a free block begins or ends with granule `at`.
    #[inline]
    pub(super) fn edge(&self, at: u32) -> bool {
        // SAFETY: a word of the bitmap.
        unsafe { self.bits(at).read() >> (at % WORD) & 1 != 0 }
    }

    #[inline]
    pub(super) fn set_edge(&mut self, at: u32) {
        let bits = self.bits(at);
        // SAFETY: a word of the bitmap.
        unsafe { bits.write(bits.read() | 1 << (at % WORD)) };
    }

    #[inline]
    pub(super) fn clear_edge(&mut self, at: u32) {
        let bits = self.bits(at);
        // SAFETY: a word of the bitmap.
        unsafe { bits.write(bits.read() & !(1 << (at % WORD))) };
    }
}
