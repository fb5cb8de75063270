//! A doubly linked list in a heap.

mod cursor;
mod iter;
mod links;
mod traits;

use core::marker::PhantomData;
use core::mem::offset_of;

pub use self::cursor::CursorMut;
pub use self::iter::{Iter, IterMut};
use self::links::{At, CHANGING, Node};
pub use self::traits::IntoIter;
use super::words::ListWords;
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, OffsetPtr};

/// `LinkedList<T>` in a heap: each element has a block of its own, and
/// [cursors](CursorMut) change it anywhere.
///
/// A vector or a [`ShmDeque`](super::ShmDeque) is faster for nearly everything
/// else.
///
/// # When a process died
///
/// An element gets into the list and out of it with one store, which the allocator
/// has on record with the element's block: a death leaves what was before the call
/// or what is after it, and loses no block of the list. The other links are put
/// right by the next access for a change, which walks the list once. See
/// [`settle`](super::Trace::settle).
#[repr(C)]
pub struct ShmList<T: ShmSafe> {
    heap: AllocatorId,
    head: At<T>,
    tail: At<T>,
    len: usize,
    _owns: PhantomData<T>,
}

impl<T: ShmSafe> ShmList<T> {
    /// Where its words are, for code that is not Rust.
    pub const WORDS: ListWords = ListWords {
        bytes: size_of::<Self>(),
        head: offset_of!(Self, head),
        len: offset_of!(Self, len),
        changing: CHANGING,
        next: offset_of!(Node<T>, next),
        value: offset_of!(Node<T>, value),
        node_bytes: size_of::<Node<T>>(),
    };

    /// An empty list, to live in `heap`.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty list, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        let none = OffsetPtr::NULL;
        Self { heap, head: none, tail: none, len: 0, _owns: PhantomData }
    }

    /// A list of what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        elements: impl IntoIterator<Item = T>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Self::new_in(heap);
        made.extend(elements)?;
        Ok(made)
    }

    /// How many elements there are.
    ///
    /// Where a process died while it changed the list, at most as many as this.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len & !CHANGING
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// The id of the heap that the elements live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// The first element, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn front(&self) -> Result<Option<&T>, ContainerError> {
        Ok(self.iter()?.next())
    }

    /// The first element, if there is one, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn front_mut(&mut self) -> Result<Option<&mut T>, ContainerError> {
        self.whole()?;
        self.value_mut(self.head)
    }

    /// The last element, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn back(&self) -> Result<Option<&T>, ContainerError> {
        Ok(self.iter()?.next_back())
    }

    /// The last element, if there is one, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn back_mut(&mut self) -> Result<Option<&mut T>, ContainerError> {
        self.whole()?;
        self.value_mut(self.tail)
    }

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the list is damaged; `value` is dropped.
    pub fn push_back(&mut self, value: T) -> Result<(), ContainerError> {
        self.whole()?;
        self.link((self.tail, OffsetPtr::NULL), value).map(|_| ())
    }

    /// Puts an element before all others.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the list is damaged; `value` is dropped.
    pub fn push_front(&mut self, value: T) -> Result<(), ContainerError> {
        self.whole()?;
        self.link((OffsetPtr::NULL, self.head), value).map(|_| ())
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn pop_back(&mut self) -> Result<Option<T>, ContainerError> {
        self.whole()?;
        if self.tail.is_null() { Ok(None) } else { self.unlink(self.tail).map(Some) }
    }

    /// Removes the first element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn pop_front(&mut self) -> Result<Option<T>, ContainerError> {
        self.whole()?;
        if self.head.is_null() { Ok(None) } else { self.unlink(self.head).map(Some) }
    }

    /// Drops the elements that `keep` says no to.
    ///
    /// A death leaves some of them, and the blocks of at most one element are lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) -> Result<(), ContainerError> {
        self.retain_mut(|element| keep(element))
    }

    /// As [`retain`](Self::retain), with elements that may be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn retain_mut(
        &mut self,
        mut keep: impl FnMut(&mut T) -> bool,
    ) -> Result<(), ContainerError> {
        let mut cursor = self.cursor_front_mut()?;
        // Not until the end: a damaged list may have none.
        for _ in 0..cursor.as_list().len() {
            let Some(element) = cursor.current()? else { return Err(ContainerError::Corrupt) };
            if keep(element) {
                cursor.move_next()?;
            } else {
                cursor.remove_current()?;
            }
        }
        Ok(())
    }

    /// Drops all elements, the first one first.
    ///
    /// A death leaves some of them, and the blocks of at most one element are lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        while self.pop_front()?.is_some() {}
        Ok(())
    }

    /// Appends what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the list is damaged; what was appended
    /// before stays.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), ContainerError> {
        elements.into_iter().try_for_each(|element| self.push_back(element))
    }

    /// Moves all elements of `other` to the end, as
    /// [`splice_before`](CursorMut::splice_before) does.
    ///
    /// # Errors
    ///
    /// A heap is full or not attached, or a list is damaged; what was moved before
    /// stays.
    pub fn append(&mut self, other: &mut Self) -> Result<(), ContainerError> {
        self.whole()?;
        self.splice((self.tail, OffsetPtr::NULL), other)
    }

    /// Cuts off the elements from the one at `index` on, as a list of their own.
    ///
    /// They are lost if the process dies before they are in another container,
    /// until they are
    /// [reclaimed](crate::allocator::ThreadLocalAllocator::reclaim_unreachable).
    ///
    /// # Errors
    ///
    /// There are fewer, the heap is not attached, or the list is damaged.
    pub fn split_off(&mut self, index: usize) -> Result<Self, ContainerError> {
        self.whole()?;
        let len = self.len;
        if index > len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        let mut prev = OffsetPtr::NULL;
        for _ in 0..index {
            prev = self.next(prev)?;
        }
        self.cut_after(prev, index)
    }

    /// Looks whether all links lead to each other and the number of elements is
    /// right.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        let visited = self.iter()?.count();
        self.are_neighbours(OffsetPtr::NULL, self.head)?;
        self.are_neighbours(self.tail, OffsetPtr::NULL)?;
        if visited == self.len { Ok(()) } else { Err(ContainerError::Corrupt) }
    }

    /// Moves all elements of `other` between two neighbours.
    fn splice(
        &mut self,
        (mut prev, next): (At<T>, At<T>),
        other: &mut Self,
    ) -> Result<(), ContainerError> {
        other.whole()?;
        if other.is_empty() {
            return Ok(());
        }
        if other.heap == self.heap {
            return self.link_all((prev, next), other);
        }
        while let Some(element) = other.pop_front()? {
            prev = self.link((prev, next), element)?;
        }
        Ok(())
    }

    fn value_mut(&mut self, at: At<T>) -> Result<Option<&mut T>, ContainerError> {
        if at.is_null() {
            return Ok(None);
        }
        // SAFETY: a node of the list, which is borrowed mutably, in the heap and
        // aligned (`node`).
        Ok(Some(&mut unsafe { self.node(at)?.as_mut() }.value))
    }
}
