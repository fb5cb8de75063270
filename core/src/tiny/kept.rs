//! Small blocks that were freed and are kept aside as they are.
//!
//! Most programs soon ask for the size again. A kept block is a block in use for all others;
//! it is given back when memory becomes scarce.

use super::granules::{Granules, LEAST};

/// Sizes of which blocks are kept: so many granules, from the least on.
const SIZES: u32 = 32;
/// The most that are kept, of all sizes together.
pub(super) const MOST: u32 = 128;
/// Granules of a heap for each block that it may keep.
const FOR_EACH: u32 = 128;

/// A list for each size.
#[derive(Debug)]
pub(super) struct Kept {
    heads: [u32; SIZES as usize],
    /// A bit for each list; set if it has blocks, and perhaps if not.
    sizes: u32,
    count: u32,
    most: u32,
}

impl Kept {
    /// None yet, of a heap of so many granules.
    pub(super) const fn of(granules: u32) -> Self {
        let most = granules / FOR_EACH;
        let most = if most < MOST { most } else { MOST };
        Self { heads: [0; SIZES as usize], sizes: 0, count: 0, most }
    }

    /// Has the heap have so many granules from now on.
    pub(super) fn widen(&mut self, granules: u32) {
        self.most = Self::of(granules).most;
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Keeps a block of `n` granules; whether it could.
    #[inline]
    pub(super) fn push(&mut self, granules: &mut Granules, block: u32, n: u32) -> bool {
        let size = n - LEAST;
        let Some(head) = self.heads.get_mut(size as usize) else { return false };
        if self.count >= self.most {
            return false;
        }
        granules.set_next(block, *head);
        *head = block;
        self.sizes |= 1 << size;
        self.count += 1;
        true
    }

    /// A block of `n` granules.
    #[inline]
    pub(super) fn pop(&mut self, granules: &Granules, n: u32) -> Option<u32> {
        let head = self.heads.get_mut((n - LEAST) as usize)?;
        let block = *head;
        if block == 0 {
            return None;
        }
        *head = granules.next_of(block, n);
        self.count = self.count.saturating_sub(1);
        Some(block)
    }

    /// Any block and its granules, the smaller ones first.
    pub(super) fn pop_any(&mut self, granules: &Granules) -> Option<(u32, u32)> {
        while self.sizes != 0 {
            let n = self.sizes.trailing_zeros() + LEAST;
            if let Some(block) = self.pop(granules, n) {
                return Some((block, n));
            }
            self.sizes &= self.sizes - 1;
        }
        // Something may have overwritten the lists.
        self.count = 0;
        None
    }

    /// The blocks of each size, which is the first number; as many as the lists hold, or
    /// more than are counted if something overwrote them.
    pub(super) fn blocks(&self, granules: &Granules) -> impl Iterator<Item = (u32, u32)> {
        (LEAST..).zip(self.heads).flat_map(move |(n, head)| {
            let follow = move |&block: &u32| (block != 0).then(|| granules.next_of(block, n));
            let blocks = core::iter::successors(Some(head), follow);
            blocks.take_while(|&block| block != 0).map(move |block| (n, block))
        })
    }
}
