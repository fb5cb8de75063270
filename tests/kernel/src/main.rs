//! A small x86-64 kernel whose heap is anymem's: the example for kernels, and a test.
//!
//! It boots in QEMU, manages the memory that the boot loader tells of, has a heap in a part
//! of it, and does with both what kernels do: see [`scenario`]. The last line on the serial port says how
//! that went, and so does QEMU's status (see [`port::End`]).
//!
//! What a kernel of your own needs of this is in [`frames`] and [`heap`].
#![no_std]
#![no_main]

extern crate alloc;

mod apic;
mod block;
mod board;
mod boot;
mod early;
mod frames;
mod heap;
mod interrupt;
mod memory_map;
mod page_table;
mod port;
mod processor;
mod random;
mod runtime;
mod scenario;
mod segments;
mod team;

use memory_map::MemoryMap;
use port::{End, exit};

/// Where the boot processor comes from the assembly in [`boot`].
extern "C" fn main(start_info: usize) -> ! {
    // SAFETY: called once, before anything else, and nothing was written to memory yet.
    let map = unsafe {
        processor::set_up_boot();
        interrupt::fill_table();
        MemoryMap::read(start_info)
    };
    interrupt::set_up();
    port::mask_legacy_interrupts();
    apic::set_up();
    map.print();
    // SAFETY: called once, and the map leaves out what is in use.
    unsafe { frames::set_up(&map) };
    heap::grow(2);
    team::start_all();
    say!("processors: {}", team::online());
    scenario::run_all();
    exit(End::Passed)
}
