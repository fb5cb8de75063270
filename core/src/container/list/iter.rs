//! Visiting the elements of a list.
//!
//! Each node must name the one that the walk came from, and the two ends stop
//! where they meet: no node is visited twice, not even in a list that was damaged
//! so as to go in circles.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem::offset_of;
use core::ptr::NonNull;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::ShmList;
use super::links::{At, CHANGING, Node};
use crate::offset::OffsetPtr;

/// A walk from both ends.
struct Walk<T> {
    /// Where the nodes are; `None` if there are none.
    heap: Option<Heap>,
    front: At<T>,
    back: At<T>,
    /// The last node that was visited from the front.
    before: At<T>,
    /// The last node that was visited from the back.
    after: At<T>,
    left: usize,
}

impl<T: ShmSafe> ShmList<T> {
    fn walk(&self) -> Result<Walk<T>, ContainerError> {
        if self.len & CHANGING != 0 {
            return Err(ContainerError::HalfChanged);
        }
        let heap = if self.len == 0 { None } else { Some(Heap::find(self.heap)?) };
        self.could_be(self.len)?;
        let none = OffsetPtr::NULL;
        let (front, back, left) = (self.head, self.tail, self.len);
        Ok(Walk { heap, front, back, before: none, after: none, left })
    }

    /// Visits the elements in order, from either end.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the list is damaged. (Where it is only found on
    /// the way that links make no sense, the walk ends there.)
    pub fn iter(&self) -> Result<Iter<'_, T>, ContainerError> {
        Ok(Iter { walk: self.walk()?, list: PhantomData })
    }

    /// Visits the elements in order, from either end, to change them.
    ///
    /// # Errors
    ///
    /// As for [`iter`](Self::iter).
    pub fn iter_mut(&mut self) -> Result<IterMut<'_, T>, ContainerError> {
        self.whole()?;
        Ok(IterMut { walk: self.walk()?, list: PhantomData })
    }
}

impl<T> Walk<T> {
    fn next(&mut self) -> Option<NonNull<Node<T>>> {
        let node = self.visit(self.front, self.after)?;
        let (next, prev) = links(node);
        self.agree(prev, self.before)?;
        (self.before, self.front) = (self.front, next);
        Some(node)
    }

    fn next_back(&mut self) -> Option<NonNull<Node<T>>> {
        let node = self.visit(self.back, self.before)?;
        let (next, prev) = links(node);
        self.agree(next, self.after)?;
        (self.after, self.back) = (self.back, prev);
        Some(node)
    }

    /// The node at `at`, unless all were visited, up to the one at `end`.
    fn visit(&mut self, at: At<T>, end: At<T>) -> Option<NonNull<Node<T>>> {
        self.left = if at == end { 0 } else { self.left };
        self.left = self.left.checked_sub(1)?;
        self.heap?.array(at.offset(), 1).ok()
    }

    /// Ends the walk where links contradict each other.
    fn agree(&mut self, named: At<T>, visited: At<T>) -> Option<()> {
        if named != visited {
            self.left = 0;
            return None;
        }
        Some(())
    }
}

/// The next node and the previous one.
fn links<T>(node: NonNull<Node<T>>) -> (At<T>, At<T>) {
    let node = node.as_ptr();
    // SAFETY: a node of the list, in the heap and aligned (`visit`). The value may
    // be borrowed, so there is no reference to all of the node.
    let next = unsafe { (*node).next };
    // SAFETY: as above.
    (next, unsafe { (*node).prev })
}

/// The value of a node.
fn value<T>(node: NonNull<Node<T>>) -> NonNull<T> {
    // SAFETY: inside the node, which is in the heap (`visit`).
    unsafe { node.byte_add(offset_of!(Node<T>, value)) }.cast()
}

macro_rules! iterator {
    ($name:ident, $list:ty, $item:ty, [$($reference:tt)+], $doc:literal) => {
        #[doc = $doc]
        pub struct $name<'l, T> {
            walk: Walk<T>,
            list: PhantomData<$list>,
        }

        impl<'l, T> Iterator for $name<'l, T> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                let value = value(self.walk.next()?);
                // SAFETY: in the heap and aligned, of a list that is borrowed, and
                // not visited before (see the module).
                Some(unsafe { $($reference)+ *value.as_ptr() })
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.walk.left, Some(self.walk.left))
            }
        }

        impl<T> DoubleEndedIterator for $name<'_, T> {
            fn next_back(&mut self) -> Option<Self::Item> {
                let value = value(self.walk.next_back()?);
                // SAFETY: as in `next`.
                Some(unsafe { $($reference)+ *value.as_ptr() })
            }
        }

        impl<T> ExactSizeIterator for $name<'_, T> {}

        impl<T> FusedIterator for $name<'_, T> {}

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("left", &self.walk.left).finish()
            }
        }
    };
}

iterator!(Iter, &'l T, &'l T, [&], "Visits the elements of a [`ShmList`].");
iterator!(
    IterMut,
    &'l mut T,
    &'l mut T,
    [&mut],
    "Visits the elements of a [`ShmList`], to change them."
);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { walk: Walk { ..self.walk }, list: PhantomData }
    }
}
