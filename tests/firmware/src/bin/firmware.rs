//! Firmware whose heap is 32 KiB of an array.
//!
//! The lock of the heap holds off interrupts, so the handler never finds it taken.

#![no_std]
#![no_main]

use anymem_core::global::{ArenaAlloc, CriticalSection};

#[path = "../scenarios.rs"]
mod scenarios;

#[global_allocator]
static HEAP: ArenaAlloc<{ 32 << 10 }, CriticalSection> = ArenaAlloc::new();

#[unsafe(no_mangle)]
fn main() {
    scenarios::run(&scenarios::Heap {
        capacity: HEAP.stats().capacity,
        used: || HEAP.stats().used,
        sound: || true,
    });
}
