//! Level Zero's errors.
//!
//! The numbers are those of `ze_result_t`. A lost device stays lost until it is reset, which is
//! not for a process to do.

use super::super::DriverKind;
use super::super::table::Refusal;
use crate::GpuError;

/// An event has not happened yet.
pub(super) const NOT_READY: i32 = 1;
const DEVICE_LOST: i32 = 0x7000_0001;
const OUT_OF_HOST_MEMORY: i32 = 0x7000_0002;
const OUT_OF_DEVICE_MEMORY: i32 = 0x7000_0003;
const REQUIRES_RESET: i32 = 0x7000_0006;
/// No driver is there; or, when the process ends, none any more.
pub(super) const UNINITIALIZED: i32 = 0x7800_0001;
const UNSUPPORTED_VERSION: i32 = 0x7800_0002;
const UNSUPPORTED_FEATURE: i32 = 0x7800_0003;
/// An argument is none.
pub(super) const INVALID_ARGUMENT: i32 = 0x7800_0004;
pub(super) const INVALID_NULL_HANDLE: i32 = 0x7800_0005;
/// A block is larger than the device can have.
const UNSUPPORTED_SIZE: i32 = 0x7800_0009;
pub(super) const INVALID_NATIVE_BINARY: i32 = 0x7800_000f;
pub(super) const INVALID_KERNEL_NAME: i32 = 0x7800_0011;

/// The oldest version that does: 1.0. The upper half is the major version.
pub(super) const NEEDED: u32 = 0x1_0000;

/// What a refusal means on a device.
pub(super) fn error(refusal: Refusal, device: u32) -> GpuError {
    let driver = DriverKind::LevelZero;
    let (function, code) = match refusal {
        Refusal::Missing { function } => return GpuError::Unsupported { device, what: function },
        Refusal::Said { function, code } => (function, code),
    };
    match code {
        OUT_OF_HOST_MEMORY | OUT_OF_DEVICE_MEMORY => {
            GpuError::OutOfMemory { asked: 0, free: 0, total: 0, held: 0 }
        }
        DEVICE_LOST | REQUIRES_RESET => GpuError::ContextLost { device, code },
        UNINITIALIZED => GpuError::NoDevice { driver },
        UNSUPPORTED_VERSION => GpuError::DriverTooOld { driver, found: 0, needed: NEEDED },
        UNSUPPORTED_FEATURE => GpuError::Unsupported { device, what: function },
        _ => GpuError::Driver { function, code },
    }
}

/// Whether a refusal to allocate is for want of memory.
pub(super) fn is_want(refusal: Refusal) -> bool {
    let wants = [OUT_OF_HOST_MEMORY, OUT_OF_DEVICE_MEMORY, UNSUPPORTED_SIZE];
    refusal.code().is_some_and(|code| wants.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: i32) -> Refusal {
        Refusal::Said { function: "zeMemAllocDevice", code }
    }

    fn said(code: i32) -> GpuError {
        error(refusal(code), 3)
    }

    #[test]
    fn what_a_caller_can_act_on_has_an_error_of_its_own() {
        let driver = DriverKind::LevelZero;
        for code in [0x7000_0002, 0x7000_0003] {
            assert_eq!(said(code), GpuError::OutOfMemory { asked: 0, free: 0, total: 0, held: 0 });
            assert!(is_want(refusal(code)));
        }
        for code in [0x7000_0001, 0x7000_0006] {
            assert_eq!(said(code), GpuError::ContextLost { device: 3, code });
        }
        assert_eq!(said(0x7800_0001), GpuError::NoDevice { driver });
        let old = GpuError::DriverTooOld { driver, found: 0, needed: 0x1_0000 };
        assert_eq!(said(0x7800_0002), old);
        let what = "zeMemAllocDevice";
        assert_eq!(said(0x7800_0003), GpuError::Unsupported { device: 3, what });
    }

    #[test]
    fn all_else_is_said_as_it_is() {
        for code in [1, 0x7000_0004, 0x7001_0000, 0x7800_0004, 0x7800_001a, 0x7fff_fffe, -1] {
            let function = "zeMemAllocDevice";
            assert_eq!(said(code), GpuError::Driver { function, code });
            assert!(!is_want(refusal(code)));
        }
    }

    #[test]
    fn a_block_that_is_too_large_is_a_want_of_memory() {
        assert!(is_want(refusal(0x7800_0009)));
    }
}
