//! The program's own allocator as a memory.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use std::alloc;

use super::{HostAddressOf, HostAddressable, Memory, MemoryError, MemoryId};

/// The memory of the program's allocator: `malloc`, or the `#[global_allocator]`.
///
/// ```
/// use anymem::memory::{HostMemory, MemRead, MemSlice, MemWrite};
///
/// let mut numbers = MemSlice::<f64, _>::zeroed(1000, HostMemory)?;
/// numbers.as_mut_slice()[10] = 0.5;
/// assert_eq!(numbers.get(10)?, 0.5);
/// # Ok::<(), anymem::memory::MemoryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostMemory;

/// The memory that code takes unless told otherwise: that of the machine which it is compiled
/// for.
///
/// Write programs against a name of their own, and say in one place what it is. The same
/// source then has its objects here or on a device, as it is built:
///
/// ```
/// // What a program that knows a device has here:
/// // #[cfg(feature = "device")]
/// // pub type Target = anymem_gpu::DeviceMemory;
/// // #[cfg(not(feature = "device"))]
/// pub type Target = anymem::memory::Standard;
///
/// use anymem::memory::{MemRead, MemSlice, MemoryError, MemWrite};
///
/// fn sum_of_squares(memory: Target) -> Result<u64, MemoryError> {
///     let mut squares = MemSlice::<u64, Target>::zeroed(10, memory)?;
///     squares.update_each(|i, square| *square = (i * i) as u64)?;
///     let mut all = [0; 10];
///     squares.read(0, &mut all)?;
///     Ok(all.iter().sum())
/// }
/// assert_eq!(sum_of_squares(Target::default())?, 285);
/// # Ok::<(), MemoryError>(())
/// ```
///
/// Types with a memory as a parameter take it as the default: `struct Field<M = Standard>`.
#[doc(alias = "System.Distributed_Memory.Standard")]
pub type Standard = HostMemory;

/// What stands for a block of no bytes.
fn nothing(layout: Layout) -> HostAddressOf<HostMemory> {
    HostAddressOf::new(ptr::without_provenance_mut(layout.align()))
}

/// A block that `allocate` gives, of which the layout has bytes.
fn block(
    layout: Layout,
    allocate: impl FnOnce() -> *mut u8,
) -> Result<HostAddressOf<HostMemory>, MemoryError> {
    if layout.size() == 0 {
        return Ok(nothing(layout));
    }
    match NonNull::new(allocate()) {
        Some(block) => Ok(HostAddressOf::new(block.as_ptr())),
        None => Err(MemoryError::OutOfMemory { requested: layout.size() }),
    }
}

// SAFETY: the program's allocator hands out disjoint blocks; the copies are those that go by
// `host`.
unsafe impl Memory for HostMemory {
    type Address = HostAddressOf<Self>;

    fn id(&self) -> MemoryId {
        MemoryId { kind: "host", instance: 0 }
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        // SAFETY: `block` asks only for layouts that have bytes.
        block(layout, || unsafe { alloc::alloc(layout) })
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        // SAFETY: `block` asks only for layouts that have bytes.
        block(layout, || unsafe { alloc::alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn free(&self, address: Self::Address, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller says that it was allocated so, and it has bytes.
            unsafe { alloc::dealloc(address.as_ptr(), layout) };
        }
    }

    #[inline]
    fn host(&self, address: Self::Address) -> Option<NonNull<u8>> {
        NonNull::new(address.as_ptr())
    }
}

// SAFETY: an address of a block is its pointer.
unsafe impl HostAddressable for HostMemory {}
