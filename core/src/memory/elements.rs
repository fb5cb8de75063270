//! What all objects in a memory have in common: elements to read, and to write.

use core::ops::RangeBounds;

use bytemuck::Pod;

use super::{HostAddressable, MemMut, MemRef, MemSlice, Memory, MemoryError, Place, Route};

/// Elements that live in a memory.
///
/// The number of elements is known here, not there: to ask for it copies nothing.
pub trait MemRead {
    /// What the elements are.
    type Item: Pod;
    /// The memory that they live in.
    type Memory: Memory;

    /// All of them, borrowed.
    fn view(&self) -> MemRef<'_, Self::Item, Self::Memory>;

    /// How many elements.
    #[inline]
    fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether there are none.
    #[inline]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that they live in.
    #[inline]
    fn memory(&self) -> &Self::Memory {
        self.view().memory()
    }

    /// Where the first one is.
    #[doc(alias = "Address")]
    #[inline]
    fn address(&self) -> <Self::Memory as Memory>::Address {
        self.view().address()
    }

    /// Their bytes.
    #[inline]
    fn place(&self) -> Place<'_> {
        self.view().place()
    }

    /// As [`MemRef::part`].
    ///
    /// # Errors
    ///
    /// As there.
    fn part(
        &self,
        range: impl RangeBounds<usize>,
    ) -> Result<MemRef<'_, Self::Item, Self::Memory>, MemoryError> {
        self.view().part(range)
    }

    /// As [`MemRef::get`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    fn get(&self, index: usize) -> Result<Self::Item, MemoryError> {
        self.view().get(index)
    }

    /// As [`MemRef::read`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    fn read(&self, start: usize, into: &mut [Self::Item]) -> Result<(), MemoryError> {
        self.view().read(start, into)
    }

    /// The same elements in another memory, and which way they went there.
    ///
    /// # Errors
    ///
    /// What one of the memories says.
    #[doc(alias = "convert")]
    fn to_memory<D: Memory>(
        &self,
        memory: D,
    ) -> Result<(MemSlice<Self::Item, D>, Route), MemoryError> {
        MemSlice::copied(&self.view(), memory)
    }

    /// As [`MemRef::as_slice`].
    #[inline]
    fn as_slice(&self) -> &[Self::Item]
    where
        Self::Memory: HostAddressable,
    {
        self.view().as_slice()
    }
}

/// Elements that live in a memory, and may be written.
pub trait MemWrite: MemRead {
    /// All of them, borrowed for writing.
    fn view_mut(&mut self) -> MemMut<'_, Self::Item, Self::Memory>;

    /// As [`MemMut::into_part`].
    ///
    /// # Errors
    ///
    /// As there.
    fn part_mut(
        &mut self,
        range: impl RangeBounds<usize>,
    ) -> Result<MemMut<'_, Self::Item, Self::Memory>, MemoryError> {
        self.view_mut().into_part(range)
    }

    /// As [`MemMut::set`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    fn set(&mut self, index: usize, value: Self::Item) -> Result<(), MemoryError> {
        self.view_mut().set(index, value)
    }

    /// As [`MemMut::write`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    fn write(&mut self, start: usize, from: &[Self::Item]) -> Result<(), MemoryError> {
        self.view_mut().write(start, from)
    }

    /// As [`MemMut::update`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    fn update(
        &mut self,
        index: usize,
        with: impl FnOnce(Self::Item) -> Self::Item,
    ) -> Result<(), MemoryError> {
        self.view_mut().update(index, with)
    }

    /// As [`MemMut::update_each`].
    ///
    /// # Errors
    ///
    /// As there.
    fn update_each(&mut self, with: impl FnMut(usize, &mut Self::Item)) -> Result<(), MemoryError> {
        self.view_mut().update_each(with)
    }

    /// As [`MemMut::fill`].
    ///
    /// # Errors
    ///
    /// As there.
    fn fill(&mut self, value: Self::Item) -> Result<(), MemoryError> {
        self.view_mut().fill(value)
    }

    /// As [`MemMut::assign`].
    ///
    /// # Errors
    ///
    /// As there.
    fn assign(&mut self, from: &impl MemRead<Item = Self::Item>) -> Result<Route, MemoryError> {
        self.view_mut().assign(from)
    }

    /// As [`MemMut::into_mut_slice`].
    #[inline]
    fn as_mut_slice(&mut self) -> &mut [Self::Item]
    where
        Self::Memory: HostAddressable,
    {
        self.view_mut().into_mut_slice()
    }
}

impl<T: Pod, M: Memory> MemRead for MemRef<'_, T, M> {
    type Item = T;
    type Memory = M;

    #[inline]
    fn view(&self) -> MemRef<'_, T, M> {
        *self
    }
}

impl<T: Pod, M: Memory> MemRead for MemMut<'_, T, M> {
    type Item = T;
    type Memory = M;

    #[inline]
    fn view(&self) -> MemRef<'_, T, M> {
        self.as_ref()
    }
}

impl<T: Pod, M: Memory> MemWrite for MemMut<'_, T, M> {
    #[inline]
    fn view_mut(&mut self) -> MemMut<'_, T, M> {
        self.reborrow()
    }
}
