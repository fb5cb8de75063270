//! Allocate many blocks of one size, then free them all in the same order.

use core::{alloc::GlobalAlloc, hint::black_box};
use std::time::Instant;

use super::{
    Sample,
    block::{Block, Blocks},
};

/// Batches that overflow a thread's cache, so that refill and flush take part.
#[derive(Debug)]
pub struct Batch {
    size: usize,
}

/// Blocks in a batch.
const BLOCKS: usize = 1024;

impl Batch {
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
        let sizes = black_box([self.size; BLOCKS]);
        let mut live = Vec::with_capacity(BLOCKS);
        let passes = operations.div_ceil(BLOCKS as u64);
        batches(blocks, &sizes, &mut live, passes.div_ceil(8));
        let start = Instant::now();
        batches(blocks, &sizes, &mut live, passes);
        Sample { operations: passes * BLOCKS as u64, elapsed: start.elapsed() }
    }
}

#[inline(never)]
fn batches<A: GlobalAlloc>(
    blocks: Blocks<'_, A>,
    sizes: &[usize; BLOCKS],
    live: &mut Vec<Block>,
    passes: u64,
) {
    for pass in 0..passes {
        live.extend(sizes.iter().map(|&size| {
            let block = blocks.allocate(size);
            block.write_word(pass);
            block
        }));
        live.drain(..).for_each(|block| blocks.free(block));
    }
}
