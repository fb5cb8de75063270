//! What a small vector has in common with other types.

use core::mem::needs_drop;
use core::ptr;

use super::ShmSmallVec;
use super::places::parts;
use crate::container::{ShmSafe, Trace, TraceError, Tracer};

impl<T: ShmSafe, const N: usize> Drop for ShmSmallVec<T, N> {
    /// Drops the elements; leaks them where they are in a heap that is not attached.
    fn drop(&mut self) {
        let Ok(mut places) = self.places() else { return };
        let Ok(len) = places.whole() else { return };
        let elements = ptr::slice_from_raw_parts_mut(places.start.as_ptr(), len);
        // In a heap that was damaged so as to go in circles, the vector is met
        // again: it must be empty then.
        places.set_len(0);
        // SAFETY: as many elements are there, and nobody counts them any longer.
        unsafe { elements.drop_in_place() };
        self.raw.release();
    }
}

impl<T: ShmSafe, const N: usize> Trace for ShmSmallVec<T, N> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let damaged = TraceError::Damaged { at: self.raw.offset().offset() };
        let (first, second, end) = parts(self.len, &self.gap).ok_or(damaged)?;
        if self.spilled() {
            // SAFETY: elements are before the gap and behind it.
            if unsafe { self.raw.trace_block((first, end), tracer) }? {
                // SAFETY: as above.
                unsafe { self.raw.trace_run(second..end, tracer) }?;
            }
            return Ok(());
        }
        let places = self.in_place.get(..end).ok_or(damaged)?;
        let has_element = |&(index, _): &(usize, _)| index < first || second <= index;
        places.iter().enumerate().filter(has_element).try_for_each(|(_, place)| {
            // SAFETY: an element is in that place.
            unsafe { place.assume_init_ref() }.trace(tracer)
        })
    }

    fn settle(&mut self, levels: u32) {
        // Elements in place are as deep as the vector is.
        let levels = if self.spilled() { levels.checked_sub(1) } else { Some(levels) };
        // Whoever looks at a damaged vector next is told.
        if let (Ok(elements), Some(levels), true) = (self.as_mut_slice(), levels, needs_drop::<T>())
        {
            elements.iter_mut().for_each(|element| element.settle(levels));
        }
    }
}

sequence!(ShmSmallVec, N);
