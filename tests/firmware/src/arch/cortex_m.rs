//! Cortex-M: its table of vectors, PRIMASK, and SysTick for a timer.

use core::arch::{asm, global_asm};

const SYST_CSR: *mut u32 = 0xE000_E010 as *mut u32;
const SYST_RVR: *mut u32 = 0xE000_E014 as *mut u32;
const SYST_CVR: *mut u32 = 0xE000_E018 as *mut u32;

// The processor loads the stack pointer itself, and saves what functions may change.
global_asm!(
    ".section .start, \"a\"",
    ".global _start",
    "_start:",
    ".word __stack_top",
    ".word begin",
    ".rept 13",
    ".word fault",
    ".endr",
    ".word on_timer",
);

/// Asks the machine that runs this for something.
///
/// # Safety
///
/// As semihosting asks of the operation.
pub unsafe fn host_call(operation: usize, argument: *const usize) {
    // SAFETY: passed on from the caller; the result comes back in `r0`.
    unsafe { asm!("bkpt 0xab", inout("r0") operation => _, in("r1") argument) };
}

/// Holds off interrupts; whether they were let through.
pub fn mask() -> bool {
    let primask: u32;
    // SAFETY: reading and setting PRIMASK touches no memory of the program.
    unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) primask, options(nostack)) };
    primask & 1 == 0
}

/// Lets interrupts through.
///
/// # Safety
///
/// Nobody who relies on `mask` is at work.
pub unsafe fn unmask() {
    // SAFETY: passed on from the caller.
    unsafe { asm!("cpsie i", options(nostack)) };
}

/// One interrupt, once this many clocks have passed.
pub fn interrupt_after(clocks: u32) {
    // SAFETY: the timer's registers, which only this file uses.
    unsafe {
        SYST_RVR.write_volatile(clocks);
        SYST_CVR.write_volatile(0);
        SYST_CSR.write_volatile(0b111);
    }
}

/// Takes notice of the interrupt.
pub(super) fn acknowledge() {
    // SAFETY: as above; it would count from the start again.
    unsafe { SYST_CSR.write_volatile(0) };
}
