//! A backend whose bytes devices use, too.

use std::fmt;
use std::ptr::NonNull;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;
use anymem_core::thread::Owner;

use super::RegisterError;
use super::pages::{self, Pages};
use crate::Device;
use crate::memory::DeviceAddress;

/// A backend, registered with any number of devices: shared memory of any kind, or private.
///
/// Each process that attaches registers its own mapping. Heaps in it are resident from the
/// start; who attaches such a heap without a device keeps to that as well. (hermes-shm:
/// `CudaShmMmap`, `RocmShmMmap`.)
///
/// A [manager](anymem::MemoryManager) makes it of a backend's `url` that begins with the driver and
/// the numbers of its devices: `cuda:0/name`, `sim:0,1/name`.
///
/// # When the device uses it
///
/// Kernels find values by their offsets from [`device_base`](Self::device_base). Both sides may
/// use a word at the same time by atomics where the device has
/// [`host_atomics`](crate::driver::Attributes::host_atomics); else by turns, with a stream's
/// synchronisation in between. When this is dropped, no kernel may use it any more.
///
/// # Examples
///
/// ```
/// use anymem::backend::MemfdBackend;
/// use anymem::Size;
/// use anymem_gpu::{Device, Registered};
///
/// let devices = Device::all();
/// let memory = MemfdBackend::create("both", Size::mib(4))?;
/// let Ok(memory) = Registered::new(memory, &devices) else { return Ok(()) };
/// for device in &devices {
///     let base = memory.device_base(device).expect("registered");
///     println!("{device} has it at {base:?}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Registered<B: Backend> {
    /// Dropped first.
    pages: Vec<Pages>,
    backend: B,
}

impl<B: Backend> Registered<B> {
    /// Registers `backend` with `devices`, for reading only if it is so.
    ///
    /// # Errors
    ///
    /// [`NoSpace`](RegisterError::NoSpace) if not all of it can be in memory, and what the
    /// driver says: [`Unsupported`](crate::GpuError::Unsupported), if it is for reading only,
    /// where [that](crate::driver::Attributes::register_read_only) cannot be. No device has any
    /// of it then.
    pub fn new<'d>(
        backend: B,
        devices: impl IntoIterator<Item = &'d Device>,
    ) -> Result<Self, RegisterError> {
        let read_only = backend.read_only();
        if !read_only {
            backend.commit(Offset::NULL, backend.len())?;
        }
        let span = NonNull::slice_from_raw_parts(backend.base(), backend.len());
        // SAFETY: a backend's bytes stay mapped as long as it is there, which is longer than
        // the pages, and are writable unless it says otherwise. Their pages stay, for `decommit`
        // and its kin do nothing here, and heaps in it are resident.
        let pages = unsafe { pages::register_with(devices, span, read_only)? };
        Ok(Self { pages, backend })
    }

    /// What is registered.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The devices that it is registered with.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.pages.iter().map(Pages::device)
    }

    /// Where `device` has the first byte; `None` if it is not registered there.
    #[must_use]
    pub fn device_base(&self, device: &Device) -> Option<DeviceAddress> {
        self.on_device(device, Offset::NULL, 0)
    }

    /// Where `device` has the `len` bytes at `at`; `None` if it does not have them all.
    #[must_use]
    pub fn on_device(&self, device: &Device, at: Offset, len: usize) -> Option<DeviceAddress> {
        pages::find(&self.pages, device, at.get(), len)
    }
}

// SAFETY: all is the backend's, but that pages are never taken away from under a device, which
// a backend need not do.
unsafe impl<B: Backend> Backend for Registered<B> {
    const ALIGN: usize = B::ALIGN;

    #[inline]
    fn base(&self) -> NonNull<u8> {
        self.backend.base()
    }

    #[inline]
    fn len(&self) -> usize {
        self.backend.len()
    }

    fn zeroed(&self) -> bool {
        self.backend.zeroed()
    }

    fn read_only(&self) -> bool {
        self.backend.read_only()
    }

    fn shared(&self) -> bool {
        self.backend.shared()
    }

    fn resident(&self) -> bool {
        true
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        self.backend.commit(at, len)
    }

    fn is_held_by(&self, owner: Owner) -> bool {
        self.backend.is_held_by(owner)
    }
}

impl<B: Backend + fmt::Debug> fmt::Debug for Registered<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let devices: Vec<_> = self.devices().collect();
        f.debug_struct("Registered")
            .field("backend", &self.backend)
            .field("devices", &devices)
            .finish()
    }
}
