//! The processor's own interrupt controller: a timer, and messages to other processors.

use crate::interrupt::{self, SPURIOUS, TIMER, WAKE};
use crate::port;

const REGISTERS: usize = 0xfee0_0000;

const END_OF_INTERRUPT: usize = 0xb0;
const SPURIOUS_VECTOR: usize = 0xf0;
const COMMAND: usize = 0x300;
const RECEIVER: usize = 0x310;
const TIMER_VECTOR: usize = 0x320;
const TIMER_START: usize = 0x380;
const TIMER_DIVIDER: usize = 0x3e0;

const ENABLED: u32 = 1 << 8;
const BY_ONE: u32 = 0b1011;
const MASKED: u32 = 1 << 16;
const PENDING: u32 = 1 << 12;
const INIT: u32 = 0x4500;
const STARTUP: u32 = 0x4600;
const TO_OTHERS: u32 = 0xc_4000;

fn register(offset: usize) -> *mut u32 {
    core::ptr::with_exposed_provenance_mut(REGISTERS + offset)
}

fn write(offset: usize, value: u32) {
    // SAFETY: a register of the calling processor's controller; it is mapped.
    unsafe { register(offset).write_volatile(value) };
}

fn read(offset: usize) -> u32 {
    // SAFETY: as in `write`.
    unsafe { register(offset).read_volatile() }
}

/// Turns the calling processor's controller on.
pub fn set_up() {
    write(SPURIOUS_VECTOR, ENABLED | u32::from(SPURIOUS));
}

/// Says that the interrupt is dealt with.
pub extern "C" fn end_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// Has the timer interrupt the calling processor while `call` runs, each time `ticks` ticks
/// after the last interrupt was dealt with: however slow the handler is, `call` gets on.
pub fn interrupted<R>(ticks: u32, call: impl FnOnce() -> R) -> R {
    write(TIMER_DIVIDER, BY_ONE);
    write(TIMER_VECTOR, u32::from(TIMER));
    write(TIMER_START, ticks);
    let result = interrupt::enabled(call);
    write(TIMER_VECTOR, MASKED);
    write(TIMER_START, 0);
    result
}

/// Starts the timer anew, unless it was stopped: it runs down once.
pub fn restart_timer() {
    write(TIMER_START, read(TIMER_START));
}

fn command(receiver: u32, what: u32) {
    write(RECEIVER, receiver << 24);
    write(COMMAND, what);
    while read(COMMAND) & PENDING != 0 {
        core::hint::spin_loop();
    }
}

/// Starts processor `number` at the page `address`, by INIT and two SIPI.
pub fn start(number: usize, address: usize) {
    let startup = STARTUP | (address >> 12) as u32;
    command(number as u32, INIT);
    port::wait(10);
    command(number as u32, startup);
    port::wait(1);
    command(number as u32, startup);
}

/// Interrupts all other processors.
pub fn wake_others() {
    command(0, TO_OTHERS | u32::from(WAKE));
}
