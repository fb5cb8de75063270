//! What differs between processors: the first instructions, interrupts, a timer, and how
//! to reach the machine that runs this.

#[cfg(target_arch = "aarch64")]
#[path = "aarch64.rs"]
mod processor;
#[cfg(target_arch = "arm")]
#[path = "cortex_m.rs"]
mod processor;
#[cfg(target_arch = "riscv32")]
#[path = "riscv.rs"]
mod processor;

pub use processor::{host_call, interrupt_after, mask, unmask};

unsafe extern "Rust" {
    /// What the program does at each interrupt of the timer.
    safe fn tick();
}

/// Where the vectors lead to for the timer, with interrupts off.
#[unsafe(no_mangle)]
extern "C" fn on_timer() {
    processor::acknowledge();
    tick();
}

/// Where all other vectors lead to.
#[unsafe(no_mangle)]
extern "C" fn fault() -> ! {
    panic!("a fault of the processor");
}
