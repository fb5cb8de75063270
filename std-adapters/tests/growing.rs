//! Large blocks that grow past each other.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use core::slice;

use anymem::ShmAlloc;

static HEAP: ShmAlloc = ShmAlloc::new();

/// A block that holds words in sequence.
struct Growing {
    block: NonNull<u64>,
    words: usize,
    first: u64,
}

impl Growing {
    const STEP: usize = 400 << 10;

    fn layout(&self) -> Layout {
        Layout::array::<u64>(self.words).expect("a layout")
    }

    fn new(first: u64) -> Self {
        let mut made = Self { block: NonNull::dangling(), words: Self::STEP, first };
        // SAFETY: the layout has a size.
        made.block = NonNull::new(unsafe { HEAP.alloc(made.layout()) }).expect("memory").cast();
        made.fill(0);
        made
    }

    fn fill(&mut self, from: usize) {
        // SAFETY: the block is live and has that many words.
        let all = unsafe { slice::from_raw_parts_mut(self.block.as_ptr(), self.words) };
        (from..self.words).for_each(|at| all[at] = self.first + at as u64);
    }

    fn grow(&mut self) {
        let (layout, old) = (self.layout(), self.words);
        self.words += Self::STEP;
        // SAFETY: the block is live and has that layout.
        let grown = unsafe { HEAP.realloc(self.block.as_ptr().cast(), layout, 8 * self.words) };
        self.block = NonNull::new(grown).expect("memory").cast();
        self.fill(old);
    }

    fn check(&self) {
        // SAFETY: as in `fill`.
        let all = unsafe { slice::from_raw_parts(self.block.as_ptr(), self.words) };
        assert!(all.iter().zip(self.first..).all(|(&found, wanted)| found == wanted));
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // SAFETY: the block is live and has that layout.
        unsafe { HEAP.dealloc(self.block.as_ptr().cast(), self.layout()) };
    }
}

/// Each is in the way of the others again and again, so all ways to make one
/// longer are taken.
#[test]
fn blocks_that_grow_past_each_other_keep_their_contents() {
    let mut growing: Vec<_> = (0..5).map(|number| Growing::new(number << 40)).collect();
    for round in 0..60 {
        growing.iter_mut().for_each(Growing::grow);
        growing[round % 5].check();
        if round % 8 == 7 {
            growing[round % 3] = Growing::new((round as u64) << 40);
        }
    }
    growing.iter().for_each(Growing::check);
}

/// What was moved away from is given out as zeroes.
#[test]
fn zeroed_blocks_are_zero_where_others_were() {
    let layout = Layout::from_size_align(2 << 20, 16).expect("a layout");
    let mut growing: Vec<_> = (0..2).map(|number| Growing::new(number << 40)).collect();
    for _ in 0..20 {
        growing.iter_mut().for_each(Growing::grow);
        // SAFETY: the layout has a size; the block is that long, and freed once.
        unsafe {
            let block = HEAP.alloc_zeroed(layout);
            let words = slice::from_raw_parts_mut(block.cast::<u64>(), layout.size() / 8);
            assert!(words.iter().all(|&word| word == 0));
            words.fill(u64::MAX);
            HEAP.dealloc(block, layout);
        }
    }
}
