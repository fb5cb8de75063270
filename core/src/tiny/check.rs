//! What must hold of a heap.

use super::{
    GRANULE, Steps, TinyHeap, TinyStats,
    bins::{BINS, bin_of},
    granules::LEAST,
};
use crate::allocator::Broken;

impl<S: Steps> TinyHeap<S> {
    /// Walks the whole heap.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold, with the granule (of 8 bytes, from the start of
    /// the memory), the bin or the size where it does not.
    ///
    /// # Time
    ///
    /// Linear in the size of the memory.
    pub fn check(&self) -> Result<(), Broken> {
        let (blocks, granules) = self.check_blocks()?;
        self.check_bins(blocks)?;
        let kept = self.check_kept()?;
        let all = self.free.granules.end() - self.free.granules.first();
        rule(granules + kept + self.used == all, "granules are free, kept or used", all)
    }

    /// How many listed blocks there are, and the granules of all that are free.
    fn check_blocks(&self) -> Result<(u32, u32), Broken> {
        let granules = &self.free.granules;
        let (mut at, mut blocks, mut free) = (granules.first(), 0, 0);
        while at < granules.end() {
            let len = self.free.free_at(at);
            if len != 0 {
                let last = at + len - 1;
                rule(granules.is_edge(last), "a free block has two edges", at)?;
                rule(granules.len_to(last) == len, "both ends tell one length", at)?;
                let inside = at + 1..last;
                rule(!inside.into_iter().any(|at| granules.is_edge(at)), "no edge is inside", at)?;
                rule(!granules.is_edge(at + len), "no two free blocks touch", at)?;
                rule(len < LEAST || granules.is_named(at), "a free block is named", at)?;
                blocks += u32::from(len >= LEAST);
                free += len;
            }
            at += len.max(1);
        }
        Ok((blocks, free))
    }

    fn check_bins(&self, blocks: u32) -> Result<(), Broken> {
        let mut left = blocks;
        for bin in 0..BINS {
            let mut block = self.free.granules.head(bin);
            let occupied = self.free.occupied >> bin & 1 != 0;
            rule((block != 0) == occupied, "a bin's bit tells whether it has blocks", bin)?;
            while block != 0 {
                let fits = bin_of(self.free.free_at(block)) == bin;
                rule(fits && left != 0, "a bin has free blocks of its sizes, each once", bin)?;
                left -= 1;
                block = self.free.granules.next(block);
            }
        }
        rule(left == 0, "a free block is in a bin", left)
    }

    /// How many granules are kept.
    fn check_kept(&self) -> Result<u32, Broken> {
        let (mut count, mut kept) = (0, 0);
        for (n, block) in self.kept.blocks(&self.free.granules) {
            rule(count < self.kept.count(), "kept blocks are counted", n)?;
            rule(!self.free.granules.is_edge(block), "a kept block is not free", block)?;
            count += 1;
            kept += n;
        }
        rule(count == self.kept.count(), "kept blocks are counted", count)?;
        Ok(kept)
    }

    /// What the heap holds.
    ///
    /// # Time
    ///
    /// Linear in the number of free blocks that are about as large as the largest.
    #[must_use]
    pub fn stats(&self) -> TinyStats {
        let bytes = |granules: u32| granules as usize * GRANULE;
        TinyStats {
            capacity: bytes(self.free.granules.end() - self.free.granules.first()),
            used: bytes(self.used),
            peak: bytes(self.peak),
            largest: bytes(self.largest()),
        }
    }

    fn largest(&self) -> u32 {
        let Some(bin) = self.free.occupied.checked_ilog2() else { return 0 };
        let granules = &self.free.granules;
        let follow = |&block: &u32| Some(granules.next(block));
        let blocks = core::iter::successors(Some(granules.head(bin)), follow);
        // No more blocks than there are granules, whatever was written into them.
        let blocks = blocks.take_while(|&block| block != 0).take(granules.end() as usize);
        blocks.map(|block| granules.len_from(block)).max().unwrap_or(0)
    }
}

fn rule(holds: bool, what: &'static str, at: u32) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { what, at: at as usize }) }
}
