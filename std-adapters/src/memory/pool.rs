//! A pool as a memory.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{HostAddressOf, HostAddressable, Memory, MemoryError, MemoryId};
use crate::pool::{Pool, PoolError};
use crate::provider::ProviderError;

/// The memory of a pool: pages of a node, of a file, huge ones, or whatever else its provider
/// has.
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::memory::{MemRead, MemSlice, PoolMemory};
/// use anymem::pool::{DisjointOptions, PoolHandle, Tracked};
/// use anymem::provider::OsProvider;
///
/// let pages = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = PoolHandle::new(DisjointOptions::new().build(pages)?);
/// let memory = PoolMemory::new(pool)?;
/// let numbers = MemSlice::filled(1000, 7_u32, &memory)?;
/// assert_eq!(numbers.as_slice()[999], 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Its addresses are not those of other memories of the processor:
///
/// ```compile_fail,E0308
/// # use std::alloc::Layout;
/// # use anymem::memory::{HostMemory, Memory, PoolMemory};
/// # use anymem::pool::PoolHandle;
/// fn mixed_up(pool: PoolMemory<PoolHandle>, layout: Layout) {
///     let block = HostMemory.allocate(layout).unwrap();
///     unsafe { pool.free(block, layout) };
/// }
/// ```
#[derive(Debug, Clone)]
pub struct PoolMemory<P>(P);

impl<P: Pool> PoolMemory<P> {
    /// The memory of `pool`. A [`PoolHandle`](crate::pool::PoolHandle) shares a pool with
    /// others.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](MemoryError::Unsupported) if the processor cannot use the pool's
    /// memory.
    pub fn new(pool: P) -> Result<Self, MemoryError> {
        if pool.provider().touchable() { Ok(Self(pool)) } else { Err(MemoryError::Unsupported) }
    }

    /// The pool.
    pub fn pool(&self) -> &P {
        &self.0
    }
}

/// What is said of a pool that failed for another reason than want of memory, if the system
/// says no more.
const FAILED: i32 = -1;

fn said(error: &PoolError, requested: usize) -> MemoryError {
    match error {
        PoolError::TooLarge { .. }
        | PoolError::Limit { .. }
        | PoolError::Provider(ProviderError::NoMemory { .. }) => {
            MemoryError::OutOfMemory { requested }
        }
        _ => MemoryError::Backend { code: FAILED },
    }
}

fn address(
    block: Result<NonNull<u8>, PoolError>,
    requested: usize,
) -> Result<HostAddressOf<PoolMemory<()>>, MemoryError> {
    match block {
        Ok(block) => Ok(HostAddressOf::new(block.as_ptr())),
        Err(error) => Err(said(&error, requested)),
    }
}

// SAFETY: a pool hands out disjoint blocks; the copies are those that go by `host`.
unsafe impl<P: Pool> Memory for PoolMemory<P> {
    type Address = HostAddressOf<PoolMemory<()>>;

    /// Pools of one provider are one memory.
    fn id(&self) -> MemoryId {
        let provider = core::ptr::from_ref(self.0.provider()).addr();
        MemoryId { kind: "pool", instance: provider as u64 }
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        address(self.0.allocate(layout), layout.size())
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        address(self.0.allocate_zeroed(layout), layout.size())
    }

    #[inline]
    unsafe fn free(&self, at: Self::Address, layout: Layout) {
        let Some(block) = NonNull::new(at.as_ptr()) else { return };
        // SAFETY: passed on from the caller, who has promised what there could be errors for.
        let _ = unsafe { self.0.free_sized(block, layout) };
    }

    #[inline]
    fn host(&self, address: Self::Address) -> Option<NonNull<u8>> {
        NonNull::new(address.as_ptr())
    }
}

// SAFETY: an address of a block is its pointer, and `new` has seen that the processor can use
// the pool's memory.
unsafe impl<P: Pool> HostAddressable for PoolMemory<P> {}
