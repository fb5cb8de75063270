//! Memory that runs out: a value, not the end; and all of it comes back.

use alloc::alloc::{alloc, dealloc};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::hint::black_box;
use core::ptr;

use crate::heap::{self, HEAP};
use crate::{processor, say};

/// Blocks of one layout in a list through themselves, so that keeping them takes no
/// memory.
struct Hoard {
    last: *mut Hoarded,
    layout: Layout,
    count: usize,
}

struct Hoarded {
    former: *mut Hoarded,
}

impl Hoard {
    /// All blocks of `size` bytes that there are.
    fn all(size: usize) -> Self {
        let layout = Layout::from_size_align(size, 16).expect("a layout");
        let mut hoard = Self { last: ptr::null_mut(), layout, count: 0 };
        while hoard.add() {}
        hoard
    }

    fn add(&mut self) -> bool {
        // SAFETY: the layout has a size.
        let block: *mut Hoarded = unsafe { alloc(self.layout) }.cast();
        if block.is_null() {
            return false;
        }
        // SAFETY: the block was just handed out, and is large enough.
        unsafe { block.write(Hoarded { former: self.last }) };
        (self.last, self.count) = (block, self.count + 1);
        true
    }
}

impl Drop for Hoard {
    fn drop(&mut self) {
        while !self.last.is_null() {
            // SAFETY: the list's blocks are its own, of its layout, and each is freed once.
            unsafe {
                let block = self.last;
                self.last = (*block).former;
                dealloc(block.cast(), self.layout);
            }
        }
    }
}

/// Takes everything, large blocks first; how many bytes.
fn take_all() -> usize {
    let large = Hoard::all(64 << 10);
    let small = Hoard::all(48);
    let mut more = Vec::<u64>::new();
    assert!(more.try_reserve(1 << 20).is_err(), "there is still memory");
    large.count * large.layout.size() + small.count * small.layout.size()
}

/// What was freed can be had again, all of it.
pub fn of_one() {
    let first = take_all();
    HEAP.check().expect("the heap is broken");
    let again = take_all();
    say!("taken: {} KiB, and again {} KiB", first >> 10, again >> 10);
    assert!(again >= first / 100 * 99, "memory was lost");
    assert!(first >= HEAP.capacity() / 100 * 90, "of {} bytes", HEAP.capacity());
}

/// Processors that take everything get as much together as one does.
pub fn of_all() {
    processor::on_all(|_| drop(Hoard::all(4 << 10)));
    assert!(take_all() >= HEAP.capacity() / 100 * 90, "memory was lost");
}

/// Where there was no room, there is when the heap has grown.
pub fn of_a_heap_that_grows() {
    let before = HEAP.capacity();
    let hoard = Hoard::all(4 << 10);
    heap::grow(4);
    let more = Hoard::all(4 << 10);
    assert!(more.count > 0 && HEAP.capacity() > before, "the heap did not grow");
    drop(hoard);
    drop(more);
    assert!(take_all() >= HEAP.capacity() / 100 * 90, "memory was lost");
}

/// A task that asks for too much ends by `handle_alloc_error`; the machine goes on.
pub fn of_a_task() {
    let others = processor::online() - 1;
    processor::doom(|number| {
        if number == 1 {
            black_box(Vec::<u8>::with_capacity(1 << 40));
        }
    });
    assert_eq!(processor::online(), others.max(1), "processors after one has died");
    assert!(take_all() >= HEAP.capacity() / 100 * 90, "memory was lost");
}
