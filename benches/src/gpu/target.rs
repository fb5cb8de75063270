//! The device that all is measured on.

use core::fmt;
use std::sync::Arc;

use anymem_gpu::{
    Device,
    driver::{self, DriverKind, SimDriver},
};
use anymem_gpu_sim::Options;

/// Which devices are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first one that there is, or the one in software.
    Any,
    /// The one in software.
    Sim,
}

/// Bytes of the device in software: none of them is touched but by copies.
const MEMORY: usize = 64 << 30;

/// A device, and what it is called in the last line.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) device: Device,
    name: Arc<str>,
}

impl Target {
    /// The device that is asked for.
    pub(super) fn find(kind: Kind) -> Result<Self, String> {
        let real = [DriverKind::Cuda, DriverKind::Hip, DriverKind::LevelZero];
        let found = real.into_iter().filter(|_| kind == Kind::Any);
        if let Some(device) = found.filter_map(|kind| Device::open(kind, 0).ok()).next() {
            let name = device.attributes().map_err(said)?.name.replace(' ', "-");
            return Ok(Self { device, name: name.into() });
        }
        let driver = SimDriver::new(Options { memory: MEMORY, ..Options::default() });
        let device = Device::with_driver(driver.map_err(said)?, 0).map_err(said)?;
        Ok(Self { device, name: "sim".into() })
    }

    /// Whether cudarc finds a driver that it does not panic for want of.
    pub(super) fn has_cuda() -> Result<(), String> {
        driver::load(DriverKind::Cuda).map(drop).map_err(said)
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
