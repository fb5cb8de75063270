//! Drivers by their kind: loaded when first asked for, and then for the life of the process.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::process::Process;
use super::{Driver, DriverKind};
use crate::GpuError;

type Loader = fn() -> Result<Arc<dyn Driver>, GpuError>;

/// What this program was built with, in the order in which devices are counted.
const LOADERS: &[(DriverKind, Loader)] = &[
    #[cfg(feature = "cuda")]
    (DriverKind::Cuda, super::cuda::load),
];

static LOADED: Mutex<Vec<Arc<dyn Driver>>> = Mutex::new(Vec::new());

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
/// - [`Forked`](GpuError::Forked) in a child of a process that has loaded a driver.
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
    static HOME: OnceLock<Process> = OnceLock::new();
    // Before the lock, which a thread of the parent may have held when it forked.
    HOME.get().map_or(Ok(()), |home| home.check())?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = loaded.iter().find(|driver| driver.kind() == kind) {
        return Ok(Arc::clone(driver));
    }
    let (_, loader) = LOADERS
        .iter()
        .find(|(built, _)| *built == kind)
        .ok_or(GpuError::NotBuilt { driver: kind, feature: feature(kind) })?;
    let driver = loader()?;
    HOME.get_or_init(Process::this);
    loaded.push(Arc::clone(&driver));
    Ok(driver)
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
