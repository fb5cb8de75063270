//! Drivers by their kind: loaded when first asked for, and then for the life of the process.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Driver, DriverKind};
use crate::GpuError;

type Loader = fn() -> Result<Arc<dyn Driver>, GpuError>;

/// What this program was built with, in the order in which devices are counted.
const LOADERS: &[(DriverKind, Loader)] = &[
    #[cfg(feature = "cuda")]
    (DriverKind::Cuda, super::cuda::load),
    #[cfg(feature = "hip")]
    (DriverKind::Hip, || Ok(Arc::new(super::hip::HipDriver::load()?))),
    #[cfg(feature = "level-zero")]
    (DriverKind::LevelZero, || Ok(Arc::new(super::level_zero::LevelZeroDriver::load()?))),
    #[cfg(feature = "sim")]
    (DriverKind::Sim, super::sim::load),
];

static LOADED: [OnceLock<Arc<dyn Driver>>; LOADERS.len()] =
    [const { OnceLock::new() }; LOADERS.len()];

/// The driver of that kind, which is loaded once.
///
/// What failed is tried again the next time, for a driver may be installed while the program
/// runs. A process must not fork while one of its threads is in here.
///
/// # Errors
///
/// - [`NotBuilt`](GpuError::NotBuilt), [`NoDriver`](GpuError::NoDriver),
///   [`Unusable`](GpuError::Unusable), [`DriverTooOld`](GpuError::DriverTooOld),
///   [`SymbolMissing`](GpuError::SymbolMissing), [`NoDevice`](GpuError::NoDevice).
/// - [`Forked`](GpuError::Forked) in a child of a process that has loaded that driver.
///
/// # Examples
///
/// ```
/// use anymem_gpu::GpuError;
/// use anymem_gpu::driver::{self, DriverKind};
///
/// match driver::load(DriverKind::Cuda) {
///     Ok(driver) => println!("{} devices", driver.devices()?),
///     Err(GpuError::NoDriver { library, .. }) => println!("{library} is not here"),
///     Err(error) => println!("{error}"),
/// }
/// # Ok::<(), GpuError>(())
/// ```
pub fn load(kind: DriverKind) -> Result<Arc<dyn Driver>, GpuError> {
    static LOADING: Mutex<()> = Mutex::new(());
    let ((_, loader), loaded) = LOADERS
        .iter()
        .zip(&LOADED)
        .find(|((built, _), _)| *built == kind)
        .ok_or(GpuError::NotBuilt { driver: kind, feature: feature(kind) })?;
    if let Some(driver) = loaded.get() {
        return at_home(driver);
    }
    let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = loaded.get() {
        return at_home(driver);
    }
    let driver = loader()?;
    Ok(Arc::clone(loaded.get_or_init(|| driver)))
}

/// The driver, if this is the process that loaded it, as all drivers know.
fn at_home(driver: &Arc<dyn Driver>) -> Result<Arc<dyn Driver>, GpuError> {
    driver.version()?;
    Ok(Arc::clone(driver))
}

/// The kinds of drivers that this program can load.
pub fn built() -> impl Iterator<Item = DriverKind> {
    LOADERS.iter().map(|(kind, _)| *kind)
}

fn feature(kind: DriverKind) -> &'static str {
    match kind {
        DriverKind::Cuda => "cuda",
        DriverKind::Hip => "hip",
        DriverKind::LevelZero => "level-zero",
        DriverKind::Sim => "sim",
    }
}
