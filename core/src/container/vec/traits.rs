//! What a vector has in common with other types.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::needs_drop;
use core::ptr;

use super::ShmVec;
use super::gap::MOVING;
use crate::container::{ShmSafe, Trace, TraceError, Tracer};

impl<T: ShmSafe> Drop for ShmVec<T> {
    /// Drops the elements; leaks them where the heap is not attached.
    fn drop(&mut self) {
        let Ok((start, len)) = self.whole() else { return };
        let elements = ptr::slice_from_raw_parts_mut(start.as_ptr(), len);
        // In a heap that was damaged so as to go in circles, the vector is met
        // again: it must be empty then.
        self.set_len(0);
        // SAFETY: `len` elements lie in the heap there, and nobody counts them
        // any longer.
        unsafe { elements.drop_in_place() };
        self.raw.release();
    }
}

impl<T: ShmSafe> Trace for ShmVec<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let at = self.shm_ptr().ptr.offset();
        let parts = self.parts().filter(|&(_, _, end)| end <= self.raw.capacity());
        let (first, second, end) = parts.ok_or(TraceError::Damaged { at })?;
        // SAFETY: elements are before the gap and behind it.
        if unsafe { self.raw.trace_block((first, end), tracer) }? {
            // SAFETY: as above.
            unsafe { self.raw.trace_run(second..end, tracer) }?;
        }
        Ok(())
    }

    fn settle(&mut self, levels: u32) {
        if self.len & MOVING != 0 {
            // Whoever looks at a damaged vector next is told.
            let _ = self.close();
        }
        if let (true, Some(levels), Ok(elements)) =
            (needs_drop::<T>(), levels.checked_sub(1), self.as_mut_slice())
        {
            elements.iter_mut().for_each(|element| element.settle(levels));
        }
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_slice() {
            Ok(elements) => elements.fmt(f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

// Vectors that cannot be read compare as `None`: equal to each other, and less
// than those that can.

impl<T: ShmSafe + PartialEq> PartialEq for ShmVec<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice().ok() == other.as_slice().ok()
    }
}

impl<T: ShmSafe + Eq> Eq for ShmVec<T> {}

impl<T: ShmSafe + PartialEq> PartialEq<[T]> for ShmVec<T> {
    fn eq(&self, other: &[T]) -> bool {
        self.as_slice().ok() == Some(other)
    }
}

impl<T: ShmSafe + PartialEq> PartialEq<&[T]> for ShmVec<T> {
    fn eq(&self, other: &&[T]) -> bool {
        *self == **other
    }
}

impl<T: ShmSafe + PartialEq, const N: usize> PartialEq<[T; N]> for ShmVec<T> {
    fn eq(&self, other: &[T; N]) -> bool {
        *self == other[..]
    }
}

impl<T: ShmSafe + PartialOrd> PartialOrd for ShmVec<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.as_slice().ok().partial_cmp(&other.as_slice().ok())
    }
}

impl<T: ShmSafe + Ord> Ord for ShmVec<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().ok().cmp(&other.as_slice().ok())
    }
}

impl<T: ShmSafe + Hash> Hash for ShmVec<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().ok().hash(state);
    }
}
