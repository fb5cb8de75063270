//! One value in a memory, owned.

use core::fmt;

use bytemuck::Pod;

use super::{HostAddressable, MemMut, MemRead, MemRef, MemSlice, MemWrite};
use super::{Memory, MemoryError, Route};

/// A value that lives in a memory and is freed there by drop: what `Box<T>` is to the
/// processor's.
///
/// ```
/// use anymem_core::memory::{ArrayMemory, MemBox, Route, SimMemory};
///
/// let mut array = [0_u8; 4096];
/// let host = ArrayMemory::new(&mut array);
/// let (foo, bar) = (SimMemory::new(&host, 1024, 0)?, SimMemory::new(&host, 1024, 1)?);
/// let mut x = MemBox::new(1_u64, &foo)?;
/// let y = MemBox::new(2_u64, &bar)?;
/// assert_eq!(x.assign(&y)?, Route::Temporary);
/// assert_eq!(x.get()?, 2);
/// # Ok::<(), anymem_core::memory::MemoryError>(())
/// ```
#[doc(alias = "Distributed_Memory")]
pub struct MemBox<T: Pod, M: Memory>(MemSlice<T, M>);

impl<T: Pod, M: Memory> MemBox<T, M> {
    /// `value`, in `memory`.
    ///
    /// # Errors
    ///
    /// What the memory says.
    pub fn new(value: T, memory: M) -> Result<Self, MemoryError> {
        MemSlice::from_slice(core::slice::from_ref(&value), memory).map(Self)
    }

    /// The value: one copy from the memory.
    ///
    /// # Errors
    ///
    /// What the memory says.
    #[inline]
    pub fn get(&self) -> Result<T, MemoryError> {
        self.0.get(0)
    }

    /// Writes the value: one copy to the memory.
    ///
    /// # Errors
    ///
    /// What the memory says; the value may then be anything.
    #[inline]
    pub fn set(&mut self, value: T) -> Result<(), MemoryError> {
        self.0.set(0, value)
    }

    /// Changes the value: one copy from the memory and one to it.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    #[inline]
    pub fn update(&mut self, with: impl FnOnce(T) -> T) -> Result<(), MemoryError> {
        self.0.update(0, with)
    }

    /// Copies a value of any memory here, and says which way it went.
    ///
    /// # Errors
    ///
    /// As [`transfer`](super::transfer).
    #[doc(alias = ":=")]
    pub fn assign<S: Memory>(&mut self, from: &MemBox<T, S>) -> Result<Route, MemoryError> {
        self.0.assign(&from.0)
    }

    /// The same value in another memory, and which way it went there.
    ///
    /// # Errors
    ///
    /// What one of the memories says.
    #[doc(alias = "convert")]
    pub fn to_memory<D: Memory>(&self, memory: D) -> Result<(MemBox<T, D>, Route), MemoryError> {
        let (slice, route) = self.0.to_memory(memory)?;
        Ok((MemBox(slice), route))
    }

    /// The memory that it lives in.
    #[must_use]
    pub fn memory(&self) -> &M {
        self.0.memory()
    }

    /// Where it is.
    #[doc(alias = "Address")]
    #[must_use]
    pub fn address(&self) -> M::Address {
        self.0.address()
    }

    /// It, as elements of which there is one.
    #[must_use]
    pub fn view(&self) -> MemRef<'_, T, M> {
        self.0.view()
    }

    /// The same, for writing.
    #[must_use]
    pub fn view_mut(&mut self) -> MemMut<'_, T, M> {
        self.0.view_mut()
    }

    /// Takes it apart: the memory and the address. Nothing is freed.
    #[must_use = "the block is lost otherwise"]
    pub fn into_raw(self) -> (M, M::Address) {
        let (memory, address, _) = self.0.into_raw();
        (memory, address)
    }

    /// The value that [`into_raw`](Self::into_raw) was called on.
    ///
    /// # Safety
    ///
    /// There is a block at `address` that was allocated with the layout of `T` and
    /// initialised; it is nobody else's.
    #[must_use]
    pub unsafe fn from_raw(memory: M, address: M::Address) -> Self {
        // SAFETY: passed on from the caller.
        Self(unsafe { MemSlice::from_raw(memory, address, 1) })
    }
}

impl<T: Pod, M: HostAddressable> core::ops::Deref for MemBox<T, M> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0.as_slice()[0]
    }
}

impl<T: Pod, M: HostAddressable> core::ops::DerefMut for MemBox<T, M> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.as_mut_slice()[0]
    }
}

impl<T: Pod, M: Memory> fmt::Debug for MemBox<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
