//! Allocate, write a word, free; over and over at one size.

use core::{alloc::GlobalAlloc, hint::black_box};
use std::time::Instant;

use super::{Sample, block::Blocks};

/// The tightest loop there is: one block that is always free again.
#[derive(Debug)]
pub struct Pair {
    size: usize,
}

/// The sizes are read from an array of this length, all equal. The optimiser
/// does not know that, so an inlined allocator cannot look the size class up
/// once before the loop.
const SIZES: usize = 64;

impl Pair {
    /// Creates the workload for blocks of `size` bytes, eight or more.
    pub fn new(size: usize) -> Self {
        Self { size }
    }

    /// Returns the size of the blocks.
    pub fn size(&self) -> usize {
        self.size
    }

    pub(super) fn sample<A: GlobalAlloc>(&self, heap: &A, operations: u64) -> Sample {
        let blocks = Blocks::of(heap);
        let sizes = black_box([self.size; SIZES]);
        let passes = operations.div_ceil(SIZES as u64);
        pairs(blocks, &sizes, passes.div_ceil(8));
        let start = Instant::now();
        pairs(blocks, &sizes, passes);
        Sample { operations: passes * SIZES as u64, elapsed: start.elapsed() }
    }
}

#[inline(never)]
fn pairs<A: GlobalAlloc>(blocks: Blocks<'_, A>, sizes: &[usize; SIZES], passes: u64) {
    for pass in 0..passes {
        for &size in sizes {
            let block = blocks.allocate(size);
            block.write_word(pass);
            blocks.free(block);
        }
    }
}
