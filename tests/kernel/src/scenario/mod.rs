//! What kernels do with a heap, one scenario after the other.

mod collections;
mod exhaustion;
mod hoard;
mod interrupts;
mod page_frames;
mod page_tables;
mod processors;

use crate::heap::{self, HEAP};
use crate::{frames, processor, say};

/// The last ones leave the machine with fewer processors.
const ALL: &[(&str, fn())] = &[
    ("collections", collections::run),
    ("a timer interrupts the allocator", interrupts::by_timer),
    ("each instruction of the allocator is interrupted", interrupts::by_steps),
    ("processors free each other's blocks", processors::run),
    ("ranges of frames", page_frames::ranges),
    ("all frames are taken", page_frames::exhaustion),
    ("processors take frames and are interrupted", page_frames::processors),
    ("each instruction of taking frames is interrupted", page_frames::by_steps),
    ("page tables in frames", page_tables::run),
    ("memory runs out", exhaustion::of_one),
    ("a timer interrupts the search for memory", interrupts::without_memory),
    ("memory runs out on all processors", exhaustion::of_all),
    ("the heap grows when it has run out", exhaustion::of_a_heap_that_grows),
    ("a task dies of it", exhaustion::of_a_task),
];

/// Runs all; each has to leave the heap sound, and no block behind.
pub fn run_all() {
    for (name, run) in ALL {
        let before = in_use();
        run();
        HEAP.check().expect("the heap is broken");
        frames::all().check().expect("the frames are broken");
        assert_eq!(in_use(), before, "{name}: bytes and frames in use, after and before");
        say!("passed: {name}");
    }
    let left = processor::interrupt_stack_left();
    assert!(left > 1 << 10, "interrupts have {left} bytes left of their stack");
    say!("left of the interrupt stack: {left} bytes");
    say!("kernel: {} passed, 0 failed", ALL.len());
}

/// Bytes of the heap, and frames that are not the heap's.
fn in_use() -> (usize, usize) {
    let frames = frames::all().stats();
    (HEAP.used(), frames.usable - frames.free - heap::frames())
}
