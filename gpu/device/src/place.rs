//! Where a thread stands in its grid.

/// The place of a thread in a grid of blocks, along `x`, `y` and `z`.
///
/// ROCm's words for block and thread are workgroup and work-item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The thread's block.
    pub block: [u32; 3],
    /// How many blocks the grid has.
    pub blocks: [u32; 3],
    /// The thread in its block.
    pub thread: [u32; 3],
    /// How many threads each block has.
    pub threads: [u32; 3],
}

impl Place {
    /// The thread's number in the grid: all of one block follow each other, and `x` changes
    /// first.
    ///
    /// Each thread has one of its own, for no device has grids of 2⁶⁴ threads.
    #[must_use]
    #[inline]
    pub const fn number(&self) -> u64 {
        let [x, y, z] = self.threads;
        let in_block = (x as u64).wrapping_mul(y as u64).wrapping_mul(z as u64);
        let block = along(self.block, self.blocks);
        block.wrapping_mul(in_block).wrapping_add(along(self.thread, self.threads))
    }
}

/// The number of what is at `at` among `of` along each direction.
#[inline]
const fn along(at: [u32; 3], of: [u32; 3]) -> u64 {
    let row = (at[2] as u64).wrapping_mul(of[1] as u64).wrapping_add(at[1] as u64);
    row.wrapping_mul(of[0] as u64).wrapping_add(at[0] as u64)
}
