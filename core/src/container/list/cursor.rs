//! A place in a list where it can be changed.

use super::super::{ContainerError, ShmSafe};
use super::ShmList;
use super::links::At;

/// A place in a [`ShmList`]: at an element, or between the last one and the first.
///
/// It goes round: behind the last element is the place between, and behind that the
/// first element. Every change takes as long as another, wherever it is.
///
/// ```
/// # use anymem_core::allocator::Allocator;
/// # use anymem_core::container::{ContainerError, ShmList};
/// fn double_odd(list: &mut ShmList<u32>) -> Result<(), ContainerError> {
///     let mut cursor = list.cursor_front_mut()?;
///     while let Some(&mut number) = cursor.current()? {
///         if number % 2 == 1 {
///             cursor.insert_before(number)?;
///         }
///         cursor.move_next()?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct CursorMut<'l, T: ShmSafe> {
    list: &'l mut ShmList<T>,
    /// The element that it is at, if there is one.
    at: At<T>,
    /// How many elements are before it.
    index: usize,
}

impl<T: ShmSafe> ShmList<T> {
    /// A cursor at the first element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn cursor_front_mut(&mut self) -> Result<CursorMut<'_, T>, ContainerError> {
        self.whole()?;
        Ok(CursorMut { at: self.head, index: 0, list: self })
    }

    /// A cursor at the last element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn cursor_back_mut(&mut self) -> Result<CursorMut<'_, T>, ContainerError> {
        self.whole()?;
        Ok(CursorMut { at: self.tail, index: self.len.saturating_sub(1), list: self })
    }
}

impl<T: ShmSafe> CursorMut<'_, T> {
    /// How many elements are before this one; `None` between the last and the first.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        (!self.at.is_null()).then_some(self.index)
    }

    /// The list.
    #[must_use]
    pub fn as_list(&self) -> &ShmList<T> {
        self.list
    }

    /// The element here, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn current(&mut self) -> Result<Option<&mut T>, ContainerError> {
        self.list.value_mut(self.at)
    }

    /// The element after this place, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn peek_next(&mut self) -> Result<Option<&mut T>, ContainerError> {
        let next = self.list.next(self.at)?;
        self.list.value_mut(next)
    }

    /// The element before this place, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn peek_prev(&mut self) -> Result<Option<&mut T>, ContainerError> {
        let prev = self.list.prev(self.at)?;
        self.list.value_mut(prev)
    }

    /// Moves one place on.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn move_next(&mut self) -> Result<(), ContainerError> {
        let next = self.list.next(self.at)?;
        self.index = if self.at.is_null() { 0 } else { self.index.saturating_add(1) };
        self.at = next;
        Ok(())
    }

    /// Moves one place back.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn move_prev(&mut self) -> Result<(), ContainerError> {
        let prev = self.list.prev(self.at)?;
        self.index = if prev.is_null() {
            self.list.len()
        } else if self.at.is_null() {
            self.list.len().saturating_sub(1)
        } else {
            self.index.saturating_sub(1)
        };
        self.at = prev;
        Ok(())
    }

    /// Puts an element before this place; between the last and the first, at the end.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the list is damaged; `value` is dropped.
    pub fn insert_before(&mut self, value: T) -> Result<(), ContainerError> {
        let prev = self.list.prev(self.at)?;
        self.list.link((prev, self.at), value)?;
        self.index = self.index.saturating_add(1);
        Ok(())
    }

    /// Puts an element after this place; between the last and the first, at the
    /// start.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the list is damaged; `value` is dropped.
    pub fn insert_after(&mut self, value: T) -> Result<(), ContainerError> {
        let next = self.list.next(self.at)?;
        self.list.link((self.at, next), value)?;
        self.grown_behind();
        Ok(())
    }

    /// Removes the element here, if there is one; the cursor is at the next one then.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn remove_current(&mut self) -> Result<Option<T>, ContainerError> {
        if self.at.is_null() {
            return Ok(None);
        }
        let next = self.list.next(self.at)?;
        let removed = self.list.unlink(self.at)?;
        self.at = next;
        Ok(Some(removed))
    }

    /// Puts all elements of `other` before this place.
    ///
    /// Nodes of the same heap are linked, others are moved one by one. Nodes of a
    /// list that was taken apart are lost if the process dies meanwhile, until they
    /// are [reclaimed](crate::allocator::ThreadLocalAllocator::reclaim_unreachable).
    ///
    /// # Errors
    ///
    /// A heap is full or not attached, or a list is damaged; what was not moved is
    /// dropped.
    pub fn splice_before(&mut self, mut other: ShmList<T>) -> Result<(), ContainerError> {
        let more = other.len();
        let prev = self.list.prev(self.at)?;
        self.list.splice((prev, self.at), &mut other)?;
        self.index = self.index.saturating_add(more);
        Ok(())
    }

    /// Puts all elements of `other` after this place, as
    /// [`splice_before`](Self::splice_before).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn splice_after(&mut self, mut other: ShmList<T>) -> Result<(), ContainerError> {
        let next = self.list.next(self.at)?;
        self.list.splice((self.at, next), &mut other)?;
        self.grown_behind();
        Ok(())
    }

    /// Cuts off all elements before this place, as a list of their own; between the
    /// last and the first, all of them.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn split_before(&mut self) -> Result<ShmList<T>, ContainerError> {
        let rest = self.list.cut_before(self.at, self.index)?;
        self.index = 0;
        Ok(rest)
    }

    /// Cuts off all elements after this place, as a list of their own; between the
    /// last and the first, all of them.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged.
    pub fn split_after(&mut self) -> Result<ShmList<T>, ContainerError> {
        let kept = self.index().map_or(0, |index| index + 1);
        let rest = self.list.cut_after(self.at, kept)?;
        self.grown_behind();
        Ok(rest)
    }

    /// Between the last and the first, all elements are before the cursor.
    fn grown_behind(&mut self) {
        if self.at.is_null() {
            self.index = self.list.len();
        }
    }
}
