//! What kernels do with a heap, one scenario after the other.

mod collections;
mod exhaustion;
mod interrupts;
mod page_tables;
mod processors;

use crate::heap::HEAP;
use crate::say;

/// The last ones leave the machine with fewer processors.
const ALL: &[(&str, fn())] = &[
    ("collections", collections::run),
    ("a timer interrupts the allocator", interrupts::by_timer),
    ("each instruction of the allocator is interrupted", interrupts::by_steps),
    ("processors free each other's blocks", processors::run),
    ("page tables", page_tables::run),
    ("memory runs out", exhaustion::of_one),
    ("memory runs out on all processors", exhaustion::of_all),
    ("a task dies of it", exhaustion::of_a_task),
];

/// Runs all; each has to leave the heap sound, and no block behind.
pub fn run_all() {
    for (name, run) in ALL {
        let before = HEAP.used();
        run();
        HEAP.check().expect("the heap is broken");
        assert_eq!(HEAP.used(), before, "{name}: bytes in use, after and before");
        say!("passed: {name}");
    }
    say!("kernel: {} passed, 0 failed", ALL.len());
}
