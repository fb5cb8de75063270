//! Blocks that nobody reaches, in a shared heap.

use anymem_core::container::{
    Pending, ReclaimError, Reclaimed, RootType, Trace, TraceError, TraceRoom,
};
use anymem_core::thread::Context;

use super::SharedHeap;

/// Values that there is room to note at first.
const FIRST: usize = 1 << 10;

impl SharedHeap {
    /// Frees every block that no root and none of `values` reaches: what dead
    /// processes were holding. Counts the handles of shared values anew.
    ///
    /// `types` are those of the heap's roots; a root of another type makes it
    /// refuse. The rest is as for
    /// [the allocator's](super::SharedAllocator::reclaim_unreachable), for which
    /// this finds the memory.
    ///
    /// ```
    /// use anymem::container::{RootType, ShmBox, ShmVec};
    /// use anymem::{HeapOptions, Size};
    /// let heap = HeapOptions::new().create_memfd("lists", Size::mib(8))?;
    /// let list = heap.root_or_create("list", |heap| ShmVec::from_slice_in(&[1, 2], heap))?;
    /// // As if a process had died with a box in its hands.
    /// std::mem::forget(ShmBox::new_in(7_u64, &heap)?);
    /// // SAFETY: nobody else knows of the heap, and all that is used is in `list`.
    /// let freed = unsafe { heap.reclaim_unreachable(&[RootType::of::<ShmVec<i32>>()], &[]) }?;
    /// assert_eq!(freed.blocks, 1);
    /// assert_eq!(list.as_slice()?, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`ReclaimError`]; nothing was freed then.
    ///
    /// # Safety
    ///
    /// - Nobody else uses the heap meanwhile, in this process or another. (A
    ///   process that holds a heap slot is noticed, any other is not.)
    /// - Every block in use is reached by a root or by one of `values`, or is
    ///   never used again: those behind values that somebody keeps outside of
    ///   the heap, or that are reached through another heap, are not.
    /// - So is every handle of a shared value, which counts only if it is reached:
    ///   one kept outside of the heap is among `values`, or is never used nor
    ///   dropped again.
    pub unsafe fn reclaim_unreachable(
        &self,
        types: &[RootType],
        values: &[&dyn Trace],
    ) -> Result<Reclaimed, ReclaimError> {
        let context = self.inner.attached.context(Context::DEFAULT);
        let mut marks = vec![0; self.allocator().words_to_mark()];
        let mut pending = vec![Pending::NONE; FIRST];
        loop {
            let room = TraceRoom { marks: &mut marks, pending: &mut pending };
            // SAFETY: passed on from the caller.
            match unsafe { self.allocator().reclaim_unreachable(context, types, values, room) } {
                Err(ReclaimError::Trace(TraceError::TooManyPending { room })) => {
                    pending.resize(2 * room, Pending::NONE);
                }
                done => return done,
            }
        }
    }
}
