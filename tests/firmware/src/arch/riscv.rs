//! RISC-V in machine mode: its trap vector, `mstatus.MIE`, and the CLINT for a timer.

use core::arch::{asm, global_asm};

const MTIMECMP: *mut u32 = 0x0200_4000 as *mut u32;
const MTIME: *const u32 = 0x0200_BFF8 as *const u32;

const TIMER_INTERRUPT: usize = 1 << 7;
const INTERRUPTS: usize = 1 << 3;

global_asm!(
    ".section .start, \"ax\"",
    ".option norelax",
    ".global _start",
    "_start:",
    "la sp, __stack_top",
    "la t0, trap",
    "csrw mtvec, t0",
    "j begin",
    "",
    ".section .text.trap, \"ax\"",
    ".balign 4",
    "trap:",
    "addi sp, sp, -64",
    "sw ra, 0(sp)",
    "sw t0, 4(sp)",
    "sw t1, 8(sp)",
    "sw t2, 12(sp)",
    "sw t3, 16(sp)",
    "sw t4, 20(sp)",
    "sw t5, 24(sp)",
    "sw t6, 28(sp)",
    "sw a0, 32(sp)",
    "sw a1, 36(sp)",
    "sw a2, 40(sp)",
    "sw a3, 44(sp)",
    "sw a4, 48(sp)",
    "sw a5, 52(sp)",
    "sw a6, 56(sp)",
    "sw a7, 60(sp)",
    // Interrupts have the highest bit set.
    "csrr a0, mcause",
    "bltz a0, 1f",
    "call fault",
    "1: call on_timer",
    "lw ra, 0(sp)",
    "lw t0, 4(sp)",
    "lw t1, 8(sp)",
    "lw t2, 12(sp)",
    "lw t3, 16(sp)",
    "lw t4, 20(sp)",
    "lw t5, 24(sp)",
    "lw t6, 28(sp)",
    "lw a0, 32(sp)",
    "lw a1, 36(sp)",
    "lw a2, 40(sp)",
    "lw a3, 44(sp)",
    "lw a4, 48(sp)",
    "lw a5, 52(sp)",
    "lw a6, 56(sp)",
    "lw a7, 60(sp)",
    "addi sp, sp, 64",
    "mret",
);

/// Asks the machine that runs this for something.
///
/// # Safety
///
/// As semihosting asks of the operation.
pub unsafe fn host_call(operation: usize, argument: *const usize) {
    // SAFETY: passed on from the caller; the result comes back in `a0`. The three
    // instructions are the sequence by which the host knows it.
    unsafe {
        asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli x0, x0, 0x1f",
            "ebreak",
            "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => _,
            in("a1") argument,
        );
    }
}

/// Holds off interrupts; whether they were let through.
pub fn mask() -> bool {
    let status: usize;
    // SAFETY: a bit of `mstatus` touches no memory of the program.
    unsafe { asm!("csrrci {}, mstatus, 8", out(reg) status, options(nostack)) };
    status & INTERRUPTS != 0
}

/// Lets interrupts through.
///
/// # Safety
///
/// Nobody who relies on `mask` is at work.
pub unsafe fn unmask() {
    // SAFETY: passed on from the caller.
    unsafe { asm!("csrsi mstatus, 8", options(nostack)) };
}

/// One interrupt, once this many clocks have passed.
pub fn interrupt_after(clocks: u32) {
    set_alarm(now() + u64::from(clocks));
    // SAFETY: the handler stands in `mtvec` since the start.
    unsafe { asm!("csrs mie, {}", in(reg) TIMER_INTERRUPT, options(nostack)) };
}

/// Takes notice of the interrupt.
pub(super) fn acknowledge() {
    set_alarm(u64::MAX);
}

fn now() -> u64 {
    loop {
        // SAFETY: registers of the timer, which may always be read.
        let (high, low, again) = unsafe {
            (MTIME.add(1).read_volatile(), MTIME.read_volatile(), MTIME.add(1).read_volatile())
        };
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

fn set_alarm(time: u64) {
    // SAFETY: the timer's register, which only this file uses; never is an alarm in between.
    unsafe {
        MTIMECMP.add(1).write_volatile(u32::MAX);
        MTIMECMP.write_volatile(time as u32);
        MTIMECMP.add(1).write_volatile((time >> 32) as u32);
    }
}
