//! A device's own memory.

use std::alloc::Layout;
use std::fmt;
use std::sync::Arc;

use anymem::provider::MemoryKind;
use anymem_core::memory::{Address, Memory, MemoryError, MemoryId, Place};

use super::DeviceAddress;
use super::blocks::Blocks;
use super::identity;
use super::place::Whose;
use super::posts::Posts;
use crate::driver::{Direction, StreamId};
use crate::{Device, GpuError, Stream};

/// The memory of a device, as its driver hands it out: each block is a call of the driver, and
/// so is each free. A pool is the memory for many blocks.
///
/// The processor cannot use it; objects there are read and written by copies. Clones are the
/// same memory.
///
/// - What is posted goes by a stream of its own, and a flush waits for that.
/// - Bytes of another device of the same driver, or of this one, come directly. Ranges of one
///   device that overlap are [`Overlap`](MemoryError::Overlap).
/// - Errors of memories have a number for what the driver said;
///   [`last_error`](Self::last_error) has all of it.
///
/// # Examples
///
/// ```
/// use anymem::memory::{HostMemory, MemRead, MemSlice, MemWrite, Route};
/// use anymem_gpu::{Device, DeviceMemory};
///
/// for device in Device::all() {
///     let memory = DeviceMemory::new(&device)?;
///     let here = MemSlice::from_slice(&[1.5_f32; 1000], HostMemory)?;
///     let (mut there, route) = here.to_memory(&memory)?;
///     assert_eq!(route, Route::To);
///     there.set(7, 0.5)?;
///     assert_eq!(there.get(7)?, 0.5);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What the processor cannot use it cannot refer to:
///
/// ```compile_fail,E0277
/// # use anymem::memory::{MemRead, MemSlice};
/// # use anymem_gpu::DeviceMemory;
/// fn sum(numbers: &MemSlice<u64, DeviceMemory>) -> u64 {
///     numbers.as_slice().iter().sum()
/// }
/// ```
#[derive(Clone)]
pub struct DeviceMemory(Arc<Inner>);

struct Inner {
    blocks: Blocks,
    posts: Posts,
    id: MemoryId,
}

impl DeviceMemory {
    /// The memory of `device`.
    ///
    /// # Errors
    ///
    /// What the driver says to a new stream.
    pub fn new(device: &Device) -> Result<Self, GpuError> {
        Stream::new(device).map(Self::with_stream)
    }

    /// The memory of the stream's device, with that stream for what is posted.
    #[must_use]
    pub fn with_stream(stream: Stream) -> Self {
        let device = stream.device();
        let (blocks, id) = (Blocks::new(device, MemoryKind::Device), identity::id_of(device));
        Self(Arc::new(Inner { blocks, posts: Posts::new(stream), id }))
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.0.blocks.device()
    }

    /// The stream that does what is posted.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.0.posts.stream()
    }

    /// What the driver said when something failed last, whichever thread had asked for it.
    #[must_use]
    pub fn last_error(&self) -> Option<GpuError> {
        self.0.blocks.last_error()
    }

    fn said(&self, error: GpuError, requested: usize) -> MemoryError {
        self.0.blocks.said(error, requested)
    }

    fn posted(&self) -> Option<StreamId> {
        Some(self.stream().id())
    }

    /// Copies between the processor's memory and this one, or within this one.
    ///
    /// # Safety
    ///
    /// As for [`Driver::copy`](crate::driver::Driver::copy).
    unsafe fn copy(
        &self,
        stream: Option<StreamId>,
        to: u64,
        from: u64,
        len: usize,
        direction: Direction,
    ) -> Result<(), MemoryError> {
        if len == 0 {
            return Ok(());
        }
        let (driver, number) = (self.device().driver(), self.device().number());
        // SAFETY: passed on from the caller.
        let done = unsafe { driver.copy(number, stream, to, from, len, direction) };
        done.map_err(|error| self.said(error, len))
    }

    /// Copies from a device of the same driver; `None` if it does not reach this one.
    ///
    /// # Safety
    ///
    /// As for [`Driver::copy_peer`](crate::driver::Driver::copy_peer).
    unsafe fn pull(
        &self,
        to: u64,
        from_device: u32,
        from: u64,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        let (driver, number) = (self.device().driver(), self.device().number());
        // SAFETY: passed on from the caller.
        match unsafe { driver.copy_peer(number, None, to, from_device, from, len) } {
            Err(GpuError::Unsupported { .. }) => None,
            done => Some(done.map_err(|error| self.said(error, len))),
        }
    }
}

