//! Large blocks: whole slabs, claimed and released as spans.

use core::alloc::Layout;
use core::sync::atomic::Ordering;

use super::contents::Contents;
use super::space::Space;
use super::{AllocError, FreeError};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{Journal, SlabState, Want};
use crate::secure;
use crate::segment::Geometry;
use crate::thread::ThreadModel;

/// A block that grew once is likely to grow again: it is placed where there is
/// room for so many times its length behind it.
const ROOM: usize = 7;

/// From so many bytes on, contents are moved page by page where that can be done.
///
/// That never takes memory for both places. But it takes three times as long as
/// copying to pages that are there, and those left behind have to be got again:
/// with 256 KiB here, buffers that grow to 4 MiB side by side took 1.2 times as
/// long as glibc's instead of 0.4.
const RELOCATED: usize = 8 << 20;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// Allocates whole slabs for `layout`.
    pub(crate) fn allocate_large(
        &self,
        layout: Layout,
        contents: Contents,
        journal: &impl Journal,
    ) -> Result<Offset, AllocError> {
        self.claim_large(layout, 0, contents, journal)
    }

    /// As [`allocate_large`](Self::allocate_large), where the block can grow, if
    /// there is such a place.
    pub(crate) fn allocate_growing(
        &self,
        layout: Layout,
        journal: &impl Journal,
    ) -> Result<Offset, AllocError> {
        let room = self.slabs_for(layout.size()).saturating_mul(ROOM);
        self.claim_large(layout, room, Contents::Any, journal)
    }

    fn claim_large(
        &self,
        layout: Layout,
        room: usize,
        contents: Contents,
        journal: &impl Journal,
    ) -> Result<Offset, AllocError> {
        let count = self.slabs_for(layout.size());
        if count > self.geometry().slabs {
            return Err(AllocError::TooLarge { requested: layout.size() });
        }
        let want = Want { count, room, ..self.want(layout.align()) };
        let first = self
            .claim(want, usize::MAX, 0, contents, journal)
            .map_err(|error| error.of_request(layout.size()))?;
        self.descriptor(first).span().store(count, Ordering::Relaxed);
        self.table().publish(first, count, SlabState::Span, journal);
        self.close_large(first, layout.size());
        Ok(self.geometry().slab_start(first))
    }

    /// Slabs for a block of `size` bytes.
    fn slabs_for(&self, size: usize) -> usize {
        self.guarded_len(size).div_ceil(Geometry::<SHIFT>::SLAB).max(1)
    }

    /// A slab whose address in this process is a multiple of `align`.
    fn want(&self, align: usize) -> Want {
        let step = (align >> SHIFT).max(1);
        let start = self.bytes.base().addr().get().wrapping_add(self.geometry().data_at) >> SHIFT;
        Want { step, phase: (step - start % step) % step, ..Want::anywhere(1) }
    }

    /// Frees the large block that starts at slab `first`.
    pub(crate) fn free_large(&self, first: usize, journal: &impl Journal) -> Result<(), FreeError> {
        self.free_large_named(first, journal, || {})
    }

    /// As [`free_large`](Self::free_large), for a block that is named somewhere:
    /// `forget` is called when a death can no longer leave it in use.
    pub(crate) fn free_large_named(
        &self,
        first: usize,
        journal: &impl Journal,
        forget: impl FnOnce(),
    ) -> Result<(), FreeError> {
        if !self.open_large(first)? {
            return Ok(());
        }
        let count = self.span_len(first);
        journal.note(first, count);
        if !self.table().begin_free(first, journal.slot()) {
            journal.clear();
            return Err(FreeError::DoubleFree);
        }
        forget();
        // Counted again, for only now the block is nobody else's to change.
        self.table().release_all(first, self.span_len(first));
        journal.clear();
        Ok(())
    }

    /// Slabs of the large block that starts at `first`: what its descriptor
    /// says, as far as the owner words bear it out.
    pub(crate) fn span_len(&self, first: usize) -> usize {
        let said = self.descriptor(first).span().load(Ordering::Relaxed).max(1);
        let end = first.saturating_add(said).min(self.geometry().slabs);
        1 + (first + 1..end).take_while(|&slab| self.owner(slab).state == SlabState::Tail).count()
    }

    /// Makes a large block `size` bytes long where it stands; whether it could.
    pub(crate) fn resize_large(&self, first: usize, size: usize, journal: &impl Journal) -> bool {
        let (old, new) = (self.span_len(first), self.slabs_for(size));
        self.unguarded(first, size, || {
            if new > old {
                return self.grow_large(first, old, new, journal);
            }
            if new < old {
                self.shrink_large(first, old, new, journal);
            }
            true
        })
    }

    fn grow_large(&self, head: usize, old: usize, new: usize, journal: &impl Journal) -> bool {
        let (first, count) = (head + old, new - old);
        if !self.reach(first, first.saturating_add(count)) {
            return false;
        }
        journal.note_resize(head, first, count);
        let table = self.table();
        let claimed = table.claim_all(first, count, journal.slot(), 0).is_ok();
        let grown = claimed && self.back(first, count, Contents::Any).is_ok();
        if grown {
            self.descriptor(head).span().store(new, Ordering::Release);
            table.publish_tails(first, count);
        } else if claimed {
            table.release_all(first, count);
        }
        journal.clear();
        grown
    }

    fn shrink_large(&self, head: usize, old: usize, new: usize, journal: &impl Journal) {
        journal.note_resize(head, head + new, old - new);
        self.descriptor(head).span().store(new, Ordering::Release);
        self.table().release_all(head + new, old - new);
        journal.clear();
    }

    /// Moves the first `bytes` of a large block to another, unless copying them
    /// is cheaper; whether it did.
    pub(crate) fn relocate_large(&self, from: usize, to: usize, bytes: usize) -> bool {
        let count = bytes.div_ceil(Geometry::<SHIFT>::SLAB);
        let [source, target] = [from, to].map(|slab| self.geometry().slab_start(slab));
        // What hardens a block lies in its pages.
        !secure::ON
            && bytes >= RELOCATED
            && count <= self.span_len(from).min(self.span_len(to))
            && self.backend().relocate(source, target, count << SHIFT)
    }

    /// Finishes or takes back a change of length that a death cut short.
    pub(crate) fn recover_resize(&self, head: usize, first: usize, count: usize, slot: usize) {
        if head >= first || first >= self.geometry().slabs {
            return;
        }
        let kept = self.descriptor(head).span().load(Ordering::Acquire) > first - head;
        self.table().finish_resize(first, count, slot, kept);
    }
}
