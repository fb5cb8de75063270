//! The free blocks: by size in bins, and by place through their edges.
//!
//! Two free blocks never touch, but for what is [kept](super::kept) aside.

use super::{
    Steps,
    bins::{BINS, bin_of},
    granules::{Granules, LEAST},
};

/// How many blocks are looked at that may be too small, where none is surely large enough.
pub(super) const PROBES: u32 = 16;

/// A part of a free block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    block: u32,
    len: u32,
    /// Granules before it that stay free.
    skipped: u32,
}

#[derive(Debug)]
pub(super) struct FreeBlocks<S> {
    pub(super) granules: Granules,
    /// A bit for each bin that has blocks.
    pub(super) occupied: u64,
    pub(super) steps: S,
}

impl<S: Steps> FreeBlocks<S> {
    /// Finds room for `n` granules whose address is a multiple of `align` of them.
    #[inline]
    pub(super) fn find(&mut self, n: u32, align: u32) -> Option<Cut> {
        let room = n.checked_add(align - 1)?;
        if self.occupied == 0 {
            return None;
        }
        let bin = bin_of(room);
        let near = self.granules.head(bin);
        if self.looked_at(near) >= room {
            return Some(self.cut_of(near, align));
        }
        // All blocks of later bins are large enough.
        let later = (self.occupied & (!1 << bin)).trailing_zeros();
        if later == BINS {
            return self.probe(n, align);
        }
        let block = self.granules.head(later);
        // A length that makes no sense is no reason to go on.
        (self.looked_at(block) >= room).then(|| self.cut_of(block, align))
    }

    /// Looks through blocks that may be too small, smaller ones first.
    #[cold]
    #[inline(never)]
    fn probe(&mut self, n: u32, align: u32) -> Option<Cut> {
        let mut block = 0;
        let mut bins = self.occupied & (!0 << bin_of(n));
        for _ in 0..PROBES {
            while block == 0 {
                let bin = bins.trailing_zeros();
                if bin == BINS {
                    return None;
                }
                bins &= bins - 1;
                block = self.granules.head(bin);
                self.steps.step();
            }
            let cut = self.cut_of(block, align);
            if self.looked_at(block) >= cut.skipped.saturating_add(n) {
                return Some(cut);
            }
            block = self.granules.next(block);
        }
        None
    }

    /// The length of a block; 0 if there is none.
    #[inline]
    fn looked_at(&mut self, block: u32) -> u32 {
        self.steps.step();
        if block == 0 { 0 } else { self.granules.len_from(block) }
    }

    #[inline]
    fn cut_of(&self, block: u32, align: u32) -> Cut {
        let first = self.granules.address(block).addr().get() / super::GRANULE;
        let skipped = (first as u32).wrapping_neg() & (align - 1);
        Cut { block, len: self.granules.len_from(block), skipped }
    }

    /// Takes `n` granules of what was found; the first one.
    #[inline]
    pub(super) fn take(&mut self, cut: Cut, n: u32) -> u32 {
        let Cut { block, len, skipped } = cut;
        self.remove(block, len);
        if skipped != 0 {
            self.add(block, skipped);
        }
        let start = block + skipped;
        if len - skipped > n {
            self.add(start + n, len - skipped - n);
        }
        start
    }

    /// Frees `n` granules from `start` on, together with what is free at both sides.
    #[inline]
    pub(super) fn give(&mut self, start: u32, n: u32) {
        let (mut from, mut to) = (start, start + n);
        if self.granules.is_edge(from - 1) {
            let len = self.granules.len_to(from - 1).max(1);
            from -= len;
            self.remove(from, len);
        }
        let right = self.free_at(to);
        if right != 0 {
            self.remove(to, right);
            to += right;
        }
        self.add(from, to - from);
    }

    /// The length of the free block at granule `at`; 0 if there is none.
    #[inline]
    pub(super) fn free_at(&self, at: u32) -> u32 {
        let is_free = at < self.granules.end() && self.granules.is_edge(at);
        if is_free { self.granules.len_from(at).max(1) } else { 0 }
    }

    /// Makes a free block, which touches no other one.
    #[inline]
    pub(super) fn add(&mut self, block: u32, len: u32) {
        self.steps.step();
        self.granules.set_len(block, len);
        self.granules.set_edge(block);
        self.granules.set_edge(block + len - 1);
        if len >= LEAST {
            let bin = bin_of(len);
            self.granules.push(bin, block);
            self.occupied |= 1 << bin;
        }
    }

    /// Makes a free block one that is not.
    #[inline]
    pub(super) fn remove(&mut self, block: u32, len: u32) {
        self.steps.step();
        self.granules.clear_edge(block);
        self.granules.clear_edge(block + len - 1);
        if len >= LEAST
            && let Some(bin) = self.granules.unlink(block)
        {
            self.occupied &= !(1 << bin);
        }
    }
}
