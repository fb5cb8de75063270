//! What a list has in common with other types.

use core::mem::needs_drop;

use super::ShmList;
use super::links::{At, Node};
use crate::container::{ShmSafe, Trace, TraceError, Tracer};
use crate::offset::{AllocatorId, Offset};

impl<T: ShmSafe> Drop for ShmList<T> {
    /// Drops the elements, the first one first; leaks them where the heap is not
    /// attached.
    fn drop(&mut self) {
        while let Ok(Some(_)) = self.pop_front() {}
    }
}

impl<T: ShmSafe> Trace for ShmList<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // SAFETY: nodes of a list of that type.
        unsafe { follow(self.heap, self.head, tracer) }
    }

    fn settle(&mut self, levels: u32) {
        // Whoever looks at a damaged list next is told.
        let _ = self.whole();
        if let (true, Some(levels), Ok(elements)) =
            (needs_drop::<T>(), levels.checked_sub(1), self.iter_mut())
        {
            elements.for_each(|element| element.settle(levels));
        }
    }
}

/// Names the node at `at`, and with it those behind it.
///
/// # Safety
///
/// One is there, if that is a block.
unsafe fn follow<T: ShmSafe>(
    heap: AllocatorId,
    at: At<T>,
    tracer: &mut Tracer<'_>,
) -> Result<(), TraceError> {
    if at.is_null() {
        return Ok(());
    }
    // SAFETY: passed on from the caller.
    unsafe { tracer.owned(heap, at.offset(), size_of::<Node<T>>(), (nodes::<T>, 1)) }.map(|_| ())
}

/// Looks at a node.
///
/// # Safety
///
/// One is at `at`.
unsafe fn nodes<T: ShmSafe>(
    tracer: &mut Tracer<'_>,
    at: Offset,
    len: usize,
) -> Result<(), TraceError> {
    // SAFETY: inside the heap and aligned (`array`), and a node (contract).
    let node = unsafe { tracer.array::<Node<T>>(at, len)?.as_ref() };
    node.value.trace(tracer)?;
    // SAFETY: as its node says.
    unsafe { follow(tracer.heap().allocator().id(), node.next, tracer) }
}

sequence!(ShmList);

into_elements!(ShmList, "The elements of a list by value; drops those that are left.");
