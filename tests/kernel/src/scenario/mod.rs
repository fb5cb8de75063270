//! What kernels do with a heap, one scenario after the other.

mod collections;
mod exhaustion;
mod frames;
mod interrupts;
mod page_tables;
mod processors;

use crate::heap::{self, HEAP};
use crate::{frames as page_frames, say};

/// The last ones leave the machine with fewer processors.
const ALL: &[(&str, fn())] = &[
    ("collections", collections::run),
    ("a timer interrupts the allocator", interrupts::by_timer),
    ("each instruction of the allocator is interrupted", interrupts::by_steps),
    ("processors free each other's blocks", processors::run),
    ("ranges of frames", frames::ranges),
    ("all frames are taken", frames::exhaustion),
    ("processors take frames and are interrupted", frames::processors),
    ("each instruction of taking frames is interrupted", frames::by_steps),
    ("page tables in frames", page_tables::run),
    ("memory runs out", exhaustion::of_one),
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
        page_frames::all().check().expect("the frames are broken");
        assert_eq!(in_use(), before, "{name}: bytes and frames in use, after and before");
        say!("passed: {name}");
    }
    say!("kernel: {} passed, 0 failed", ALL.len());
}

/// Bytes of the heap, and frames that are not the heap's.
fn in_use() -> (usize, usize) {
    let frames = page_frames::all().stats();
    (HEAP.used(), frames.usable - frames.free - heap::frames())
}
