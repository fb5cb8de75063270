//! Elements of a memory that somebody else owns, borrowed.
//!
//! Invariant of both types: all elements are within one block of the memory, aligned for
//! their type, and initialised, for as long as the view lives. Nobody writes those of a
//! [`MemRef`]; nobody else uses those of a [`MemMut`].

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ops::{Range, RangeBounds};

use bytemuck::{Pod, bytes_of};

use super::span::{counted, within};
use super::temporary::Temporary;
use super::{Address, HostAddressable, MemRead, Memory, MemoryError, Place, Route, transfer};

/// Elements that live in a memory, borrowed for reading: what `&[T]` is to a slice.
///
/// ```
/// use anymem_core::memory::{ArrayMemory, MemRead, MemSlice};
///
/// let mut array = [0_u8; 1024];
/// let memory = ArrayMemory::new(&mut array);
/// let primes = MemSlice::from_slice(&[2_u16, 3, 5, 7, 11], &memory)?;
/// let odd = primes.part(1..)?;
/// assert_eq!((odd.len(), odd.get(0)?), (4, 3));
/// assert!(odd.get(4).is_err());
/// # Ok::<(), anymem_core::memory::MemoryError>(())
/// ```
pub struct MemRef<'a, T: Pod, M: Memory> {
    memory: &'a M,
    address: M::Address,
    len: usize,
    _elements: PhantomData<&'a [T]>,
}

impl<T: Pod, M: Memory> Clone for MemRef<'_, T, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Pod, M: Memory> Copy for MemRef<'_, T, M> {}

impl<'a, T: Pod, M: Memory> MemRef<'a, T, M> {
    /// The `len` elements of `memory` from `address` on.
    ///
    /// # Safety
    ///
    /// They are within one block, aligned for their type and initialised, and nobody writes
    /// or frees them for `'a`.
    #[must_use]
    #[inline]
    pub const unsafe fn from_raw(memory: &'a M, address: M::Address, len: usize) -> Self {
        Self { memory, address, len, _elements: PhantomData }
    }

    /// How many elements.
    #[must_use]
    #[inline]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The memory that they are in.
    #[must_use]
    #[inline]
    pub const fn memory(self) -> &'a M {
        self.memory
    }

    /// Where the first one is.
    #[must_use]
    #[inline]
    pub const fn address(self) -> M::Address {
        self.address
    }

    /// Their bytes.
    #[must_use]
    pub fn place(self) -> Place<'a> {
        Place::new(self.memory, self.address, self.len * size_of::<T>())
    }

    /// Those of `range`.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange).
    pub fn part(self, range: impl RangeBounds<usize>) -> Result<Self, MemoryError> {
        Ok(self.at(within(range, self.len)?))
    }

    /// Those of `range`, which are all there.
    #[inline]
    fn at(self, range: Range<usize>) -> Self {
        let address = self.address.byte_add(range.start * size_of::<T>());
        Self { address, len: range.len(), ..self }
    }

    /// The element `index`: one copy from the memory.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange), and what the memory says.
    #[inline]
    pub fn get(self, index: usize) -> Result<T, MemoryError> {
        let at = self.at(counted(index, 1, self.len)?).address;
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the element is in a block, and there is room for it.
        unsafe { self.memory.copy_from(value.as_mut_ptr().cast(), at, size_of::<T>())? };
        // SAFETY: all its bytes have been written, with some of a `T`.
        Ok(unsafe { value.assume_init() })
    }

    /// The elements from `start` on, as many as `into` has room for: one copy from the
    /// memory.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange) if there are fewer; nothing is read then. What
    /// the memory says; `into` may then hold anything.
    pub fn read(self, start: usize, into: &mut [T]) -> Result<(), MemoryError> {
        let from = self.at(counted(start, into.len(), self.len)?).address;
        let len = size_of_val(into);
        // SAFETY: the elements are in a block, and `into` has room for them.
        unsafe { self.memory.copy_from(into.as_mut_ptr().cast(), from, len) }
    }
}

impl<'a, T: Pod, M: HostAddressable> MemRef<'a, T, M> {
    /// The elements, where they are.
    #[must_use]
    #[inline]
    pub fn as_slice(self) -> &'a [T] {
        // SAFETY: `HostAddressable` promises that there is one.
        let start = unsafe { self.memory.host(self.address).unwrap_unchecked() };
        // SAFETY: the invariant at the top, and the pointer is valid as `HostAddressable` says.
        unsafe { core::slice::from_raw_parts(start.as_ptr().cast(), self.len) }
    }
}

impl<T: Pod, M: Memory> fmt::Debug for MemRef<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, memory) = (core::any::type_name::<T>(), self.memory.id());
        write!(f, "[{name}; {}] at {:?} of {memory:?}", self.len, self.address)
    }
}

/// Elements that live in a memory, borrowed for writing: what `&mut [T]` is to a slice.
pub struct MemMut<'a, T: Pod, M: Memory> {
    view: MemRef<'a, T, M>,
    _elements: PhantomData<&'a mut [T]>,
}

impl<'a, T: Pod, M: Memory> MemMut<'a, T, M> {
    /// The `len` elements of `memory` from `address` on.
    ///
    /// # Safety
    ///
    /// They are within one block, aligned for their type and initialised, and nobody else
    /// uses them for `'a`.
    #[must_use]
    #[inline]
    pub const unsafe fn from_raw(memory: &'a M, address: M::Address, len: usize) -> Self {
        // SAFETY: the caller promises more.
        Self { view: unsafe { MemRef::from_raw(memory, address, len) }, _elements: PhantomData }
    }

