//! How CUDA is loaded.

use std::ffi::c_int;
use std::sync::Arc;

use cudarc::driver::sys;

use super::api::Api;
use super::context::Cuda;
use super::errors::at_start;
use crate::GpuError;
use crate::driver::{Driver, DriverKind};

/// The oldest driver that does: 11.0, which knows the PTX and the handles that we use.
const OLDEST: u32 = 11_000;

/// Loads the library that cudarc finds, looks all functions up, and starts the driver.
pub(in crate::driver) fn load() -> Result<Arc<dyn Driver>, GpuError> {
    let (driver, library) = (DriverKind::Cuda, "libcuda.so or libcuda.so.1");
    // SAFETY: what the library does when it is loaded is to set up its own state.
    if !unsafe { sys::is_culib_present() } {
        return Err(GpuError::NoDriver { driver, library });
    }
    // SAFETY: as above; it is there, so this does not panic.
    let api = Api::load(unsafe { sys::culib() })?;
    api.init(0).map_err(at_start)?;
    let version = version(&api)?;
    if version < OLDEST {
        return Err(GpuError::DriverTooOld { driver, found: version, needed: OLDEST });
    }
    let devices = devices(&api)?;
    Ok(Arc::new(Cuda::new(api, version, devices)))
}

fn version(api: &Api) -> Result<u32, GpuError> {
    let mut version: c_int = 0;
    api.version(&mut version).map_err(at_start)?;
    Ok(u32::try_from(version).unwrap_or(0))
}

fn devices(api: &Api) -> Result<Vec<c_int>, GpuError> {
    let mut count = 0;
    api.device_count(&mut count).map_err(at_start)?;
    (0..count).map(|number| device(api, number)).collect()
}

fn device(api: &Api, number: c_int) -> Result<c_int, GpuError> {
    let mut device = 0;
    api.device_get(&mut device, number).map_err(at_start)?;
    Ok(device)
}
