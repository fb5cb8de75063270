//! The device that all is measured on.

use core::fmt;
use std::sync::Arc;

use anymem_gpu::{
    Device,
    driver::{DriverKind, SimDriver},
};
use anymem_gpu_sim::Options;
use cudarc::driver::CudaContext;

use super::software;

/// Which devices are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first one that there is, or the one in software.
    Any,
    /// The one in software.
    Sim,
}

/// Bytes of the device in software: none of them is touched but by copies.
pub(super) const MEMORY: usize = 64 << 30;

/// What that is called.
const SOFTWARE: &str = "sim";

/// A device, and what it is called in the last line.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) device: Device,
    name: Arc<str>,
}

impl Target {
    /// The device that is asked for.
    pub(super) fn find(kind: Kind) -> Result<Self, String> {
        if software::is_here() {
            let device = Device::open(DriverKind::Cuda, 0).map_err(said)?;
            return Ok(Self { device, name: SOFTWARE.into() });
        }
        if let Some(device) = Self::real().filter(|_| kind == Kind::Any) {
            let name = device.attributes().map_err(said)?.name.replace(' ', "-");
            return Ok(Self { device, name: name.into() });
        }
        let driver = SimDriver::new(Options { memory: MEMORY, ..Options::default() });
        let device = Device::with_driver(driver.map_err(said)?, 0).map_err(said)?;
        Ok(Self { device, name: SOFTWARE.into() })
    }

    /// Whether it is the one in software.
    pub(super) fn is_software(&self) -> bool {
        &*self.name == SOFTWARE
    }

    /// The first device that a driver has.
    pub(super) fn real() -> Option<Device> {
        let drivers = [DriverKind::Cuda, DriverKind::Hip, DriverKind::LevelZero];
        drivers.into_iter().find_map(|kind| Device::open(kind, 0).ok())
    }

    /// The context of the device, for those who know of no driver but CUDA's.
    pub(super) fn context(&self) -> Result<Arc<CudaContext>, String> {
        let kind = self.device.kind();
        if kind != DriverKind::Cuda {
            // cudarc would panic for want of a library, or find another device.
            return Err(format!("the device is not CUDA's, but that of {kind}"));
        }
        let number = self.device.number() as usize;
        CudaContext::new(number).map_err(|error| format!("cudarc: {error:?}"))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

pub(super) fn said(error: impl ToString) -> String {
    error.to_string()
}
