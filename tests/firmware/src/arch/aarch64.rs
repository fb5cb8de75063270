//! AArch64 at EL1: its table of vectors, DAIF, and the generic timer behind a GICv2.

use core::arch::{asm, global_asm};

const GICD_CTLR: *mut u32 = 0x0800_0000 as *mut u32;
const GICD_ISENABLER: *mut u32 = 0x0800_0100 as *mut u32;
const GICC_CTLR: *mut u32 = 0x0801_0000 as *mut u32;
const GICC_PMR: *mut u32 = 0x0801_0004 as *mut u32;
const GICC_IAR: *mut u32 = 0x0801_000C as *mut u32;
const GICC_EOIR: *mut u32 = 0x0801_0010 as *mut u32;

/// The interrupt of the timer of EL1.
const TIMER_INTERRUPT: u32 = 30;
const INTERRUPTS_OFF: u64 = 1 << 7;

global_asm!(
    ".section .start, \"ax\"",
    ".global _start",
    "_start:",
    "ldr x0, =__stack_top",
    "mov sp, x0",
    "ldr x0, =vectors",
    "msr vbar_el1, x0",
    "isb",
    "b begin",
    "",
    ".section .text.vectors, \"ax\"",
    ".balign 2048",
    "vectors:",
    ".rept 5",
    "b fault",
    ".balign 128",
    ".endr",
    // An interrupt at this level, on its own stack.
    "b interrupted",
    ".balign 128",
    ".rept 10",
    "b fault",
    ".balign 128",
    ".endr",
    "interrupted:",
    "sub sp, sp, #160",
    "stp x0, x1, [sp, #0]",
    "stp x2, x3, [sp, #16]",
    "stp x4, x5, [sp, #32]",
    "stp x6, x7, [sp, #48]",
    "stp x8, x9, [sp, #64]",
    "stp x10, x11, [sp, #80]",
    "stp x12, x13, [sp, #96]",
    "stp x14, x15, [sp, #112]",
    "stp x16, x17, [sp, #128]",
    "stp x18, x30, [sp, #144]",
    "bl on_timer",
    "ldp x0, x1, [sp, #0]",
    "ldp x2, x3, [sp, #16]",
    "ldp x4, x5, [sp, #32]",
    "ldp x6, x7, [sp, #48]",
    "ldp x8, x9, [sp, #64]",
    "ldp x10, x11, [sp, #80]",
    "ldp x12, x13, [sp, #96]",
    "ldp x14, x15, [sp, #112]",
    "ldp x16, x17, [sp, #128]",
    "ldp x18, x30, [sp, #144]",
    "add sp, sp, #160",
    "eret",
);

/// Asks the machine that runs this for something.
///
/// # Safety
///
/// As semihosting asks of the operation.
pub unsafe fn host_call(operation: usize, argument: *const usize) {
    // SAFETY: passed on from the caller; the result comes back in `x0`.
    unsafe { asm!("hlt 0xf000", inout("x0") operation => _, in("x1") argument) };
}

/// Holds off interrupts; whether they were let through.
pub fn mask() -> bool {
    let daif: u64;
    // SAFETY: a bit of DAIF touches no memory of the program.
    unsafe { asm!("mrs {}, daif", "msr daifset, #2", out(reg) daif, options(nostack)) };
    daif & INTERRUPTS_OFF == 0
}

/// Lets interrupts through.
///
/// # Safety
///
/// Nobody who relies on `mask` is at work.
pub unsafe fn unmask() {
    // SAFETY: passed on from the caller.
    unsafe { asm!("msr daifclr, #2", options(nostack)) };
}

/// One interrupt, once this many clocks have passed.
pub fn interrupt_after(clocks: u32) {
    // SAFETY: registers of the timer and of the interrupt controller, which only this
    // file uses; the handler stands in `vbar_el1` since the start.
    unsafe {
        GICD_CTLR.write_volatile(1);
        GICD_ISENABLER.write_volatile(1 << TIMER_INTERRUPT);
        GICC_PMR.write_volatile(0xFF);
        GICC_CTLR.write_volatile(1);
        asm!(
            "msr cntp_tval_el0, {}",
            "msr cntp_ctl_el0, {}",
            in(reg) u64::from(clocks),
            in(reg) 1_u64,
            options(nostack)
        );
    }
}

/// Takes notice of the interrupt.
pub(super) fn acknowledge() {
    // SAFETY: as above.
    unsafe {
        asm!("msr cntp_ctl_el0, xzr", options(nostack));
        GICC_EOIR.write_volatile(GICC_IAR.read_volatile());
    }
}
