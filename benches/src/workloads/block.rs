//! Blocks of the heap under test.

use core::{
    alloc::{GlobalAlloc, Layout},
    hint::black_box,
    ptr,
};
use std::process;

/// The alignment of all blocks: that of a word.
const ALIGN: usize = align_of::<u64>();

/// A block and the size that it was asked with.
#[derive(Debug)]
pub(super) struct Block {
    start: *mut u8,
    size: usize,
}

impl Default for Block {
    /// No block: what is left where one was taken out of.
    fn default() -> Self {
        Self { start: ptr::null_mut(), size: 0 }
    }
}

// SAFETY: a block is owned by whoever holds it, like a `Box<[u8]>`.
unsafe impl Send for Block {}

/// Allocates and frees blocks of an alignment that is known at run time only.
#[derive(Debug)]
pub(super) struct Blocks<'heap, A> {
    heap: &'heap A,
    align: usize,
}

impl<A> Copy for Blocks<'_, A> {}

impl<A> Clone for Blocks<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'heap, A: GlobalAlloc> Blocks<'heap, A> {
    pub(super) fn of(heap: &'heap A) -> Self {
        Self { heap, align: black_box(ALIGN) }
    }

    #[inline(always)]
    fn layout(&self, size: usize) -> Layout {
        // SAFETY: `align` is a power of two, and all sizes of the workloads are
        // far below `isize::MAX`.
        unsafe { Layout::from_size_align_unchecked(size, self.align) }
    }

    /// Allocates `size` bytes, which is not 0.
    #[inline(always)]
    pub(super) fn allocate(&self, size: usize) -> Block {
        // SAFETY: the size is not 0.
        let start = unsafe { self.heap.alloc(self.layout(size)) };
        if start.is_null() {
            out_of_memory(size);
        }
        Block { start, size }
    }

    /// Grows or shrinks `block` to `size` bytes, which is not 0.
    #[inline(always)]
    pub(super) fn reallocate(&self, block: Block, size: usize) -> Block {
        // SAFETY: the block is of this heap and has this layout; the size is
        // not 0.
        let start = unsafe { self.heap.realloc(block.start, self.layout(block.size), size) };
        if start.is_null() {
            out_of_memory(size);
        }
        Block { start, size }
    }

    /// Frees `block`.
    #[inline(always)]
    pub(super) fn free(&self, block: Block) {
        // SAFETY: the block is of this heap and has this layout, and it is not
        // used any more since it was moved here.
        unsafe { self.heap.dealloc(block.start, self.layout(block.size)) }
    }
}

impl Block {
    /// Writes the first word and lets the address escape. The block has eight
    /// bytes or more.
    #[inline(always)]
    pub(super) fn write_word(&self, word: u64) {
        self.write_word_at(0, word);
        black_box(self.start);
    }

    /// Writes the word number `index`, which lies in the block.
    #[inline(always)]
    pub(super) fn write_word_at(&self, index: usize, word: u64) {
        debug_assert!((index + 1) * size_of::<u64>() <= self.size);
        // SAFETY: the word lies in the block, which is aligned for words.
        unsafe { self.start.cast::<u64>().add(index).write(word) }
    }

    /// Reads the first word, which has been written.
    #[inline(always)]
    pub(super) fn read_word(&self) -> u64 {
        // SAFETY: the word lies in the block, is aligned and was written.
        unsafe { self.start.cast::<u64>().read() }
    }

    /// Writes the first and the last byte.
    #[inline(always)]
    pub(super) fn write_ends(&self) {
        // SAFETY: the block has at least one byte.
        unsafe {
            self.start.write(1);
            self.start.add(self.size - 1).write(2);
        }
    }

    /// Lets the address escape, so that the writes to it count as seen.
    #[inline(always)]
    pub(super) fn escape(&self) {
        black_box(self.start);
    }
}

#[cold]
#[inline(never)]
fn out_of_memory(size: usize) -> ! {
    // Not a panic: the other threads of the workload would wait for this one.
    eprintln!("the allocator under test has no {size} bytes left");
    process::abort()
}