    /// The same, for reading.
    #[must_use]
    #[inline]
    pub const fn as_ref(&self) -> MemRef<'_, T, M> {
        self.view
    }

    /// The same, for as long as this is borrowed.
    #[must_use]
    #[inline]
    pub const fn reborrow(&mut self) -> MemMut<'_, T, M> {
        MemMut { view: self.view, _elements: PhantomData }
    }

    /// Those of `range`.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange).
    pub fn into_part(self, range: impl RangeBounds<usize>) -> Result<Self, MemoryError> {
        Ok(Self { view: self.view.part(range)?, ..self })
    }

    /// Those before `at`, and the others.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange).
    pub fn split_at(self, at: usize) -> Result<(Self, Self), MemoryError> {
        let part = |range| Self { view: self.view.at(range), _elements: PhantomData };
        let (front, rest) = (within(..at, self.view.len)?, within(at.., self.view.len)?);
        Ok((part(front), part(rest)))
    }

    /// Writes the element `index`: one copy to the memory.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange), and what the memory says.
    #[inline]
    pub fn set(&mut self, index: usize, value: T) -> Result<(), MemoryError> {
        self.write(index, core::slice::from_ref(&value))
    }

    /// Writes the elements from `start` on: one copy to the memory.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange) if there are fewer; nothing is written then.
    /// What the memory says; the elements may then hold anything.
    #[inline]
    pub fn write(&mut self, start: usize, from: &[T]) -> Result<(), MemoryError> {
        let to = self.view.at(counted(start, from.len(), self.view.len)?).address;
        // SAFETY: the elements are in a block, and nobody else uses them.
        unsafe { self.view.memory.copy_to(to, from.as_ptr().cast(), size_of_val(from)) }
    }

    /// Changes the element `index`: one copy from the memory and one to it.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    #[inline]
    pub fn update(&mut self, index: usize, with: impl FnOnce(T) -> T) -> Result<(), MemoryError> {
        let value = self.view.get(index)?;
        self.set(index, with(value))
    }

    /// Changes all elements, a part at a time: one copy from the memory and one to it for
    /// each [`TEMPORARY`](super::TEMPORARY) bytes. `with` also gets the element's index.
    ///
    /// # Errors
    ///
    /// What the memory says; the parts before have then been changed.
    pub fn update_each(&mut self, mut with: impl FnMut(usize, &mut T)) -> Result<(), MemoryError> {
        let (mut temporary, mut own) = (Temporary::new(), MaybeUninit::uninit());
        let room = temporary.elements::<T>(&mut own);
        room.fill(MaybeUninit::zeroed());
        // SAFETY: all elements are initialised, for zeroes are a `Pod`.
        let room = unsafe { core::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), room.len()) };
        for start in (0..self.view.len).step_by(room.len()) {
            let count = room.len().min(self.view.len - start);
            let part: &mut [T] = &mut room[..count];
            self.view.read(start, part)?;
            part.iter_mut().zip(start..).for_each(|(element, index)| with(index, element));
            self.write(start, part)?;
        }
        Ok(())
    }

    /// Sets all elements to `value`.
    ///
    /// # Errors
    ///
    /// What the memory says; the elements may then hold anything.
    pub fn fill(&mut self, value: T) -> Result<(), MemoryError> {
        let bytes = bytes_of(&value);
        match bytes.split_first() {
            Some((first, rest)) if rest.iter().all(|byte| byte == first) => {
                let len = self.view.len * bytes.len();
                // SAFETY: the elements are in a block, and nobody else uses them.
                unsafe { self.view.memory.fill(self.view.address, *first, len) }
            }
            Some(_) => self.fill_by_copies(value),
            None => Ok(()),
        }
    }

    fn fill_by_copies(&mut self, value: T) -> Result<(), MemoryError> {
        let (mut temporary, mut own) = (Temporary::new(), MaybeUninit::uninit());
        let copies = temporary.elements::<T>(&mut own);
        copies.fill(MaybeUninit::new(value));
        // SAFETY: all elements have been initialised.
        let copies = unsafe { core::slice::from_raw_parts(copies.as_ptr().cast(), copies.len()) };
        for start in (0..self.view.len).step_by(copies.len()) {
            let count = copies.len().min(self.view.len - start);
            self.write(start, &copies[..count])?;
        }
        Ok(())
    }

    /// Copies elements of any memory here, as many as there are; says which way they went.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](MemoryError::OutOfRange) if there are more or fewer; nothing is copied
    /// then. Otherwise as [`transfer`].
    #[doc(alias = ":=")]
    pub fn assign(&mut self, from: &impl MemRead<Item = T>) -> Result<Route, MemoryError> {
        let (from, to) = (from.view(), self.view);
        if from.len() != to.len {
            return Err(MemoryError::OutOfRange { start: 0, len: from.len(), of: to.len });
        }
        // SAFETY: both are in blocks; what is borrowed for writing nobody else uses.
        unsafe { transfer(to.place(), from.place(), to.place().len) }
    }
}

impl<'a, T: Pod, M: HostAddressable> MemMut<'a, T, M> {
    /// The elements, where they are.
    #[must_use]
    #[inline]
    pub fn into_mut_slice(self) -> &'a mut [T] {
        // SAFETY: `HostAddressable` promises that there is one.
        let start = unsafe { self.view.memory.host(self.view.address).unwrap_unchecked() };
        // SAFETY: the invariant at the top, and the pointer is valid as `HostAddressable` says.
        unsafe { core::slice::from_raw_parts_mut(start.as_ptr().cast(), self.view.len) }
    }
}

impl<T: Pod, M: Memory> fmt::Debug for MemMut<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view.fmt(f)
    }
}
