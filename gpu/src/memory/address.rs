//! Where something is in a device's memory.

use std::fmt;
use std::ptr::{self, NonNull};

use anymem::Properties;
use anymem_core::memory::{Address, RawAddress};
use bytemuck::{Pod, Zeroable};

/// Where something is as a device sees it.
///
/// The processor cannot use it: it is a number, of a type of its own, which does not mix with
/// the addresses of other memories. It is plain data, so it can be passed to a kernel and can
/// stand in memory that a kernel reads.
///
/// ```compile_fail,E0614
/// # use anymem_gpu::DeviceAddress;
/// fn dereferenced(address: DeviceAddress) -> u8 {
///     unsafe { *address }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct DeviceAddress(u64);

// SAFETY: all bits zero are a number.
unsafe impl Zeroable for DeviceAddress {}
// SAFETY: it is laid out as a number is, of which any bits are one.
unsafe impl Pod for DeviceAddress {}

impl DeviceAddress {
    /// The address that the driver has this number for.
    #[must_use]
    #[inline]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The driver's number for it.
    #[must_use]
    #[inline]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// What is known of the memory there: of blocks of this crate, and of what others got of a
    /// driver whose device is open. (As [`Properties::of`].)
    ///
    /// ```
    /// use std::alloc::Layout;
    ///
    /// use anymem::memory::Memory;
    /// use anymem::provider::MemoryKind;
    /// use anymem_gpu::{Device, DeviceMemory};
    ///
    /// for device in Device::all() {
    ///     let memory = DeviceMemory::new(&device)?;
    ///     let layout = Layout::new::<[f32; 1000]>();
    ///     let block = memory.allocate(layout)?;
    ///     let found = block.properties().expect("a driver gave it out");
    ///     assert_eq!((found.kind(), found.device()), (MemoryKind::Device, Some(device.number())));
    ///     // SAFETY: nobody uses it.
    ///     unsafe { memory.free(block, layout) };
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn properties(self) -> Option<Properties> {
        Properties::of(NonNull::new(ptr::without_provenance_mut(self.0.try_into().ok()?))?)
    }
}

impl Address for DeviceAddress {
    const NULL: Self = Self(0);

    #[inline]
    fn byte_add(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes as u64))
    }

    #[inline]
    fn to_raw(self) -> RawAddress {
        RawAddress::Foreign(self.0)
    }

    #[inline]
    fn from_raw(raw: RawAddress) -> Option<Self> {
        match raw {
            RawAddress::Foreign(number) => Some(Self(number)),
            RawAddress::Host(_) => None,
        }
    }
}

impl fmt::Debug for DeviceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceAddress({:#x})", self.0)
    }
}
