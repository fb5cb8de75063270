//! Nodes and what links them: how a list changes.
//!
//! Which nodes are in a list is told by `head` and each node's `next`. They change
//! with one store, made with the [exchange](crate::allocator::Allocator::exchange)
//! that allocates or frees the node, so that no death loses it. The others, `prev`,
//! `tail` and `len`, follow: while they may be wrong the top bit of `len` is set,
//! and below it `len` is the most nodes that there can be. Who finds that walks the
//! list and writes them anew.

use core::alloc::Layout;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::super::heap::{Heap, in_order};
use super::super::{ContainerError, ShmSafe};
use super::ShmList;
use crate::offset::OffsetPtr;
use crate::sync::atomic::AtomicUsize;

/// In a length: links are being changed.
pub(super) const CHANGING: usize = 1 << (usize::BITS - 1);

/// A value in a list, and its neighbours.
#[repr(C)]
pub(super) struct Node<T> {
    pub(super) next: At<T>,
    pub(super) prev: At<T>,
    pub(super) value: T,
}

/// Where a node is; null for none.
pub(super) type At<T> = OffsetPtr<Node<T>>;

impl<T: ShmSafe> ShmList<T> {
    const LAYOUT: Layout = Layout::new::<Node<T>>();

    /// The node at `at`.
    pub(super) fn node(&self, at: At<T>) -> Result<NonNull<Node<T>>, ContainerError> {
        Heap::find(self.heap)?.array(at.offset(), 1)
    }

    /// The node after the one at `at`, or the first one after none.
    pub(super) fn next(&self, at: At<T>) -> Result<At<T>, ContainerError> {
        if at.is_null() {
            return Ok(self.head);
        }
        // SAFETY: a node of the list, in the heap and aligned (`node`).
        Ok(unsafe { self.node(at)?.as_ref() }.next)
    }

    /// The node before the one at `at`, or the last one before none.
    pub(super) fn prev(&self, at: At<T>) -> Result<At<T>, ContainerError> {
        if at.is_null() {
            return Ok(self.tail);
        }
        // SAFETY: as in `next`.
        Ok(unsafe { self.node(at)?.as_ref() }.prev)
    }

    /// Puts a value between two neighbours.
    pub(super) fn link(
        &mut self,
        (prev, next): (At<T>, At<T>),
        value: T,
    ) -> Result<At<T>, ContainerError> {
        let heap = Heap::find(self.heap)?;
        self.are_neighbours(prev, next)?;
        let mut value = Some(value);
        let mut fill = |to: NonNull<u8>| {
            if let Some(value) = value.take() {
                // SAFETY: a block of its own, as large and aligned as a node.
                unsafe { to.cast().write(Node { next, prev, value }) };
            }
        };
        let len = self.len;
        self.set_len(CHANGING | (len + 1));
        let link = self.link_after(prev)?;
        // SAFETY: the word is the list's own, valid for stores.
        let made = unsafe { heap.exchange(link, None, (Some(Self::LAYOUT), 0), &mut fill) };
        match made {
            Ok(at) => {
                self.set_prev(next, OffsetPtr::new(at))?;
                self.set_len(len + 1);
                Ok(OffsetPtr::new(at))
            }
            Err(error) => {
                self.set_len(len);
                Err(error)
            }
        }
    }

    /// Takes the node at `at` out of the list.
    pub(super) fn unlink(&mut self, at: At<T>) -> Result<T, ContainerError> {
        let heap = Heap::find(self.heap)?;
        let (prev, next) = (self.prev(at)?, self.next(at)?);
        self.are_neighbours(prev, at)?;
        self.are_neighbours(at, next)?;
        let len = self.len;
        let less = len.checked_sub(1).ok_or(ContainerError::Corrupt)?;
        // SAFETY: the list owns the value, and owns it no longer if the exchange
        // succeeds; until then nobody may drop this copy.
        let value =
            ManuallyDrop::new(unsafe { (&raw const (*self.node(at)?.as_ptr()).value).read() });
        self.set_len(CHANGING | len);
        let link = self.link_after(prev)?;
        let (old, new) = (Some((at.offset(), Self::LAYOUT)), (None, next.offset().get()));
        // SAFETY: the word is the list's own, the only one to know of the block.
        if let Err(error) = unsafe { heap.exchange(link, old, new, &mut |_| ()) } {
            self.set_len(len);
            return Err(error);
        }
        self.set_prev(next, prev)?;
        self.set_len(less);
        Ok(ManuallyDrop::into_inner(value))
    }

    /// Puts all nodes of a list of the same heap between two neighbours.
    pub(super) fn link_all(
        &mut self,
        (prev, next): (At<T>, At<T>),
        other: &mut Self,
    ) -> Result<(), ContainerError> {
        self.are_neighbours(prev, next)?;
        let (first, last, more) = (other.head, other.tail, other.len);
        let len = self.len.saturating_add(more);
        self.could_be(len)?;
        // Seen to be in the heap, before any is moved.
        let (_, ends) = (self.next(prev)?, [self.node(first)?, self.node(last)?]);
        other.forget_all();
        self.set_len(CHANGING | len);
        // SAFETY: nodes that are in nobody's list at present.
        unsafe { (*ends[0].as_ptr()).prev = prev };
        // SAFETY: as above.
        unsafe { (*ends[1].as_ptr()).next = next };
        self.set_next(prev, first)?;
        self.set_prev(next, last)?;
        self.set_len(len);
        Ok(())
    }

