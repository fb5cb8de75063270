//! Arrays in a block of a memory that the processor can use, which begin as zero bytes.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::memory::{Block, HostAddressable, MemoryError};
use crate::sync::atomic::AtomicU32;

/// What an array may be of.
///
/// # Safety
///
/// All zero bytes are a value, which needs no drop.
pub(super) unsafe trait Blank {}

// SAFETY: it is an integer.
unsafe impl Blank for u64 {}
// SAFETY: it is an integer.
unsafe impl Blank for AtomicU32 {}
// SAFETY: it may be anything.
unsafe impl<T: Copy> Blank for UnsafeCell<MaybeUninit<T>> {}

/// An array in a block that somebody else owns.
///
/// # Invariants
///
/// The block has so many entries there, initialised, as long as the row is used, and lends
/// them by way of the row alone.
pub(super) struct Row<T> {
    entries: NonNull<T>,
    len: usize,
}

impl<T> Row<T> {
    #[inline]
    pub(super) const fn entries(&self) -> &[T] {
        // SAFETY: by the invariants.
        unsafe { core::slice::from_raw_parts(self.entries.as_ptr(), self.len) }
    }

    #[inline]
    const fn entries_mut(&mut self) -> &mut [T] {
        // SAFETY: by the invariants, and the row is borrowed exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.entries.as_ptr(), self.len) }
    }
}

/// A [`Row`] of a block to be, that far from its start.
pub(super) struct Reserved<T> {
    offset: usize,
    len: usize,
    _row: PhantomData<Row<T>>,
}

impl<T: Blank> Reserved<T> {
    /// Makes room for `len` entries at the end of `layout`.
    pub(super) fn new(layout: &mut Layout, len: usize) -> Result<Self, MemoryError> {
        let too_large = MemoryError::OutOfMemory { requested: usize::MAX };
        let row = Layout::array::<T>(len).map_err(|_| too_large)?;
        let (longer, offset) = layout.extend(row).map_err(|_| too_large)?;
        *layout = longer;
        Ok(Self { offset, len, _row: PhantomData })
    }

    /// The row, in a block of zero bytes of that layout, which begins at `base`.
    ///
    /// # Safety
    ///
    /// There is such a block as long as the row is used, and nobody else uses it.
    pub(super) unsafe fn at(self, base: NonNull<u8>) -> Row<T> {
        // SAFETY: the block has room for the row at that offset, aligned as it has to be.
        let entries = unsafe { base.add(self.offset) }.cast();
        Row { entries, len: self.len }
    }
}

/// A block of that layout, all of zero bytes, and where it begins.
pub(super) fn block_of<H: HostAddressable>(
    layout: Layout,
    memory: H,
) -> Result<(Block<H>, NonNull<u8>), MemoryError> {
    let block = Block::allocate(memory, layout)?;
    let base = block.memory().host(block.address()).ok_or(MemoryError::Unsupported)?;
    // SAFETY: the block has that many bytes, by `HostAddressable`.
    unsafe { base.write_bytes(0, layout.size()) };
    Ok((block, base))
}

/// One array in a block of its own.
pub(super) struct Zeroed<T, H: HostAddressable> {
    row: Row<T>,
    block: Block<H>,
}

// SAFETY: it owns its entries, and a memory may be used from any thread.
unsafe impl<T: Send, H: HostAddressable> Send for Zeroed<T, H> {}
// SAFETY: as for `Send`; shared, it only lends shared references.
unsafe impl<T: Sync, H: HostAddressable> Sync for Zeroed<T, H> {}

impl<T: Blank, H: HostAddressable> Zeroed<T, H> {
    /// `len` entries in `memory`.
    pub(super) fn new(len: usize, memory: H) -> Result<Self, MemoryError> {
        let mut layout = Layout::new::<()>();
        let row = Reserved::new(&mut layout, len)?;
        let (block, base) = block_of(layout, memory)?;
        // SAFETY: that block has just been made, of the row's layout, and is freed with it.
        Ok(Self { row: unsafe { row.at(base) }, block })
    }

    pub(super) fn memory(&self) -> &H {
        self.block.memory()
    }

    #[inline]
    pub(super) fn entries(&self) -> &[T] {
        self.row.entries()
    }

    #[inline]
    pub(super) fn entries_mut(&mut self) -> &mut [T] {
        self.row.entries_mut()
    }
}
