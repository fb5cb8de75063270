//! Elements in a memory, owned.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;

use bytemuck::Pod;

use super::block::Block;
use super::{MemMut, MemRead, MemRef, MemWrite, Memory, MemoryError, Route};

/// Elements that live in a memory and are freed there by drop: what `Box<[T]>` is to the
/// processor's.
///
/// Its number of elements is not in the memory but here. The memory may be lent (`&M` is a
/// memory), whereby it outlives its objects; an object of one's own scope is an automatic
/// one.
///
/// [`MemRead`] and [`MemWrite`] are what it does.
///
/// ```
/// use anymem_core::memory::{ArrayMemory, MemRead, MemSlice, MemWrite, Route, SimMemory};
///
/// let mut array = [0_u8; 8192];
/// let host = ArrayMemory::new(&mut array);
/// let device = SimMemory::new(&host, 4096, 0)?;
///
/// let here = MemSlice::from_slice(&[1.5_f32; 100], &host)?;
/// let (mut there, route) = here.to_memory(&device)?;
/// assert_eq!(route, Route::To);
/// there.update(1, |x| x + 1.0)?;
/// assert_eq!(there.get(1)?, 2.5);
///
/// let (back, route) = there.to_memory(&host)?;
/// assert_eq!(route, Route::From);
/// assert_eq!(back.as_slice()[..3], [1.5, 2.5, 1.5]);
/// # Ok::<(), anymem_core::memory::MemoryError>(())
/// ```
#[doc(alias = "Distributed_Memory")]
pub struct MemSlice<T: Pod, M: Memory> {
    block: Block<M>,
    len: usize,
    _elements: PhantomData<T>,
}

impl<T: Pod, M: Memory> MemSlice<T, M> {
    /// `len` zeroes.
    ///
    /// # Errors
    ///
    /// What the memory says.
    pub fn zeroed(len: usize, memory: M) -> Result<Self, MemoryError> {
        let block = Block::zeroed(memory, layout::<T>(len)?)?;
        Ok(Self { block, len, _elements: PhantomData })
    }

    /// `len` times `value`.
    ///
    /// # Errors
    ///
    /// What the memory says.
    pub fn filled(len: usize, value: T, memory: M) -> Result<Self, MemoryError> {
        Self::built(len, memory, |elements| elements.fill(value)).map(|(slice, ())| slice)
    }

    /// A copy of elements that are in the processor's memory.
    ///
    /// # Errors
    ///
    /// What the memory says.
    pub fn from_slice(elements: &[T], memory: M) -> Result<Self, MemoryError> {
        let write = |to: &mut MemMut<'_, T, M>| to.write(0, elements);
        Self::built(elements.len(), memory, write).map(|(slice, ())| slice)
    }

    /// A copy of elements of any memory, and which way they came.
    ///
    /// # Errors
    ///
    /// What one of the memories says.
    pub fn copied(
        elements: &impl MemRead<Item = T>,
        memory: M,
    ) -> Result<(Self, Route), MemoryError> {
        Self::built(elements.len(), memory, |to| to.assign(elements))
    }

    /// `len` elements that `init` writes, all of them, without reading them before.
    fn built<R>(
        len: usize,
        memory: M,
        init: impl FnOnce(&mut MemMut<'_, T, M>) -> Result<R, MemoryError>,
    ) -> Result<(Self, R), MemoryError> {
        // SAFETY: nothing reads the elements before `init` has written them.
        let mut slice = unsafe { Self::uninit(len, memory)? };
        let done = init(&mut slice.view_mut())?;
        Ok((slice, done))
    }

    /// `len` elements, whatever they are.
    ///
    /// # Errors
    ///
    /// What the memory says.
    ///
    /// # Safety
    ///
    /// They are written before they are read.
    pub unsafe fn uninit(len: usize, memory: M) -> Result<Self, MemoryError> {
        let block = Block::allocate(memory, layout::<T>(len)?)?;
        Ok(Self { block, len, _elements: PhantomData })
    }

    /// Takes it apart: the memory, the address, the number of elements. Nothing is freed.
    #[must_use = "the block is lost otherwise"]
    pub fn into_raw(self) -> (M, M::Address, usize) {
        let (memory, address) = self.block.into_raw();
        (memory, address, self.len)
    }

    /// The elements that [`into_raw`](Self::into_raw) was called on.
    ///
    /// # Safety
    ///
    /// There is a block at `address` for as many elements, allocated with their layout and
    /// initialised; it is nobody else's.
    #[must_use]
    pub unsafe fn from_raw(memory: M, address: M::Address, len: usize) -> Self {
        // SAFETY: the caller says that there is such a block, which has a layout then.
        let layout = unsafe { Layout::array::<T>(len).unwrap_unchecked() };
        // SAFETY: passed on from the caller.
        let block = unsafe { Block::from_raw(memory, address, layout) };
        Self { block, len, _elements: PhantomData }
    }
}

fn layout<T>(len: usize) -> Result<Layout, MemoryError> {
    Layout::array::<T>(len).map_err(|_| MemoryError::OutOfMemory { requested: usize::MAX })
}

impl<T: Pod, M: Memory> MemRead for MemSlice<T, M> {
    type Item = T;
    type Memory = M;

    #[inline]
    fn view(&self) -> MemRef<'_, T, M> {
        // SAFETY: the block was allocated for so many, and is borrowed with this.
        unsafe { MemRef::from_raw(self.block.memory(), self.block.address(), self.len) }
    }
}

impl<T: Pod, M: Memory> MemWrite for MemSlice<T, M> {
    #[inline]
    fn view_mut(&mut self) -> MemMut<'_, T, M> {
        // SAFETY: as for `view`, and it is borrowed for writing.
        unsafe { MemMut::from_raw(self.block.memory(), self.block.address(), self.len) }
    }
}

impl<T: Pod, M: Memory> fmt::Debug for MemSlice<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