    /// Cuts off what is behind `prev`, the last one of `count` nodes that stay.
    pub(super) fn cut_after(&mut self, prev: At<T>, count: usize) -> Result<Self, ContainerError> {
        let (first, last, len) = (self.next(prev)?, self.tail, self.len);
        let mut rest = Self::with_heap_id(self.heap);
        if first.is_null() {
            return Ok(rest);
        }
        let more = len.checked_sub(count).ok_or(ContainerError::Corrupt)?;
        let mut node = self.node(first)?;
        self.set_len(CHANGING | len);
        self.set_next(prev, OffsetPtr::NULL)?;
        self.set_prev(OffsetPtr::NULL, prev)?;
        self.set_len(count);
        // SAFETY: a node that is in nobody's list at present.
        unsafe { node.as_mut() }.prev = OffsetPtr::NULL;
        (rest.head, rest.tail, rest.len) = (first, last, more);
        Ok(rest)
    }

    /// Cuts off what is before `next`, which are `count` nodes.
    pub(super) fn cut_before(&mut self, next: At<T>, count: usize) -> Result<Self, ContainerError> {
        let (first, last, len) = (self.head, self.prev(next)?, self.len);
        let mut rest = Self::with_heap_id(self.heap);
        if last.is_null() {
            return Ok(rest);
        }
        let more = len.checked_sub(count).ok_or(ContainerError::Corrupt)?;
        let mut node = self.node(last)?;
        self.set_len(CHANGING | len);
        self.set_next(OffsetPtr::NULL, next)?;
        self.set_prev(next, OffsetPtr::NULL)?;
        self.set_len(more);
        // SAFETY: a node that is in nobody's list at present.
        unsafe { node.as_mut() }.next = OffsetPtr::NULL;
        (rest.head, rest.tail, rest.len) = (first, last, count);
        Ok(rest)
    }

    /// Empties the list; its nodes are somebody else's.
    fn forget_all(&mut self) {
        self.set_len(CHANGING | self.len);
        self.head = OffsetPtr::NULL;
        in_order();
        self.tail = OffsetPtr::NULL;
        self.set_len(0);
    }

    /// Makes sure that no links are being changed.
    #[inline]
    pub(super) fn whole(&mut self) -> Result<(), ContainerError> {
        if self.len & CHANGING != 0 {
            self.repair()?;
        }
        self.could_be(self.len)
    }

    /// An error if the heap could not hold `len` nodes.
    pub(super) fn could_be(&self, len: usize) -> Result<(), ContainerError> {
        let bytes = len.checked_mul(size_of::<Node<T>>()).ok_or(ContainerError::Corrupt)?;
        match bytes == 0 || Heap::find(self.heap)?.has(bytes) {
            true => Ok(()),
            false => Err(ContainerError::Corrupt),
        }
    }

    /// Writes anew what a death left wrong.
    #[cold]
    #[inline(never)]
    fn repair(&mut self) -> Result<(), ContainerError> {
        let most = self.len & !CHANGING;
        self.could_be(most)?;
        let (mut prev, mut at, mut len) = (OffsetPtr::NULL, self.head, 0);
        while !at.is_null() {
            if len == most {
                return Err(ContainerError::Corrupt);
            }
            let mut node = self.node(at)?;
            // SAFETY: a node of the list, in the heap and aligned (`node`).
            unsafe { node.as_mut() }.prev = prev;
            prev = at;
            // SAFETY: as above.
            at = unsafe { node.as_ref() }.next;
            len += 1;
        }
        self.tail = prev;
        self.set_len(len);
        Ok(())
    }

    /// An error if the two nodes do not name each other.
    pub(super) fn are_neighbours(&self, prev: At<T>, next: At<T>) -> Result<(), ContainerError> {
        let agree = self.next(prev)? == next && self.prev(next)? == prev;
        if agree { Ok(()) } else { Err(ContainerError::Corrupt) }
    }

    /// The word that names the node after the one at `at`.
    fn link_after(&mut self, at: At<T>) -> Result<NonNull<AtomicUsize>, ContainerError> {
        if at.is_null() {
            return Ok(NonNull::from(&mut self.head).cast());
        }
        // The first field of a node.
        Ok(self.node(at)?.cast())
    }

    fn set_next(&mut self, at: At<T>, next: At<T>) -> Result<(), ContainerError> {
        let link = self.link_after(at)?.cast::<At<T>>();
        in_order();
        // SAFETY: a word of the list's own.
        unsafe { link.write(next) };
        in_order();
        Ok(())
    }

    fn set_prev(&mut self, at: At<T>, prev: At<T>) -> Result<(), ContainerError> {
        if at.is_null() {
            self.tail = prev;
        } else {
            // SAFETY: a node of the list, in the heap and aligned (`node`).
            unsafe { self.node(at)?.as_mut() }.prev = prev;
        }
        Ok(())
    }

    pub(super) fn set_len(&mut self, len: usize) {
        in_order();
        self.len = len;
        in_order();
    }
}
