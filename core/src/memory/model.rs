//! What a memory has to be able to do.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Address, MemoryError, Place};

/// Which memory it is.
///
/// Two memories with the same id are one: an address of one is valid in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemoryId {
    /// What kind: `"host"`, `"cuda"`, …
    pub kind: &'static str,
    /// Which one of that kind: a device, a rank, a heap.
    pub instance: u64,
}

/// An address space: how to allocate, free, copy and fill there.
///
/// Copies are named as seen from the memory: [`copy_to`](Self::copy_to) goes to it,
/// [`copy_from`](Self::copy_from) comes from it; the other side is the processor's memory.
///
/// # Safety
///
/// - A block is at its address, and nobody else's, until it is freed.
/// - A copy or fill that returns `Ok` has touched exactly the bytes it was asked for; one
///   that failed has touched no others. Posted ones count as returned when
///   [`flush`](Self::flush) has.
/// - No method unwinds.
#[doc(alias = "System.Distributed_Memory")]
#[doc(alias = "Storage_Model_Type")]
pub unsafe trait Memory: Send + Sync {
    /// Where something is in this memory.
    type Address: Address;

    /// Which memory it is.
    fn id(&self) -> MemoryId;

    /// A new block; its bytes are not initialised. A layout of size 0 is allowed.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](MemoryError::OutOfMemory), or what the memory's backend says.
    #[doc(alias = "Allocate")]
    fn allocate(&self, layout: Layout) -> Result<Self::Address, MemoryError>;

    /// A new block of zeroes.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate), and as [`fill`](Self::fill).
    fn allocate_zeroed(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        let address = self.allocate(layout)?;
        // SAFETY: the block is new and has that many bytes.
        if let Err(error) = unsafe { self.fill(address, 0, layout.size()) } {
            // SAFETY: nobody else has heard of it.
            unsafe { self.free(address, layout) };
            return Err(error);
        }
        Ok(address)
    }

    /// Gives a block back.
    ///
    /// # Safety
    ///
    /// `address` was allocated here with this layout, was not freed since, and nothing
    /// uses the block.
    #[doc(alias = "Deallocate")]
    #[doc(alias = "Free")]
    unsafe fn free(&self, address: Self::Address, layout: Layout);

    /// Copies `len` bytes of the processor's memory to this one.
    ///
    /// Unless the memory says how, it is done by way of [`host`](Self::host).
    ///
    /// # Errors
    ///
    /// What the memory's backend says; the bytes of the destination are then anything.
    ///
    /// # Safety
    ///
    /// `from` is readable and `to` within a block for `len` bytes; nobody writes the one
    /// or uses the other meanwhile.
    #[doc(alias = "Copy_To")]
    #[doc(alias = "Copy_Out")]
    #[doc(alias = "Copy_To_Target")]
    unsafe fn copy_to(
        &self,
        to: Self::Address,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        let to = self.host(to).ok_or(MemoryError::Unsupported)?;
        // SAFETY: passed on from the caller.
        unsafe { to.as_ptr().copy_from(from, len) };
        Ok(())
    }

