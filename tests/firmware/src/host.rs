//! The machine that runs this, by semihosting: it prints, and takes the exit status.

use core::fmt;

use crate::arch::host_call;

const SYS_WRITEC: usize = 0x03;
const SYS_EXIT_EXTENDED: usize = 0x20;
const APPLICATION_EXIT: usize = 0x20026;

/// Prints what is written to it.
#[derive(Debug, Clone, Copy)]
pub struct Host;

impl fmt::Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: it asks for the address of a byte.
            unsafe { host_call(SYS_WRITEC, (&raw const byte).cast()) };
        }
        Ok(())
    }
}

/// Ends the program, with an exit status.
pub fn exit(status: u8) -> ! {
    let block = [APPLICATION_EXIT, usize::from(status)];
    loop {
        // SAFETY: it asks for the address of two words.
        unsafe { host_call(SYS_EXIT_EXTENDED, block.as_ptr()) };
    }
}
