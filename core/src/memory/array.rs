//! A memory in an array that somebody lends.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::arena::Arena;
use super::{HostAddressOf, HostAddressable, Memory, MemoryError, MemoryId};

/// The memory of one array: a local memory model, whose objects cannot outlive it.
///
/// Blocks are found by first fit, with a bit for every 16 bytes at the front of the array.
/// That is for some hundred blocks; heaps of more are a
/// [`HeapMemory`](crate::allocator::HeapMemory).
///
/// ```
/// use anymem_core::memory::{ArrayMemory, MemRead, MemSlice, MemWrite};
///
/// let mut array = [0_u8; 1024];
/// let memory = ArrayMemory::new(&mut array);
/// let mut squares = MemSlice::<u32, _>::zeroed(10, &memory)?;
/// for i in 0..10 {
///     squares.set(i, (i * i) as u32)?;
/// }
/// assert_eq!(squares.as_slice()[3], 9);
/// # Ok::<(), anymem_core::memory::MemoryError>(())
/// ```
pub struct ArrayMemory<'a> {
    arena: Arena,
    _array: PhantomData<&'a mut [u8]>,
}

impl<'a> ArrayMemory<'a> {
    /// A memory in `array`, whose bytes are lost.
    #[must_use]
    pub fn new(array: &'a mut [u8]) -> Self {
        // SAFETY: the array is borrowed exclusively for `'a`.
        Self { arena: unsafe { Arena::new(NonNull::from(array)) }, _array: PhantomData }
    }

    /// As [`new`](Self::new), for memory that was never written.
    #[must_use]
    pub fn new_uninit(array: &'a mut [MaybeUninit<u8>]) -> Self {
        let len = array.len();
        let span = NonNull::slice_from_raw_parts(NonNull::from(array).cast(), len);
        // SAFETY: as in `new`; an arena reads no byte that it has not written.
        Self { arena: unsafe { Arena::new(span) }, _array: PhantomData }
    }
}

// SAFETY: the arena hands out disjoint blocks of the array, which is borrowed for as long as
// the memory is there; the copies are those that go by `host`.
unsafe impl Memory for ArrayMemory<'_> {
    type Address = HostAddressOf<ArrayMemory<'static>>;

    fn id(&self) -> MemoryId {
        MemoryId { kind: "array", instance: self.arena.at(0).addr().get() as u64 }
    }

    fn allocate(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        let full = MemoryError::OutOfMemory { requested: layout.size() };
        let at = self.arena.allocate(layout).ok_or(full)?;
        Ok(HostAddressOf::new(self.arena.at(at).as_ptr()))
    }

    unsafe fn free(&self, address: Self::Address, layout: Layout) {
        let at = self.arena.offset_of(address.as_ptr());
        // SAFETY: passed on from the caller.
        unsafe { self.arena.free(at, layout) };
    }

    fn host(&self, address: Self::Address) -> Option<NonNull<u8>> {
        NonNull::new(address.as_ptr())
    }

    fn available(&self) -> Option<usize> {
        Some(self.arena.available())
    }
}

// SAFETY: an address of a block is its pointer, valid as long as the array is borrowed.
unsafe impl HostAddressable for ArrayMemory<'_> {}

impl fmt::Debug for ArrayMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayMemory").field("available", &self.arena.available()).finish()
    }
}
