//! Blocks in use: the one that an offset points into, and all of them.
//!
//! In use are those that no bitmap says to be free. That includes the free
//! blocks that heap slots keep at hand, which
//! [`for_each_cached`](ThreadLocalAllocator::for_each_cached) tells.

use core::ops::Range;

use super::space::{Place, Space};
use super::{FreeError, ThreadLocalAllocator};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::SlabState;
use crate::size_class::Classes;
use crate::thread::{Context, ThreadModel};

/// A block in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveBlock {
    /// Where it starts.
    pub at: Offset,
    /// Bytes that it takes.
    pub room: usize,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// The block in use that `at` points into.
    fn live_around(&self, at: Offset) -> Option<LiveBlock> {
        let slab = self.geometry().slab_of(at).filter(|&slab| slab < self.frontier())?;
        let is_tail = |slab: &usize| self.owner(*slab).state == SlabState::Tail;
        let head = slab - (1..=slab).rev().take_while(is_tail).count();
        let start = self.geometry().slab_start(head);
        let owner = self.owner(head);
        match owner.state {
            SlabState::Span => Some(LiveBlock { at: start, room: self.span_len(head) << SHIFT })
                .filter(|block| at.get() - block.at.get() < block.room),
            SlabState::Run => {
                let size = Classes::<SHIFT>::info(Classes::<SHIFT>::get(owner.class)?).size;
                let before = (at.get() - start.get()) % size as usize;
                self.live_at(Offset::new(at.get() - before))
            }
            _ => None,
        }
    }

    /// The block in use that starts at `at`.
    fn live_at(&self, at: Offset) -> Option<LiveBlock> {
        match self.place(at)? {
            Place::Large(slab) => Some(LiveBlock { at, room: self.span_len(slab) << SHIFT }),
            Place::Block { slab, block, class, slot } => {
                let room = Classes::<SHIFT>::info(class).size as usize;
                (!self.is_free(slab, block, class, slot)).then_some(LiveBlock { at, room })
            }
        }
    }

    /// Tells `visit` of the blocks in use, each looked at when it is reached.
    fn for_each_live(&self, visit: &mut dyn FnMut(LiveBlock)) {
        for slab in 0..self.frontier() {
            let (owner, start) = (self.owner(slab), self.geometry().slab_start(slab));
            match (owner.state, Classes::<SHIFT>::get(owner.class)) {
                (SlabState::Span, _) => self.live_at(start).into_iter().for_each(&mut *visit),
                (SlabState::Run, Some(class)) => {
                    let info = Classes::<SHIFT>::info(class);
                    let blocks =
                        (0..info.blocks as usize).map(|it| start.add(it * info.size as usize));
                    blocks.filter_map(|at| self.live_at(at)).for_each(&mut *visit);
                }
                _ => {}
            }
        }
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> ThreadLocalAllocator<B, T, SHIFT> {
    /// The block in use that `at` points into, at its start or behind it.
    ///
    /// Free blocks that heap slots keep at hand count as in use.
    #[must_use]
    pub fn live_around(&self, at: Offset) -> Option<LiveBlock> {
        self.pages().space().live_around(at)
    }

    /// Tells `visit` of every block in use, which it may free.
    ///
    /// Free blocks that heap slots keep at hand count as in use. Meaningful
    /// while nobody else allocates or frees.
    pub fn for_each_live(&self, visit: &mut dyn FnMut(LiveBlock)) {
        self.pages().space().for_each_live(visit);
    }

    /// Frees a block whose user died, who may have been about to free it or just
    /// have got it.
    ///
    /// Hardened heaps refuse such a block otherwise, for its seal tells neither that
    /// it is in use nor that it is free.
    ///
    /// # Errors
    ///
    /// As [`Allocator::free`](super::Allocator::free).
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap, and is not used afterwards.
    pub unsafe fn free_abandoned(&self, context: Context, at: Offset) -> Result<(), FreeError> {
        let space = self.pages().space();
        space.restore(at, space.place(at).ok_or(FreeError::NotABlock)?);
        match (self.local(context), space.bytes.slice(at, 1)) {
            // SAFETY: passed on from the caller.
            (Some(local), Some(start)) => unsafe { local.free_unsized(start) },
            // SAFETY: as above.
            _ => unsafe { self.free_unsized(at) },
        }
    }

    /// Where blocks have ever been: each starts there.
    #[must_use]
    pub fn blocks_range(&self) -> Range<Offset> {
        let space = self.pages().space();
        let first = space.geometry().slab_start(0);
        first..first.add(space.frontier() << SHIFT)
    }
}
