//! Any memory, behind one pointer.

use core::fmt;
use core::ptr::NonNull;

use super::{Address, Memory, MemoryError, MemoryId, RawAddress};

/// A [`Memory`] whose address type is not known where it is used.
///
/// All memories are. Addresses of another kind of memory are
/// [`BadAddress`](MemoryError::BadAddress).
///
/// # Safety
///
/// As [`Memory`], of which it is the shadow.
pub unsafe trait AnyMemory: Send + Sync {
    /// As [`Memory::id`].
    fn id(&self) -> MemoryId;

    /// As [`Memory::host`].
    fn host(&self, address: RawAddress) -> Option<NonNull<u8>>;

    /// As [`Memory::copy_to`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn copy_to(
        &self,
        to: RawAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError>;

    /// As [`Memory::copy_from`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: RawAddress,
        len: usize,
    ) -> Result<(), MemoryError>;

    /// As [`Memory::post_copy_to`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn post_copy_to(
        &self,
        to: RawAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError>;

    /// As [`Memory::post_copy_from`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: RawAddress,
        len: usize,
    ) -> Result<(), MemoryError>;

    /// As [`Memory::fill`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn fill(&self, at: RawAddress, byte: u8, len: usize) -> Result<(), MemoryError>;

    /// As [`Memory::copy_peer`].
    ///
    /// # Safety
    ///
    /// As there.
    unsafe fn copy_peer(
        &self,
        to: RawAddress,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>>;

    /// As [`Memory::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    fn flush(&self) -> Result<(), MemoryError>;

    /// As [`Memory::failures`].
    fn failures(&self) -> u32;

    /// As [`Memory::granule`].
    fn granule(&self) -> usize;
}

fn typed<A: Address>(raw: RawAddress) -> Result<A, MemoryError> {
    A::from_raw(raw).ok_or(MemoryError::BadAddress)
}

// SAFETY: each method is that of `Memory`, with the same address.
unsafe impl<M: Memory> AnyMemory for M {
    fn id(&self) -> MemoryId {
        Memory::id(self)
    }

    fn host(&self, address: RawAddress) -> Option<NonNull<u8>> {
        Memory::host(self, M::Address::from_raw(address)?)
    }

    unsafe fn copy_to(
        &self,
        to: RawAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are those of the method called.
        unsafe { Memory::copy_to(self, typed(to)?, from, len) }
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: RawAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are those of the method called.
        unsafe { Memory::copy_from(self, to, typed(from)?, len) }
    }

    unsafe fn post_copy_to(
        &self,
        to: RawAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are those of the method called.
        unsafe { Memory::post_copy_to(self, typed(to)?, from, len) }
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: RawAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are those of the method called.
        unsafe { Memory::post_copy_from(self, to, typed(from)?, len) }
    }

    unsafe fn fill(&self, at: RawAddress, byte: u8, len: usize) -> Result<(), MemoryError> {
        // SAFETY: the caller's promises are those of the method called.
        unsafe { Memory::fill(self, typed(at)?, byte, len) }
    }

    unsafe fn copy_peer(
        &self,
        to: RawAddress,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        let to = M::Address::from_raw(to)?;
        // SAFETY: the caller's promises are those of the method called.
        unsafe { Memory::copy_peer(self, to, from, len) }
    }

    fn flush(&self) -> Result<(), MemoryError> {
        Memory::flush(self)
    }

    fn failures(&self) -> u32 {
        Memory::failures(self)
    }

    fn granule(&self) -> usize {
        Memory::granule(self)
    }
}

/// Some bytes of some memory.
#[derive(Clone, Copy)]
pub struct Place<'m> {
    /// The memory.
    pub memory: &'m dyn AnyMemory,
    /// Where in it.
    pub address: RawAddress,
    /// How many bytes.
    pub len: usize,
}

impl<'m> Place<'m> {
    /// `len` bytes of `memory` from `address` on.
    #[must_use]
    #[inline]
    pub fn new<M: Memory>(memory: &'m M, address: M::Address, len: usize) -> Self {
        Self { memory, address: address.to_raw(), len }
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {:?} of {:?}", self.len, self.address, self.memory.id())
    }
}
