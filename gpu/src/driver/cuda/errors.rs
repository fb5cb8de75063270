//! What CUDA's numbers mean.

use crate::GpuError;
use crate::driver::DriverKind;
use crate::driver::table::Refusal;

pub(super) const INVALID_VALUE: i32 = 1;
pub(super) const OUT_OF_MEMORY: i32 = 2;
pub(super) const INVALID_CONTEXT: i32 = 201;
pub(super) const NOT_FOUND: i32 = 500;
pub(super) const NOT_READY: i32 = 600;
const DEINITIALIZED: i32 = 4;
const NO_DEVICE: i32 = 100;
const NOT_SUPPORTED: i32 = 801;

/// What a call on a device failed with; not for want of memory, which
/// [`Current`](super::context::Current) knows more of.
pub(super) fn on_device(device: u32, refusal: Refusal) -> GpuError {
    match refusal {
        Refusal::Missing { function: symbol } => {
            GpuError::SymbolMissing { driver: DriverKind::Cuda, symbol }
        }
        Refusal::Said { code, .. } if is_lost(code) => GpuError::ContextLost { device, code },
        Refusal::Said { function: what, code: NOT_SUPPORTED } => {
            GpuError::Unsupported { device, what }
        }
        Refusal::Said { function, code } => GpuError::Driver { function, code },
    }
}

/// What a call of no device failed with, while the driver is started.
pub(super) fn at_start(refusal: Refusal) -> GpuError {
    let driver = DriverKind::Cuda;
    match refusal {
        Refusal::Missing { function: symbol } => GpuError::SymbolMissing { driver, symbol },
        Refusal::Said { code: NO_DEVICE, .. } => GpuError::NoDevice { driver },
        Refusal::Said { function, code } => match obstacle(code) {
            Some(why) => GpuError::Unusable { driver, code, why },
            None => GpuError::Driver { function, code },
        },
    }
}

/// Whether the context has no future: every call fails the same way from then on, and the
/// device runs nothing of it any more.
fn is_lost(code: i32) -> bool {
    // What kernels did (illegal addresses and instructions, asserts, time-outs), what the
    // memory did (uncorrectable errors), who destroyed the context, or the whole driver at exit.
    matches!(
        code,
        DEINITIALIZED | INVALID_CONTEXT | 214 | 220 | 226 | 700 | 702 | 709 | 710 | 714..=719 | 721
    )
}

fn obstacle(code: i32) -> Option<&'static str> {
    Some(match code {
        3 | DEINITIALIZED => "the process is ending",
        34 => {
            "what was found is the stub of the CUDA toolkit: put the folder of the driver's \
             libcuda.so first into LD_LIBRARY_PATH"
        }
        46 => "the device is busy, or in a mode for another process alone",
        101 => "a device is not set up: look at nvidia-smi, and at CUDA_VISIBLE_DEVICES",
        802 => "the system is not ready: start the fabric manager of the machine",
        803 => {
            "the library and the kernel's module are of different versions: install both of one, \
             and restart the machine"
        }
        804 => "the compatibility library does not know the device: use the driver's own",
        805..=810 => "the MPS server does not take this process: look at its log",
        999 => {
            "unknown: look whether the kernel's modules are loaded, and whether this user may \
             open /dev/nvidia*"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32) -> Refusal {
        Refusal::Said { function: "cuInit", code }
    }

    #[test]
    fn what_does_not_start_says_why() {
        assert_eq!(at_start(said(100)), GpuError::NoDevice { driver: DriverKind::Cuda });
        for code in [34, 803, 804, 999] {
            let error = at_start(said(code));
            assert!(matches!(error, GpuError::Unusable { code: it, .. } if it == code), "{error}");
        }
        let unheard = GpuError::Driver { function: "cuInit", code: 12345 };
        assert_eq!(at_start(said(12345)), unheard);
    }

    #[test]
    fn a_context_is_lost_for_good_or_not_at_all() {
        for code in [4, 201, 700, 709, 715, 719] {
            assert_eq!(on_device(3, said(code)), GpuError::ContextLost { device: 3, code });
        }
        for code in [1, 200, 600, 701, 712, 713, 720, 912] {
            assert_eq!(on_device(3, said(code)), GpuError::Driver { function: "cuInit", code });
        }
    }
}
