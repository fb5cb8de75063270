//! What a deque has in common with other types.

use core::mem::needs_drop;

use super::ShmDeque;
use crate::container::{ContainerError, ShmSafe, Trace, TraceError, Tracer};

impl<T: ShmSafe> Drop for ShmDeque<T> {
    /// Drops the elements; leaks them where the heap is not attached.
    fn drop(&mut self) {
        let Ok(ring) = self.whole() else { return };
        // In a heap that was damaged so as to go in circles, the deque is met
        // again: it must be empty then.
        self.set_tail(self.head);
        for elements in ring.slices() {
            // SAFETY: elements lie in the heap there, and nobody counts them any
            // longer.
            unsafe { elements.drop_in_place() };
        }
        self.raw.release();
    }
}

impl<T: ShmSafe> Trace for ShmDeque<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let damaged = |_: ContainerError| TraceError::Damaged { at: self.raw.offset().offset() };
        let (ring, (first, second)) = self.parted().map_err(damaged)?;
        // SAFETY: nothing is looked at yet.
        if unsafe { self.raw.trace_block((0, ring.len), tracer) }? {
            for run in ring.runs(0..first).into_iter().chain(ring.runs(second..ring.len)) {
                // SAFETY: elements are before the gap and behind it.
                unsafe { self.raw.trace_run(run, tracer) }?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, levels: u32) {
        // Whoever looks at a damaged deque next is told.
        let _ = self.whole();
        if let (true, Some(levels), Ok(elements)) =
            (needs_drop::<T>(), levels.checked_sub(1), self.iter_mut())
        {
            elements.for_each(|element| element.settle(levels));
        }
    }
}

sequence!(ShmDeque);

into_elements!(ShmDeque, "The elements of a deque by value; drops those that are left.");
