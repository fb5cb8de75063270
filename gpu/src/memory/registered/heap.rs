//! A heap whose bytes devices use, too.

use std::fmt;
use std::ops::Deref;
use std::ptr::NonNull;

use anymem::SharedHeap;
use anymem_core::allocator::Allocator;
use anymem_core::backend::Backend;
use anymem_core::offset::Offset;

use super::RegisterError;
use super::pages::{self, Pages};
use crate::Device;
use crate::memory::DeviceAddress;

/// A shared heap, registered with any number of devices.
///
/// Each process that has the heap registers it for itself, and only if it has a use for it. The
/// heap has to be [resident](anymem::HeapOptions::resident). As long as it is registered it
/// cannot be [detached](SharedHeap::detach).
///
/// # When the device uses it
///
/// As [`Registered`](super::Registered). A block at an offset here is at the same one from
/// [`device_base`](Self::device_base) there.
///
/// # Examples
///
/// ```
/// use anymem::container::ShmBox;
/// use anymem::{HeapOptions, Size};
/// use anymem_gpu::{Device, RegisteredHeap};
///
/// let options = HeapOptions::new().resident(true);
/// for device in Device::all() {
///     let heap = options.create_memfd("both", Size::mib(4))?;
///     let heap = RegisteredHeap::new(heap, [&device])?;
///     let numbers = heap.root_or_create("numbers", |heap| ShmBox::new_in([7_u32; 100], heap))?;
///     // For a kernel: where the heap is, and where in it the numbers are.
///     let _base = heap.device_base(&device);
///     assert_eq!(numbers.get()?[99], 7);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RegisteredHeap {
    /// Dropped first.
    pages: Vec<Pages>,
    heap: SharedHeap,
}

impl RegisteredHeap {
    /// Registers `heap` with `devices`, for reading only if it is so.
    ///
    /// # Errors
    ///
    /// - [`NotResident`](RegisterError::NotResident) if the heap gives memory back.
    /// - [`NoSpace`](RegisterError::NoSpace) if not all of it can be in memory.
    /// - What the driver says: [`Unsupported`](crate::GpuError::Unsupported), if the heap is for
    ///   reading only, where [that](crate::driver::Attributes::register_read_only) cannot be. No
    ///   device has any of it then.
    pub fn new<'d>(
        heap: SharedHeap,
        devices: impl IntoIterator<Item = &'d Device>,
    ) -> Result<Self, RegisterError> {
        if !heap.is_resident() {
            return Err(RegisterError::NotResident { name: heap.name().into() });
        }
        let (span, read_only) = (heap.allocator().backend(), heap.is_read_only());
        if !read_only {
            span.commit(Offset::NULL, span.len())?;
        }
        let span = NonNull::slice_from_raw_parts(span.base(), span.len());
        // SAFETY: the heap stays mapped as long as there is a handle, and this has one for
        // longer than the pages; nobody gives its pages back, for it is resident.
        let pages = unsafe { pages::register_with(devices, span, read_only)? };
        Ok(Self { pages, heap })
    }

    /// The heap.
    #[must_use]
    pub fn heap(&self) -> &SharedHeap {
        &self.heap
    }

    /// The devices that it is registered with.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.pages.iter().map(Pages::device)
    }

    /// Where `device` has the heap's first byte; `None` if it is not registered there.
    #[must_use]
    pub fn device_base(&self, device: &Device) -> Option<DeviceAddress> {
        self.on_device(device, Offset::NULL, 0)
    }

    /// Where `device` has the `len` bytes at `at`; `None` if it does not have them all.
    #[must_use]
    pub fn on_device(&self, device: &Device, at: Offset, len: usize) -> Option<DeviceAddress> {
        pages::find(&self.pages, device, at.get(), len)
    }

    /// Where `device` has the `len` bytes at `pointer`; `None` if they are not all of the heap,
    /// or the device does not have them.
    #[must_use]
    pub fn pointer_on_device(
        &self,
        device: &Device,
        pointer: NonNull<u8>,
        len: usize,
    ) -> Option<DeviceAddress> {
        self.on_device(device, self.heap.offset_of(pointer)?, len)
    }
}

impl Deref for RegisteredHeap {
    type Target = SharedHeap;

    fn deref(&self) -> &SharedHeap {
        &self.heap
    }
}

impl fmt::Debug for RegisteredHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let devices: Vec<_> = self.devices().collect();
        f.debug_struct("RegisteredHeap")
            .field("heap", &self.heap)
            .field("devices", &devices)
            .finish()
    }
}
