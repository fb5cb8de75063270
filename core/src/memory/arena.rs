//! Blocks of one span, by first fit.
//!
//! The span is cut into [granules](GRANULE); a bit for each says whether it is in use, and
//! these bits stand at the front of the span. Between two blocks there is always a granule
//! that is in use by neither, so that bytes of two blocks are never taken for one's.

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;

use spin::Mutex;

use crate::bits;

/// Bytes that are handed out as one.
const GRANULE: usize = 16;

/// A span, and which parts of it are handed out.
pub(super) struct Arena {
    base: NonNull<u8>,
    len: usize,
    used: Mutex<NonNull<[u64]>>,
}

// SAFETY: the words are used under the lock alone, and the bytes by whom they are handed to.
unsafe impl Send for Arena {}
// SAFETY: as for `Send`.
unsafe impl Sync for Arena {}

impl Arena {
    /// The arena of a span, which it may leave a few bytes of unused.
    ///
    /// # Safety
    ///
    /// The span is valid for reads and writes as long as the arena is there, and nobody else
    /// uses it.
    pub(super) unsafe fn new(span: NonNull<[u8]>) -> Self {
        let start = span.cast::<u8>();
        let skip = start.align_offset(GRANULE).min(span.len());
        let granules = (span.len() - skip) / GRANULE;
        let front = granules.div_ceil(1 + 8 * GRANULE);
        // SAFETY: `skip <= span.len()`.
        let first = unsafe { start.add(skip) };
        // SAFETY: the granules at the front are of the span; and `granules >= front`.
        let base = unsafe { first.add(front * GRANULE) };
        // A span without any granule may also end before the first aligned address.
        let words = if granules == 0 { NonNull::dangling() } else { first.cast::<u64>() };
        let count = front * GRANULE / size_of::<u64>();
        // SAFETY: so many words are before `base`, aligned as granules are.
        unsafe { words.write_bytes(0, count) };
        let used = Mutex::new(NonNull::slice_from_raw_parts(words, count));
        Self { base, len: (granules - front) * GRANULE, used }
    }

    /// Hands out a block; how far from the base it is.
    pub(super) fn allocate(&self, layout: Layout) -> Option<usize> {
        let need = granules(layout)?;
        let mut used = self.used.lock();
        // SAFETY: the words are there as long as the arena, and used under the lock alone.
        let words = unsafe { used.as_mut() };
        let mut from = 0;
        loop {
            let at = self.aligned(bits::position_of(words, false, from), layout.align())?;
            let end = at.checked_add(need).filter(|&end| end * GRANULE <= self.len)?;
            // The granule before has to be free as well, and the one behind.
            let taken = bits::position_of(words, true, at.saturating_sub(1));
            if taken > end || taken == words.len() * 64 {
                bits::assign(words, at..end, true);
                return Some(at * GRANULE);
            }
            from = bits::position_of(words, false, taken) + 1;
        }
    }

    /// The first granule from `from` on whose address is a multiple of `align`.
    fn aligned(&self, from: usize, align: usize) -> Option<usize> {
        let bytes = from.checked_mul(GRANULE).filter(|&bytes| bytes <= self.len)?;
        let skip = self.base.as_ptr().wrapping_add(bytes).align_offset(align.max(GRANULE));
        Some(bytes.checked_add(skip)? / GRANULE)
    }

    /// Takes a block back.
    ///
    /// # Safety
    ///
    /// It was handed out here with this layout, and nobody uses it any more.
    pub(super) unsafe fn free(&self, at: usize, layout: Layout) {
        let at = at / GRANULE;
        let Some(need) = granules(layout) else { return };
        let mut used = self.used.lock();
        // SAFETY: as in `allocate`.
        bits::assign(unsafe { used.as_mut() }, at..at + need, false);
    }

    /// Whether all these bytes are in one block.
    pub(super) fn holds(&self, bytes: Range<usize>) -> bool {
        if bytes.end > self.len || bytes.start > bytes.end {
            return false;
        }
        let used = self.used.lock();
        // SAFETY: as in `allocate`.
        let words = unsafe { used.as_ref() };
        bits::position_of(words, false, bytes.start / GRANULE) * GRANULE >= bytes.end
    }

    /// Where the byte is that is `at` from the base; for bytes of the arena.
    pub(super) fn at(&self, at: usize) -> NonNull<u8> {
        debug_assert!(at <= self.len, "beyond the arena");
        // SAFETY: it is within the span.
        unsafe { self.base.add(at) }
    }

    /// How far from the base an address is.
    pub(super) fn offset_of(&self, pointer: *const u8) -> usize {
        pointer.addr().wrapping_sub(self.base.addr().get())
    }

    /// Bytes in no block.
    pub(super) fn available(&self) -> usize {
        let used = self.used.lock();
        // SAFETY: as in `allocate`.
        let words = unsafe { used.as_ref() };
        let taken: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        self.len - taken * GRANULE
    }
}

/// How many granules a block takes.
fn granules(layout: Layout) -> Option<usize> {
    let bytes = layout.size().max(1).checked_next_multiple_of(GRANULE)?;
    Some(bytes / GRANULE)
}
