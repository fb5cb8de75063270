//! Registered backends by their kind, as managers make them.

use anymem::backend::BackendKind;
use anymem::{HeapError, Size};

use super::Registered;
use crate::Device;
use crate::driver::DriverKind;

/// The names of drivers, as the features of this crate have them.
const DRIVERS: [(&str, DriverKind); 4] = [
    ("cuda", DriverKind::Cuda),
    ("hip", DriverKind::Hip),
    ("level-zero", DriverKind::LevelZero),
    ("sim", DriverKind::Sim),
];

/// `url` is the driver, the numbers of its devices, and the backend's own: `cuda:0,1/name`.
impl<B: BackendKind> BackendKind for Registered<B> {
    fn create(size: Size, url: &str) -> Result<Self, HeapError> {
        let (devices, rest) = devices_of(url)?;
        registered(B::create(size, rest)?, &devices, url)
    }

    fn attach(url: &str) -> Result<Self, HeapError> {
        let (devices, rest) = devices_of(url)?;
        registered(B::attach(rest)?, &devices, url)
    }

    fn publish(&self) -> Result<(), HeapError> {
        self.backend().publish()
    }

    fn unlink(&self) -> Result<(), HeapError> {
        self.backend().unlink()
    }
}

fn registered<B: BackendKind>(
    backend: B,
    devices: &[Device],
    url: &str,
) -> Result<Registered<B>, HeapError> {
    Registered::new(backend, devices).map_err(|why| refused(url, why))
}

/// The devices that `url` names, and what is behind them.
fn devices_of(url: &str) -> Result<(Vec<Device>, &str), HeapError> {
    let form = || refused(url, "write it as `cuda:0,1/name`");
    let (devices, rest) = url.split_once('/').ok_or_else(form)?;
    let (driver, numbers) = devices.split_once(':').ok_or_else(form)?;
    let (_, kind) = DRIVERS.iter().find(|(name, _)| *name == driver).ok_or_else(form)?;
    let open = |number: &str| {
        let number = number.parse().map_err(|_| form())?;
        Device::open(*kind, number).map_err(|why| refused(url, why))
    };
    Ok((numbers.split(',').map(open).collect::<Result<_, _>>()?, rest))
}

fn refused(url: &str, why: impl ToString) -> HeapError {
    HeapError::Device { name: url.into(), why: why.to_string() }
}