fn address_of(bytes: *const u8) -> u64 {
    bytes.expose_provenance() as u64
}

// SAFETY: blocks are the driver's, which hands each out once; it copies and fills what it is
// asked to, within them.
unsafe impl Memory for DeviceMemory {
    type Address = DeviceAddress;

    fn id(&self) -> MemoryId {
        self.0.id
    }

    fn allocate(&self, layout: Layout) -> Result<DeviceAddress, MemoryError> {
        self.0.blocks.allocate(layout).map(DeviceAddress::new)
    }

    unsafe fn free(&self, address: DeviceAddress, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.blocks.free(address.number(), layout) };
    }

    unsafe fn copy_to(
        &self,
        to: DeviceAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.copy(None, to.number(), address_of(from), len, Direction::ToDevice) }
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: DeviceAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.copy(None, address_of(to), from.number(), len, Direction::ToHost) }
    }

    unsafe fn fill(&self, at: DeviceAddress, byte: u8, len: usize) -> Result<(), MemoryError> {
        if len == 0 {
            return Ok(());
        }
        let (driver, number) = (self.device().driver(), self.device().number());
        // SAFETY: passed on from the caller.
        let done = unsafe { driver.fill(number, None, at.number(), byte, len) };
        done.map_err(|error| self.said(error, len))
    }

    unsafe fn copy_peer(
        &self,
        to: DeviceAddress,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        if len == 0 {
            return Some(Ok(()));
        }
        match Whose::of(from, self.0.id)? {
            Whose::Host(source) => {
                // SAFETY: passed on from the caller.
                Some(unsafe { self.copy_to(to, source.as_ptr(), len) })
            }
            // The driver does not say what comes out of that.
            Whose::Device(number, _)
                if number == self.device().number() && from.address.overlaps(to.to_raw(), len) =>
            {
                None
            }
            Whose::Device(number, source) if number == self.device().number() => {
                let (to, source) = (to.number(), source.number());
                // SAFETY: passed on from the caller; they do not overlap.
                Some(unsafe { self.copy(None, to, source, len, Direction::Within) })
            }
            Whose::Device(number, source) => {
                // SAFETY: passed on from the caller; an address of that device's memory, as
                // its id says.
                unsafe { self.pull(to.number(), number, source.number(), len) }
            }
        }
    }

    unsafe fn post_copy_to(
        &self,
        to: DeviceAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        let stream = self.posted();
        // SAFETY: passed on from the caller.
        unsafe { self.copy(stream, to.number(), address_of(from), len, Direction::ToDevice) }
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: DeviceAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        let stream = self.posted();
        // SAFETY: passed on from the caller.
        unsafe { self.copy(stream, address_of(to), from.number(), len, Direction::ToHost) }
    }

    fn flush(&self) -> Result<(), MemoryError> {
        self.0.posts.flush().map_err(|error| self.said(error, 0))
    }

    fn failures(&self) -> u32 {
        self.0.posts.failures()
    }

    fn available(&self) -> Option<usize> {
        self.device().free_and_total().ok().map(|(free, _)| free)
    }

    fn granule(&self) -> usize {
        SECTOR
    }
}

/// What a device moves at least.
const SECTOR: usize = 32;

impl fmt::Debug for DeviceMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceMemory").field(self.device()).finish()
    }
}
