//! Whole slabs: sealed right behind the user's bytes, and what is behind the
//! seal is made inaccessible as far as it is whole pages, one at least.
//!
//! Only some backends can do that; with others there is the seal alone.

use core::sync::atomic::Ordering;

use super::seal::Sealed;
use crate::allocator::FreeError;
use crate::allocator::space::{Place, Space};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::secure::SEAL;
use crate::size_class::GRAIN;
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// Bytes for a large block of `size` bytes with its seal and guard.
    pub(crate) fn guarded_len(&self, size: usize) -> usize {
        let end = end_of_seal(size);
        match self.backend().guard_size() {
            0 => end,
            page => end.next_multiple_of(page) + page,
        }
    }

    /// Seals the large block at slab `first` for a user of `size` bytes, and
    /// guards it.
    pub(crate) fn close_large(&self, first: usize, size: usize) {
        let (start, len) = (self.geometry().slab_start(first), self.span_len(first) << SHIFT);
        let end = end_of_seal(size);
        self.descriptor(first).room().store(end, Ordering::Relaxed);
        Sealed::new(self.bytes, self.secret(), start, end).close(size);
        let page = self.backend().guard_size();
        if page > 0 {
            let from = start.add(end).get().next_multiple_of(page);
            let to = start.add(len).get() / page * page;
            if from < to {
                // Without one there is the seal.
                let _ = self.backend().guard(Offset::new(from), to - from);
            }
        }
    }

    /// Takes the large block at slab `first` back, unless something is wrong with
    /// it; whether its slabs may be used again.
    pub(crate) fn open_large(&self, first: usize) -> Result<bool, FreeError> {
        let at = self.geometry().slab_start(first);
        self.sealed(at, Place::Large(first)).open()?;
        Ok(self.unguard(first))
    }

    /// Has `resize` make the large block at slab `first` one for `size` bytes,
    /// without a guard while it does; whether it could.
    pub(crate) fn unguarded(
        &self,
        first: usize,
        size: usize,
        resize: impl FnOnce() -> bool,
    ) -> bool {
        let at = self.geometry().slab_start(first);
        let Ok(before) = self.sealed(at, Place::Large(first)).size() else { return false };
        if !self.unguard(first) {
            return false;
        }
        let resized = resize();
        self.close_large(first, if resized { size } else { before });
        resized
    }

    /// Makes all of a large block accessible; whether it is.
    fn unguard(&self, first: usize) -> bool {
        let (start, len) = (self.geometry().slab_start(first), self.span_len(first) << SHIFT);
        self.backend().guard_size() == 0 || self.backend().unguard(start, len)
    }

    /// Bytes up to the end of a large block's seal, as far as its slabs bear it
    /// out.
    pub(super) fn room_of(&self, first: usize) -> usize {
        let said = self.descriptor(first).room().load(Ordering::Relaxed);
        (said / GRAIN * GRAIN).min(self.span_len(first) << SHIFT)
    }
}

/// Where the seal of a large block of `size` bytes ends: no size that a layout
/// can have makes this overflow.
fn end_of_seal(size: usize) -> usize {
    (size + SEAL).next_multiple_of(GRAIN)
}
