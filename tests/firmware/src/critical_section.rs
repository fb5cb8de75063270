//! Critical sections of one processor: interrupts wait.

use critical_section::{Impl, RawRestoreState};

use crate::arch;

struct InterruptsOff;
critical_section::set_impl!(InterruptsOff);

// SAFETY: there is one processor, and nothing but interrupts comes in between.
unsafe impl Impl for InterruptsOff {
    unsafe fn acquire() -> RawRestoreState {
        arch::mask()
    }

    unsafe fn release(were_on: RawRestoreState) {
        if were_on {
            // SAFETY: this is the end of the outermost section.
            unsafe { arch::unmask() };
        }
    }
}
