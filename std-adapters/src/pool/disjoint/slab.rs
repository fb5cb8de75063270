//! A span that is cut into blocks of one size.

use core::ptr::NonNull;

use crate::provider::Span;

/// A span that is cut into blocks of one size; which of them are free is a bit each, and
/// stands elsewhere, for the span may be memory that is not to be touched.
#[derive(Debug)]
pub(super) struct Slab {
    span: Span,
    block: usize,
    /// ⌈2⁶⁴ / block⌉, to divide by multiplying.
    reciprocal: u64,
    blocks: usize,
    free: usize,
    /// No word before this one has a bit.
    from: usize,
    /// A bit is 1 where a block is free.
    bits: Box<[u64]>,
    /// Where it stands in the list that it is in.
    pub(super) place: usize,
}

impl Slab {
    /// Cuts `span` into blocks of `block` bytes, all free; `None` if there is no memory for
    /// the bits.
    pub(super) fn new(span: Span, block: usize) -> Option<Self> {
        let blocks = span.len / block;
        let mut bits = Vec::new();
        bits.try_reserve_exact(blocks.div_ceil(64)).ok()?;
        bits.resize(blocks / 64, u64::MAX);
        if !blocks.is_multiple_of(64) {
            bits.push((1 << (blocks % 64)) - 1);
        }
        let bits = bits.into_boxed_slice();
        let reciprocal = (u64::MAX / block as u64).wrapping_add(1);
        Some(Self { span, block, reciprocal, blocks, free: blocks, from: 0, bits, place: 0 })
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// Whether the address is in it.
    #[inline]
    pub(super) fn has(&self, block: NonNull<u8>) -> bool {
        self.span.contains(block)
    }

    /// How many blocks are free.
    pub(super) fn free(&self) -> usize {
        self.free
    }

    pub(super) fn is_full(&self) -> bool {
        self.free == 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free == self.blocks
    }

    /// Takes free blocks, as many as there are places for; how many.
    pub(super) fn take(&mut self, to: &mut [*mut u8]) -> usize {
        let mut taken = 0;
        while let Some(word) = self.bits.get_mut(self.from) {
            while *word != 0 {
                let Some(place) = to.get_mut(taken) else {
                    self.free -= taken;
                    return taken;
                };
                let index = self.from * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                // Inside of the span, so the address does not wrap.
                *place = self.span.start.as_ptr().wrapping_add(index * self.block);
                taken += 1;
            }
            self.from += 1;
        }
        self.free -= taken;
        taken
    }

    /// Takes a block back; false if no block starts there, or it is free.
    pub(super) fn put(&mut self, block: NonNull<u8>) -> bool {
        let Some(index) = self.index(block) else { return false };
        let Some(word) = self.bits.get_mut(index / 64) else { return false };
        let bit = 1 << (index % 64);
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.free += 1;
        self.from = self.from.min(index / 64);
        true
    }

    /// Whether a block that is not free starts there.
    pub(super) fn is_taken(&self, block: NonNull<u8>) -> bool {
        let word = self.index(block).map(|index| (self.bits.get(index / 64), index % 64));
        matches!(word, Some((Some(word), bit)) if word & 1 << bit == 0)
    }

    /// Which block starts there.
    #[inline]
    fn index(&self, block: NonNull<u8>) -> Option<usize> {
        let at = block.addr().get().wrapping_sub(self.span.addr());
        // Right for all that is inside of a slab of less than 4 GiB, and checked below.
        let index = ((at as u128 * u128::from(self.reciprocal)) >> 64) as usize;
        (index.wrapping_mul(self.block) == at && index < self.blocks).then_some(index)
    }
}
