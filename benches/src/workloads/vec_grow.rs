//! A vector that grows by doubling.

use core::{alloc::GlobalAlloc, hint::black_box};
use std::time::Instant;

use super::{
    Sample,
    block::{Block, Blocks},
};

/// Words are pushed one by one to an empty vector until it holds 1 MiB; then it
/// is dropped.
///
/// An operation is one growth: an allocation or reallocation, with its share of
/// the pushes and of the drop.
#[derive(Debug)]
pub struct VecGrow;

/// Words pushed to each vector.
const WORDS: usize = (1 << 20) / size_of::<u64>();
/// Words that the first growth makes room for, like `Vec` does.
const FIRST: usize = 4;
/// Growths of each vector: to 4, 8, ..., 131072 words.
pub(super) const GROWTHS: u64 = (WORDS / FIRST).ilog2() as u64 + 1;

impl VecGrow {
    pub(super) fn sample<A: GlobalAlloc>(&self, heap: &A, operations: u64) -> Sample {
        let blocks = Blocks::of(heap);
        let words = black_box(WORDS);
        let vectors = operations.div_ceil(GROWTHS);
        grow(blocks, words, vectors.div_ceil(4));
        let start = Instant::now();
        grow(blocks, words, vectors);
        Sample { operations: vectors * GROWTHS, elapsed: start.elapsed() }
    }
}

#[inline(never)]
fn grow<A: GlobalAlloc>(blocks: Blocks<'_, A>, words: usize, vectors: u64) {
    for _ in 0..vectors {
        let mut vector = Words::new(blocks);
        for word in 0..words {
            vector.push(word as u64);
        }
        vector.free();
    }
}

/// The least of a vector: `Vec` cannot be told its allocator on stable Rust.
struct Words<'a, A> {
    blocks: Blocks<'a, A>,
    block: Option<Block>,
    capacity: usize,
    len: usize,
}

impl<'a, A: GlobalAlloc> Words<'a, A> {
    fn new(blocks: Blocks<'a, A>) -> Self {
        Self { blocks, block: None, capacity: 0, len: 0 }
    }

    #[inline(always)]
    fn push(&mut self, word: u64) {
        if self.len == self.capacity {
            self.grow();
        }
        if let Some(block) = &self.block {
            block.write_word_at(self.len, word);
        }
        self.len += 1;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.capacity = (2 * self.capacity).max(FIRST);
        let bytes = self.capacity * size_of::<u64>();
        let block = match self.block.take() {
            None => self.blocks.allocate(bytes),
            Some(block) => self.blocks.reallocate(block, bytes),
        };
        block.escape();
        self.block = Some(block);
    }

    fn free(self) {
        if let Some(block) = self.block {
            block.escape();
            self.blocks.free(block);
        }
    }
}
