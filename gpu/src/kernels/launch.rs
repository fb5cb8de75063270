//! Loading the kernels, and running them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::pending::Place;
use super::{Call, KernelError, Outcome, TEXT};
use crate::driver::{DriverKind, ModuleId};
use crate::{Device, GpuError, Stream};

/// Threads of a block.
const BLOCK: u32 = 128;

/// Blocks at most: threads take further elements in turns.
const MOST_BLOCKS: u32 = 1024;

/// The kernels, loaded to a device.
///
/// Calls return when the kernel is done, and may come from several threads, on several streams.
/// A [`Pending`](super::Pending) kernel runs while the processor goes on.
#[derive(Debug)]
pub struct Kernels {
    device: Device,
    module: ModuleId,
    /// Room for reports that nobody has.
    places: Mutex<Vec<Place>>,
}

/// How many threads run a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// Blocks of threads.
    pub blocks: u32,
    /// Threads in each, at most 1024.
    pub threads: u32,
}

impl Threads {
    /// One alone.
    pub const ONE: Self = Self { blocks: 1, threads: 1 };

    /// As many as do well for so many elements.
    #[must_use]
    pub fn for_elements(count: usize) -> Self {
        let blocks = count.div_ceil(BLOCK as usize).clamp(1, MOST_BLOCKS as usize);
        Self { blocks: blocks as u32, threads: BLOCK }
    }
}

impl Kernels {
    /// Loads the kernels to a device.
    ///
    /// # Errors
    ///
    /// [`GpuError::Unsupported`] where devices have no PTX: with HIP and Level Zero. What the
    /// driver says.
    pub fn load(device: &Device) -> Result<Self, GpuError> {
        let number = device.number();
        if !matches!(device.kind(), DriverKind::Cuda | DriverKind::Sim) {
            let what = "PTX: compile anymem.cuh for it";
            return Err(GpuError::Unsupported { device: number, what });
        }
        let module = device.driver().load(number, TEXT.as_bytes())?;
        Ok(Self { device: device.clone(), module, places: Mutex::default() })
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The device's name for them.
    pub(super) fn module(&self) -> ModuleId {
        self.module
    }

    /// Runs a kernel, and waits for what comes of it.
    pub(super) fn run(&self, stream: &Stream, call: Call<'_>) -> Result<Outcome, KernelError> {
        let mut pending = self.pending()?;
        stream.scope(|scope| pending.launch(scope, call))??;
        pending.outcome()
    }

    /// Room for reports that nobody has.
    pub(super) fn places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        for place in self.places.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            place.give_back(&self.device);
        }
        let (driver, number) = (self.device.driver(), self.device.number());
        // SAFETY: loaded there, and no kernel runs any more.
        let _ = unsafe { driver.unload(number, self.module) };
    }
}