    /// Copies `len` bytes of this memory to the processor's.
    ///
    /// Unless the memory says how, it is done by way of [`host`](Self::host).
    ///
    /// # Errors
    ///
    /// What the memory's backend says; the bytes of the destination are then anything.
    ///
    /// # Safety
    ///
    /// `to` is writable and `from` within a block for `len` bytes; nobody uses the one or
    /// writes the other meanwhile.
    #[doc(alias = "Copy_From")]
    #[doc(alias = "Copy_In")]
    #[doc(alias = "Copy_From_Target")]
    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: Self::Address,
        len: usize,
    ) -> Result<(), MemoryError> {
        let from = self.host(from).ok_or(MemoryError::Unsupported)?;
        // SAFETY: passed on from the caller.
        unsafe { to.copy_from(from.as_ptr(), len) };
        Ok(())
    }

    /// Sets `len` bytes to `byte`.
    ///
    /// Unless the memory says how, it is done by way of [`host`](Self::host), or by copies of
    /// a KiB.
    ///
    /// # Errors
    ///
    /// What the memory's backend says; the bytes are then anything.
    ///
    /// # Safety
    ///
    /// `at` is within a block for `len` bytes, which nobody else uses meanwhile.
    unsafe fn fill(&self, at: Self::Address, byte: u8, len: usize) -> Result<(), MemoryError> {
        if let Some(at) = self.host(at) {
            // SAFETY: passed on from the caller.
            unsafe { at.write_bytes(byte, len) };
            return Ok(());
        }
        let bytes = [byte; 1024];
        for done in (0..len).step_by(bytes.len()) {
            let part = bytes.len().min(len - done);
            // SAFETY: the part lies within what the caller vouches for.
            unsafe { self.copy_to(at.byte_add(done), bytes.as_ptr(), part)? };
        }
        Ok(())
    }

    /// Where the processor finds the block's bytes, if it can use them.
    fn host(&self, _address: Self::Address) -> Option<NonNull<u8>> {
        None
    }

    /// Copies `len` bytes of another memory directly; `None` if there is no such way.
    ///
    /// # Safety
    ///
    /// `to` is within a block of this memory, and `from` one of its memory, for `len`
    /// bytes; nobody uses the one or writes the other meanwhile. They may overlap.
    unsafe fn copy_peer(
        &self,
        _to: Self::Address,
        _from: Place<'_>,
        _len: usize,
    ) -> Option<Result<(), MemoryError>> {
        None
    }

    /// As [`copy_to`](Self::copy_to), but it may be done only when
    /// [`flush`](Self::flush) returns.
    ///
    /// # Errors
    ///
    /// As [`copy_to`](Self::copy_to).
    ///
    /// # Safety
    ///
    /// As [`copy_to`](Self::copy_to), until then.
    unsafe fn post_copy_to(
        &self,
        to: Self::Address,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are at least as strong.
        unsafe { self.copy_to(to, from, len) }
    }

    /// As [`copy_from`](Self::copy_from), but it may be done only when
    /// [`flush`](Self::flush) returns.
    ///
    /// # Errors
    ///
    /// As [`copy_from`](Self::copy_from).
    ///
    /// # Safety
    ///
    /// As [`copy_from`](Self::copy_from), until then.
    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: Self::Address,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are at least as strong.
        unsafe { self.copy_from(to, from, len) }
    }

    /// Waits until everything posted is done, on both sides.
    ///
    /// # Errors
    ///
    /// The first failure of what was posted, any of whose destinations may then hold
    /// anything. It is told once, to who flushes first: who shares a memory with other
    /// threads looks at [`failures`](Self::failures), too.
    fn flush(&self) -> Result<(), MemoryError> {
        Ok(())
    }

    /// Counts the posted copies that have failed, and wraps.
    ///
    /// If it is the same before one's first post and after one's flush, none of one's own
    /// copies has failed, whoever flushed. Memories that do at once what is posted count
    /// nothing.
    fn failures(&self) -> u32 {
        0
    }

    /// Bytes that can still be allocated, if the memory knows.
    #[doc(alias = "Storage_Size")]
    fn available(&self) -> Option<usize> {
        None
    }

    /// Bytes that addresses and lengths of copies should be multiples of to be fast.
    fn granule(&self) -> usize {
        1
    }
}

/// A memory whose blocks the processor can use.
///
/// # Safety
///
/// [`host`](Memory::host) of an address within a block is always `Some`, and the pointer is
/// valid for reads and writes to the end of the block, aligned as its layout asked for,
/// until the block is freed.
#[diagnostic::on_unimplemented(
    message = "the processor cannot use the memory `{Self}`",
    label = "this needs a memory that the processor can use",
    note = "copy what is there: `to_memory`, `read`, `get`"
)]
pub unsafe trait HostAddressable: Memory {}
