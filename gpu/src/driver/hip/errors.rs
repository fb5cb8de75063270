//! HIP's errors.
//!
//! The numbers are those of `hipError_t`, alike from ROCm 5.2 to 7. Like CUDA's, some of them
//! mean that the context is lost: what the device did before has failed, and all calls after
//! it do.

use super::super::DriverKind;
use super::super::table::Refusal;
use crate::GpuError;

/// An argument is none.
pub(super) const INVALID_VALUE: i32 = 1;
const OUT_OF_MEMORY: i32 = 2;
/// The process ends, and the driver has gone already.
pub(super) const DEINITIALIZED: i32 = 4;
pub(super) const INVALID_DEVICE_POINTER: i32 = 17;
const INSUFFICIENT_DRIVER: i32 = 35;
pub(super) const NO_DEVICE: i32 = 100;
/// Version 5.2 says so if there is no device at all.
pub(super) const INVALID_DEVICE: i32 = 101;
/// The code is none for this device.
pub(super) const INVALID_IMAGE: i32 = 200;
const ECC_NOT_CORRECTABLE: i32 = 214;
pub(super) const NOT_FOUND: i32 = 500;
/// An event has not happened yet.
pub(super) const NOT_READY: i32 = 600;
const ILLEGAL_ADDRESS: i32 = 700;
const LAUNCH_TIMEOUT: i32 = 702;
const CONTEXT_IS_DESTROYED: i32 = 709;
const ASSERT: i32 = 710;
const LAUNCH_FAILURE: i32 = 719;
const NOT_SUPPORTED: i32 = 801;

/// The oldest version that has the numbers that are used here: 5.2.
pub(super) const NEEDED: u32 = 50_200_000;

/// What a refusal means on a device.
pub(super) fn error(refusal: Refusal, device: u32) -> GpuError {
    let driver = DriverKind::Hip;
    let (function, code) = match refusal {
        Refusal::Missing { function } => return GpuError::Unsupported { device, what: function },
        Refusal::Said { function, code } => (function, code),
    };
    match code {
        OUT_OF_MEMORY => GpuError::OutOfMemory { asked: 0, free: 0, total: 0, held: 0 },
        INSUFFICIENT_DRIVER => GpuError::DriverTooOld { driver, found: 0, needed: NEEDED },
        NO_DEVICE => GpuError::NoDevice { driver },
        NOT_SUPPORTED => GpuError::Unsupported { device, what: function },
        ECC_NOT_CORRECTABLE | ILLEGAL_ADDRESS | LAUNCH_TIMEOUT | CONTEXT_IS_DESTROYED | ASSERT
        | LAUNCH_FAILURE => GpuError::ContextLost { device, code },
        _ => GpuError::Driver { function, code },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32) -> GpuError {
        error(Refusal::Said { function: "hipMalloc", code }, 3)
    }

    #[test]
    fn what_a_caller_can_act_on_has_an_error_of_its_own() {
        let driver = DriverKind::Hip;
        assert_eq!(said(2), GpuError::OutOfMemory { asked: 0, free: 0, total: 0, held: 0 });
        assert_eq!(said(35), GpuError::DriverTooOld { driver, found: 0, needed: 50_200_000 });
        assert_eq!(said(100), GpuError::NoDevice { driver });
        assert_eq!(said(801), GpuError::Unsupported { device: 3, what: "hipMalloc" });
        for code in [214, 700, 702, 709, 710, 719] {
            assert_eq!(said(code), GpuError::ContextLost { device: 3, code });
        }
    }

    #[test]
    fn all_else_is_said_as_it_is() {
        for code in [1, 3, 17, 101, 200, 301, 400, 705, 712, 999, -1, i32::MAX] {
            assert_eq!(said(code), GpuError::Driver { function: "hipMalloc", code });
        }
    }

    #[test]
    fn a_function_that_is_missing_is_what_the_device_does_not_have() {
        let missing = error(Refusal::Missing { function: "hipMemMap" }, 1);
        assert_eq!(missing, GpuError::Unsupported { device: 1, what: "hipMemMap" });
    }
}
