//! Kernels that run while the processor does something else.

use std::ffi::c_void;
use std::ptr::NonNull;

use super::report::{self, Report, UNKNOWN};
use super::{Call, KernelError, Kernels, Outcome};
use crate::driver::{Direction, Launch};
use crate::{Device, GpuError, Scope};

/// Bytes of a report.
const BYTES: usize = size_of::<Report>();

/// What comes of a kernel that the stream of a [scope](crate::Stream::scope) runs, between
/// copies and other kernels; it is known when the scope has ended.
///
/// ```
/// use anymem::container::{ShmBox, ShmVec};
/// use anymem::{HeapOptions, Size};
/// use anymem_gpu::kernels::{Call, HeapOnDevice, Kernels};
/// use anymem_gpu::{Device, RegisteredHeap, Stream};
///
/// for device in Device::all() {
///     let Ok(kernels) = Kernels::load(&device) else { continue };
///     let heap = HeapOptions::new().resident(true).create_memfd("both", Size::mib(4))?;
///     let heap = RegisteredHeap::new(heap, [&device])?;
///     let there = HeapOnDevice::new(&heap, &device)?;
///     let numbers = ShmBox::new_in(ShmVec::from_iter_in(1..=100, &*heap)?, &*heap)?;
///     let numbers = numbers.get()?;
///     let (mut sum, mut sevens) = (kernels.pending()?, kernels.pending()?);
///     Stream::new(&device)?.scope(|scope| {
///         sum.launch(scope, Call::vec_sum(there, numbers)?)?;
///         sevens.launch(scope, Call::vec_count(there, numbers, 7)?)
///     })??;
///     assert_eq!((sum.outcome()?.value, sevens.outcome()?.value), (5050, 1));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pending<'k> {
    kernels: &'k Kernels,
    place: Place,
}

/// Where a kernel reports, on the device, and where its stream copies that: to pinned memory, for
/// copies to any other are waited for.
#[derive(Debug)]
pub(super) struct Place {
    there: u64,
    here: NonNull<Report>,
}

// SAFETY: two blocks of the driver's, which whoever has this may use and give back.
unsafe impl Send for Place {}
// SAFETY: nothing is changed by those who share it.
unsafe impl Sync for Place {}

impl Kernels {
    /// Room for what comes of one kernel at a time.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn pending(&self) -> Result<Pending<'_>, GpuError> {
        let place = self.places().pop();
        let place = place.map_or_else(|| Place::new(self.device()), Ok)?;
        Ok(Pending { kernels: self, place })
    }
}

impl Pending<'_> {
    /// Asks the stream of `scope` to run a kernel; that this is borrowed until the scope ends
    /// keeps its outcome from being read before.
    ///
    /// # Errors
    ///
    /// [`KernelError::NotRegistered`] if the heap is not registered with the device of the
    /// stream, or the kernels are not loaded there; and what the driver says. There is no
    /// outcome then.
    pub fn launch<'env>(
        &'env mut self,
        scope: &Scope<'_, 'env>,
        call: Call<'env>,
    ) -> Result<(), KernelError> {
        let device = self.kernels.device();
        if scope.device() != device || !call.heap.is_on(device) {
            return Err(KernelError::NotRegistered);
        }
        // SAFETY: nobody else has it, and no stream copies to it: a scope for that would have
        // this still borrowed.
        unsafe { self.place.here.write(UNKNOWN) };
        Ok(self.ask(scope, &call)?)
    }

    /// Asks the stream to clear the report, to run the kernel, and to copy the report.
    fn ask(&self, scope: &Scope<'_, '_>, call: &Call<'_>) -> Result<(), GpuError> {
        let (device, there) = (self.kernels.device(), self.place.there);
        let (driver, number) = (device.driver(), device.number());
        let function = driver.function(number, self.kernels.module(), call.name)?;
        let (blocks, threads) = (call.threads.blocks, call.threads.threads);
        let launch = Launch { blocks, threads, shared_bytes: 0, stream: scope.stream().id() };
        let words = [&[call.heap.base().number(), call.heap.len()], &call.arguments[..], &[there]];
        let words = words.concat();
        let places: Vec<*const c_void> = words.iter().map(|it| (&raw const *it).cast()).collect();
        // SAFETY: the report is the device's, as large, and nobody else's until the scope ends.
        unsafe { scope.fill(there, 0, BYTES) }?;
        // SAFETY: these are the kernel's arguments. It bounds each offset, so it uses the heap,
        // which is borrowed until the scope ends, and the report; in the heap it changes what
        // was given to be changed, by atomics what is shared.
        unsafe { driver.launch(number, function, launch, &places) }?;
        let here = self.place.here.as_ptr().expose_provenance() as u64;
        // SAFETY: as large as the report, and borrowed until the scope ends.
        unsafe { scope.copy(here, there, BYTES, Direction::ToHost) }
    }

    /// What came of the kernel that was launched last.
    ///
    /// # Errors
    ///
    /// What the kernel found; [`KernelError::Unknown`] if none was launched, or its stream
    /// failed.
    pub fn outcome(&self) -> Result<Outcome, KernelError> {
        // SAFETY: the block is there, was written, and no stream copies to it any more.
        report::read(unsafe { self.place.here.read() })
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let Place { there, here } = self.place;
        self.kernels.places().push(Place { there, here });
    }
}

impl Place {
    fn new(device: &Device) -> Result<Self, GpuError> {
        let there = device.hold(BYTES, |driver, number| driver.allocate(number, BYTES))?;
        match device.driver().allocate_pinned(device.number(), BYTES) {
            Ok(here) => {
                let here = here.cast::<Report>();
                // SAFETY: as large, and nobody else's; drivers align to more than words need.
                unsafe { here.write(UNKNOWN) };
                Ok(Self { there, here })
            }
            Err(error) => {
                Self::give_there(device, there);
                Err(error)
            }
        }
    }

    /// Gives both blocks back. What fails is that the driver is gone, and all that it had with
    /// it.
    pub(super) fn give_back(self, device: &Device) {
        Self::give_there(device, self.there);
        // SAFETY: allocated there, and no stream copies to it any more.
        let _ = unsafe { device.driver().free_pinned(device.number(), self.here.cast()) };
    }

    fn give_there(device: &Device, there: u64) {
        // SAFETY: allocated there, and no kernel uses it any more.
        let _ = unsafe { device.driver().free(device.number(), there) };
        device.let_go(BYTES);
    }
}
