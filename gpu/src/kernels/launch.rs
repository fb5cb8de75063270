//! Loading the kernels, and launching them.

use std::ffi::c_void;
use std::sync::{Mutex, PoisonError};

use super::report::{self, Report};
use super::{HeapOnDevice, KernelError, Outcome, TEXT};
use crate::driver::{Direction, Driver, DriverKind, Launch, ModuleId};
use crate::{Device, GpuError, Scope, Stream};

/// Threads of a block.
const BLOCK: u32 = 128;

/// Blocks at most: threads take further elements in turns.
const MOST_BLOCKS: u32 = 1024;

/// The kernels, loaded to a device.
///
/// Calls return when the kernel is done, and may come from several threads, on several streams.
#[derive(Debug)]
pub struct Kernels {
    device: Device,
    module: ModuleId,
    /// Blocks of the device for reports, of which nobody has one.
    reports: Mutex<Vec<u64>>,
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
        Ok(Self { device: device.clone(), module, reports: Mutex::default() })
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs a kernel that takes a heap, these arguments and a report, and reads the report.
    pub(super) fn run(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        name: &str,
        threads: Threads,
        arguments: &[u64],
    ) -> Result<Outcome, KernelError> {
        if stream.device() != &self.device || !heap.is_on(&self.device) {
            return Err(KernelError::NotRegistered);
        }
        let report = self.take_report()?;
        let mut words = [heap.base().number(), heap.len()].to_vec();
        words.extend_from_slice(arguments);
        words.push(report);
        let mut found = Report::default();
        let done = stream.scope(|scope| self.launch(scope, name, threads, &words, &mut found));
        self.lock_reports().push(report);
        done??;
        report::read(found)
    }

    /// Asks the stream to clear the report, which is the last argument, to run the kernel, and
    /// to copy the report.
    fn launch<'env>(
        &self,
        scope: &Scope<'_, 'env>,
        name: &str,
        Threads { blocks, threads }: Threads,
        arguments: &[u64],
        found: &'env mut Report,
    ) -> Result<(), GpuError> {
        let report = arguments.last().copied().unwrap_or_default();
        let (driver, number, bytes) = (self.driver(), self.device.number(), size_of::<Report>());
        let function = driver.function(number, self.module, name)?;
        let launch = Launch { blocks, threads, shared_bytes: 0, stream: scope.stream().id() };
        let places: Vec<*const c_void> =
            arguments.iter().map(|argument| (&raw const *argument).cast()).collect();
        // SAFETY: the report is the device's, as large, and nobody else's.
        unsafe { scope.fill(report, 0, bytes) }?;
        // SAFETY: these are the kernel's arguments. It bounds each offset, so it uses the heap,
        // which is borrowed until the scope ends, and the report; in the heap it changes what
        // was given to be changed, by atomics what is shared.
        unsafe { driver.launch(number, function, launch, &places) }?;
        let to = found.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: as large as the report, and borrowed until the scope ends.
        unsafe { scope.copy(to, report, bytes, Direction::ToHost) }
    }

    fn driver(&self) -> &dyn Driver {
        &**self.device.driver()
    }

    fn take_report(&self) -> Result<u64, GpuError> {
        if let Some(report) = self.lock_reports().pop() {
            return Ok(report);
        }
        let bytes = size_of::<Report>();
        self.device.hold(bytes, |driver, number| driver.allocate(number, bytes))
    }

    fn lock_reports(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        let (driver, number) = (self.device.driver(), self.device.number());
        for report in self.reports.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // SAFETY: allocated there, and no kernel runs any more. What fails is that the
            // driver is gone, and all that it had with it.
            let _ = unsafe { driver.free(number, report) };
            self.device.let_go(size_of::<Report>());
        }
        // SAFETY: loaded there, and no kernel runs any more.
        let _ = unsafe { driver.unload(number, self.module) };
    }
}
