//! A heap, as kernels find it.

use std::ptr::NonNull;

use anymem_core::allocator::Allocator;

use super::KernelError;
use crate::{Device, DeviceAddress, RegisteredHeap};

/// A heap that is registered with a device: where it is there, and how long.
///
/// Kernels name what is in it by offsets, which are the same in all processes and on all
/// devices. It is borrowed for as long as kernels may use it.
#[derive(Debug, Clone, Copy)]
pub struct HeapOnDevice<'h> {
    heap: &'h RegisteredHeap,
    base: DeviceAddress,
}

impl<'h> HeapOnDevice<'h> {
    /// The heap, as `device` has it.
    ///
    /// # Errors
    ///
    /// [`KernelError::NotRegistered`] if the heap is not registered with it.
    pub fn new(heap: &'h RegisteredHeap, device: &Device) -> Result<Self, KernelError> {
        let base = heap.device_base(device).ok_or(KernelError::NotRegistered)?;
        Ok(Self { heap, base })
    }

    /// Where the device has its first byte.
    #[must_use]
    pub fn base(&self) -> DeviceAddress {
        self.base
    }

    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.heap.size().get() as u64
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is the device's.
    pub(super) fn is_on(&self, device: &Device) -> bool {
        self.heap.device_base(device) == Some(self.base)
    }

    /// The offset of a value in the heap.
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`] if it is elsewhere.
    pub fn at<T>(&self, value: &T) -> Result<u64, KernelError> {
        let at = self.heap.offset_of(NonNull::from(value).cast());
        at.map(|at| at.get() as u64).ok_or(KernelError::NotInHeap)
    }
}
