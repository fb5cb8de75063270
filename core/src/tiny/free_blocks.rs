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

    /// The length of a block; 0 if there is none, for that is what stands at granule 0.
    #[inline]
    fn looked_at(&mut self, block: u32) -> u32 {
        self.steps.step();
        self.granules.len_from(block)
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
        let (start, rest) = (block + skipped, len - skipped - n);
        self.unlist(block, len);
        if skipped == 0 {
            self.granules.clear_edge(block);
        } else {
            self.granules.set_edge(start - 1);
            self.list(block, skipped);
        }
        if rest == 0 {
            self.granules.clear_edge(block + len - 1);
        } else {
            self.granules.set_edge(start + n);
            self.list(start + n, rest);
        }
        start
    }

    /// Takes `n` granules that are free from `at` on; whether they were.
    pub(super) fn take_at(&mut self, at: u32, n: u32) -> bool {
        let len = self.len_at(at);
        let is_there = len >= n;
        if is_there {
            self.take(Cut { block: at, len, skipped: 0 }, n);
        }
        is_there
    }

    /// Frees `n` granules from `start` on, together with what is free at both sides.
    #[inline]
    pub(super) fn give(&mut self, start: u32, n: u32) {
        let (mut from, mut to) = (start, start + n);
        if self.granules.is_edge(start - 1) {
            let len = self.granules.len_to(start - 1).max(1);
            from -= len;
            self.join(from, len, start - 1);
        } else {
            self.granules.set_edge(start);
        }
        let behind = self.len_at(to);
        if behind != 0 {
            self.join(to, behind, to);
            to += behind;
        } else {
            self.granules.set_edge(to - 1);
        }
        self.list(from, to - from);
    }

    /// Makes a free block a part of another, in which `inner` is no longer an edge: but a
    /// single granule still is one.
    #[inline]
    fn join(&mut self, block: u32, len: u32, inner: u32) {
        self.unlist(block, len);
        if len >= LEAST {
            self.granules.clear_edge(inner);
        }
    }

    /// The length of the free block at granule `at`; 0 if there is none.
    #[inline]
    pub(super) fn len_at(&self, at: u32) -> u32 {
        let is_free = at < self.granules.end() && self.granules.is_edge(at);
        if is_free { self.granules.len_from(at).max(1) } else { 0 }
    }

    #[inline]
    fn list(&mut self, block: u32, len: u32) {
        self.steps.step();
        self.granules.set_len(block, len);
        if len >= LEAST {
            let bin = bin_of(len);
            self.granules.push(bin, block);
            self.occupied |= 1 << bin;
        }
    }

    #[inline]
    fn unlist(&mut self, block: u32, len: u32) {
        self.steps.step();
        if len >= LEAST {
            self.occupied &= !self.granules.unlink(block);
        }
    }
}
