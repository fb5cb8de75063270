//! Has a heap and little else: less `no_heap`, its size is that of the allocator's code.

#![no_std]
#![no_main]

use anymem_core::global::{ArenaAlloc, CriticalSection};
// Where the program begins.
use board as _;

#[path = "../calls.rs"]
mod calls;

#[global_allocator]
static HEAP: ArenaAlloc<{ 32 << 10 }, CriticalSection> = ArenaAlloc::new();

#[unsafe(no_mangle)]
fn main() {
    calls::all();
}
