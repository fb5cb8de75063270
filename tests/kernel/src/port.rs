//! The processor's input and output ports, and the few devices behind them.

use core::arch::asm;
use core::fmt;

/// Writes a byte to a port.
///
/// # Safety
///
/// The device behind the port does with it what the caller wants.
pub unsafe fn write(port: u16, byte: u8) {
    // SAFETY: touches no memory of the program; the rest is the caller's.
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nomem, nostack)) };
}

/// Reads a byte from a port.
///
/// # Safety
///
/// As for [`write`].
pub unsafe fn read(port: u16) -> u8 {
    let byte;
    // SAFETY: touches no memory of the program; the rest is the caller's.
    unsafe { asm!("in al, dx", in("dx") port, out("al") byte, options(nomem, nostack)) };
    byte
}

/// The first serial port. Not locked: the boot processor and a panic write to it.
#[derive(Debug)]
pub struct Serial;

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const DATA: u16 = 0x3f8;
        const STATUS: u16 = DATA + 5;
        const READY: u8 = 0x20;
        for byte in text.bytes() {
            // SAFETY: the serial port only sends what it is given.
            unsafe {
                while read(STATUS) & READY == 0 {}
                write(DATA, byte);
            }
        }
        Ok(())
    }
}

/// Writes a line to the serial port.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {{
        use core::fmt::Write;
        let _ = writeln!($crate::port::Serial, $($argument)*);
    }};
}

/// How the machine ends: QEMU's own status is `2 * code + 1`.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub enum End {
    /// Status 33.
    Passed = 0x10,
    /// Status 35.
    Failed = 0x11,
}

/// Ends the machine, by QEMU's `isa-debug-exit`.
pub fn exit(end: End) -> ! {
    loop {
        // SAFETY: nobody uses the machine any more.
        unsafe { write(0xf4, end as u8) };
    }
}

/// How many processors the machine has, by QEMU's `fw_cfg`.
pub fn processors() -> usize {
    const SELECTOR: u16 = 0x510;
    const PROCESSORS: u16 = 5;
    // SAFETY: this device tells what it is asked for.
    let bytes = unsafe {
        asm!("out dx, ax", in("dx") SELECTOR, in("ax") PROCESSORS, options(nomem, nostack));
        [read(SELECTOR + 1), read(SELECTOR + 1)]
    };
    u16::from_le_bytes(bytes).into()
}

/// Waits for `milliseconds`, by channel 2 of the interval timer; 50 at most.
pub fn wait(milliseconds: u16) {
    const GATE: u16 = 0x61;
    const CHANNEL: u16 = 0x42;
    const MODE: u16 = 0x43;
    const TICKS: u16 = 1193;
    let [low, high] = milliseconds.min(50).wrapping_mul(TICKS).to_le_bytes();
    // SAFETY: nobody else uses this channel, nor the loudspeaker behind it.
    unsafe {
        write(GATE, read(GATE) & !0b11);
        // Count down once, both bytes.
        write(MODE, 0b1011_0000);
        write(CHANNEL, low);
        write(CHANNEL, high);
        write(GATE, read(GATE) & !0b10 | 0b01);
        while read(GATE) & 1 << 5 == 0 {}
    }
}

/// Silences the old interrupt controllers: the processors' own are used.
pub fn mask_legacy_interrupts() {
    // SAFETY: nobody waits for an interrupt of theirs.
    unsafe {
        write(0x21, 0xff);
        write(0xa1, 0xff);
    }
}
