//! What a program for a bare processor stands on: it begins here, prints and ends here.
//!
//! A program has a `main`, and a `tick` if it asks for interrupts
//! ([`interrupt_after`](arch::interrupt_after)), both `extern "Rust"` and not mangled.

#![no_std]

pub mod arch;
mod critical_section;
mod host;

pub use host::{Host, exit};

unsafe extern "Rust" {
    safe fn main();
}

unsafe extern "C" {
    static mut __data_start: u8;
    static __data_end: u8;
    static __data_load: u8;
    static mut __bss_start: u8;
    static __bss_end: u8;
}

/// Where the processor begins, once there is a stack.
#[unsafe(no_mangle)]
extern "C" fn begin() -> ! {
    // SAFETY: the linker says where these stand, and nobody has used them yet.
    unsafe {
        let data = &raw mut __data_start;
        let len = (&raw const __data_end).addr() - data.addr();
        data.copy_from_nonoverlapping(&raw const __data_load, len);
        let bss = &raw mut __bss_start;
        bss.write_bytes(0, (&raw const __bss_end).addr() - bss.addr());
    }
    main();
    exit(0)
}

/// Prints a line.
#[macro_export]
macro_rules! println {
    ($($argument:tt)*) => {{
        use core::fmt::Write as _;
        // Printing does not fail.
        let _ = writeln!($crate::Host, $($argument)*);
    }};
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    println!("{info}");
    exit(1)
}
