//! A device: a driver, and a number there.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::GpuError;
use crate::driver::{self, Attributes, Driver, DriverKind};

/// A device.
///
/// Clones, and all that were opened by the same driver and number, are the same device: they
/// are equal, and count together what this process holds there.
///
/// # Examples
///
/// ```
/// use anymem_gpu::Device;
///
/// for device in Device::all() {
///     println!("{device}: {}", device.attributes()?.name);
/// }
/// # Ok::<(), anymem_gpu::GpuError>(())
/// ```
#[derive(Clone)]
pub struct Device(Arc<Shared>);

struct Shared {
    driver: Arc<dyn Driver>,
    number: u32,
    attributes: OnceLock<Attributes>,
    held: AtomicUsize,
}

/// All that somebody has; so a device has one counter, however often it is opened.
static KNOWN: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

impl Device {
    /// A device of the driver of that kind, by its number from 0 on.
    ///
    /// # Errors
    ///
    /// As [`driver::load`] and [`with_driver`](Self::with_driver).
    pub fn open(kind: DriverKind, number: u32) -> Result<Self, GpuError> {
        Self::with_driver(driver::load(kind)?, number)
    }

    /// A device of a driver that the caller made.
    ///
    /// # Errors
    ///
    /// [`NoDevice`](GpuError::NoDevice), [`WrongDevice`](GpuError::WrongDevice), or what the
    /// driver says when it is asked how many there are.
    pub fn with_driver(driver: Arc<dyn Driver>, number: u32) -> Result<Self, GpuError> {
        match driver.devices()? {
            0 => Err(GpuError::NoDevice { driver: driver.kind() }),
            found if number >= found => Err(GpuError::WrongDevice { asked: number, found }),
            _ => Ok(Self::known(driver, number)),
        }
    }

    /// The devices of all drivers that are there: first those of CUDA, then HIP's, Level
    /// Zero's, and those in software, if this program was built with them.
    ///
    /// Drivers that cannot be used are passed over; [`open`](Self::open) says why.
    pub fn all() -> Vec<Self> {
        driver::built()
            .filter_map(|kind| driver::load(kind).ok())
            .flat_map(Self::of_driver)
            .collect()
    }

    fn of_driver(driver: Arc<dyn Driver>) -> impl Iterator<Item = Self> {
        (0..driver.devices().unwrap_or(0)).map(move |number| Self::known(driver.clone(), number))
    }

    fn known(driver: Arc<dyn Driver>, number: u32) -> Self {
        crate::known::introduce();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |it: &Arc<Shared>| Arc::ptr_eq(&it.driver, &driver) && it.number == number;
        if let Some(shared) = known.iter().filter_map(Weak::upgrade).find(same) {
            return Self(shared);
        }
        let (attributes, held) = (OnceLock::new(), AtomicUsize::new(0));
        let shared = Arc::new(Shared { driver, number, attributes, held });
        known.retain(|it| it.strong_count() > 0);
        known.push(Arc::downgrade(&shared));
        Self(shared)
    }

    /// A device of each driver of which somebody has one.
    pub(crate) fn one_of_each_driver() -> impl Iterator<Item = Self> {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<Self> = Vec::new();
        for shared in known.iter().filter_map(Weak::upgrade) {
            if found.iter().all(|it| !Arc::ptr_eq(it.driver(), &shared.driver)) {
                found.push(Self(shared));
            }
        }
        found.into_iter()
    }

    /// Its driver.
    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.0.driver
    }

    /// Whose driver it is.
    pub fn kind(&self) -> DriverKind {
        self.0.driver.kind()
    }

    /// Its number there.
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// What is known of it; the driver is asked once.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn attributes(&self) -> Result<&Attributes, GpuError> {
        if let Some(attributes) = self.0.attributes.get() {
            return Ok(attributes);
        }
        let attributes = self.0.driver.attributes(self.0.number)?;
        Ok(self.0.attributes.get_or_init(|| attributes))
    }

    /// Bytes of its memory that are free, and all of them.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn free_and_total(&self) -> Result<(usize, usize), GpuError> {
        self.0.driver.free_and_total(self.0.number)
    }

    /// Bytes of its memory that this process holds through this crate.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Waits until all that it was asked for is done.
    ///
    /// # Errors
    ///
    /// What the driver says, also of what failed before.
    pub fn synchronize(&self) -> Result<(), GpuError> {
        self.0.driver.synchronize_device(self.0.number)
    }

    /// What the driver gives for `ask`, whose `bytes` are [held](Self::held) from then on.
    ///
    /// # Errors
    ///
    /// What the driver says; [`OutOfMemory`](GpuError::OutOfMemory) with what is held.
    pub fn hold<T>(
        &self,
        bytes: usize,
        ask: impl FnOnce(&dyn Driver, u32) -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        match ask(&*self.0.driver, self.0.number) {
            Ok(it) => {
                self.0.held.fetch_add(bytes, Ordering::Relaxed);
                Ok(it)
            }
            Err(GpuError::OutOfMemory { asked, free, total, .. }) => {
                Err(GpuError::OutOfMemory { asked, free, total, held: self.held() })
            }
            Err(error) => Err(error),
        }
    }

    /// Counts bytes that were given back to the driver after [`hold`](Self::hold).
    pub fn let_go(&self, bytes: usize) {
        let less = |held: usize| Some(held.saturating_sub(bytes));
        let _ = self.0.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Device {}

impl Hash for Device {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} device {}", self.kind(), self.number())
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("kind", &self.kind())
            .field("number", &self.number())
            .field("held", &self.held())
            .finish()
    }
}
