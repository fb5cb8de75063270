//! Calls that know where a block is, but not how it was asked for: C's `free`.
//!
//! The class of a block stands in the owner word of its slab.
//!
//! So does the owner. Blocks that are shorter than a cache line go back to it,
//! through the *outbox*: reused by another thread, they would have two threads
//! write to one line.

use core::ptr::NonNull;

use super::local_heap::LocalHeap;
use super::space::{Place, Space};
use super::{FreeError, ThreadLocalAllocator};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{KIND_BITS, OwnerWord};
use crate::secure;
use crate::size_class::{Classes, Lane, TINY};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> ThreadLocalAllocator<B, T, SHIFT> {
    /// Frees a block without a slot.
    ///
    /// # Errors
    ///
    /// As [`Allocator::free`](super::Allocator::free).
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap, and is not used afterwards.
    pub unsafe fn free_unsized(&self, at: Offset) -> Result<(), FreeError> {
        self.pages().free_unsized(at)
    }

    /// Bytes of the block at `at` that may be used; `None` if none starts there.
    #[must_use]
    pub fn usable_size_of(&self, at: Offset) -> Option<usize> {
        self.pages().space().size_of_block(at)
    }

    /// Bytes that the block at `at` takes: those that may be used and, in a
    /// hardened heap, those that guard them. `None` if none starts there.
    #[must_use]
    pub fn room_of(&self, at: Offset) -> Option<usize> {
        self.pages().space().room_of_block(at)
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    pub(super) fn size_of_block(&self, at: Offset) -> Option<usize> {
        self.usable(at, || self.room_of_block(at)).map(|size| self.inside(at, size))
    }

    fn room_of_block(&self, at: Offset) -> Option<usize> {
        let room = match self.place(at)? {
            Place::Block { class, .. } => Classes::<SHIFT>::info(class).size as usize,
            Place::Large(slab) => self.span_len(slab) << SHIFT,
        };
        Some(self.inside(at, room))
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Frees a block if that takes no more than a look at its slab's owner and
    /// at a magazine; whether it did.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this heap and is not used afterwards, or it is
    /// outside of the heap.
    #[inline]
    pub unsafe fn try_free_unsized(&self, block: NonNull<u8>) -> bool {
        let at = self.distance(block);
        !secure::ON && self.lane_of_freed(at).is_some_and(|lane| self.push(lane, at))
    }

    /// The magazines of blocks by the kind of their slab.
    const LANE_OF_KIND: &'static [Lane; 1 << KIND_BITS] = &{
        let mut lanes = [Classes::<SHIFT>::NOWHERE; 1 << KIND_BITS];
        let mut kind = 0;
        while kind < lanes.len() {
            if let Some(class) = OwnerWord::run_class(kind)
                && class < Classes::<SHIFT>::COUNT
            {
                lanes[kind] = Lane::of(&Classes::<SHIFT>::TABLE[class]);
            }
            kind += 1;
        }
        lanes
    };

    #[inline]
    fn lane_of_freed(&self, at: usize) -> Option<Lane> {
        let word = self.owner_bits(at)?;
        let lane = Self::LANE_OF_KIND[OwnerWord::kind_in(word)];
        if Classes::<SHIFT>::is_tiny(lane) && OwnerWord::slot_in(word) != self.slot.number() {
            return Some(Lane::of(Classes::<SHIFT>::info(Classes::<SHIFT>::OUTBOX)));
        }
        Some(lane)
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// [`FreeError::Outside`] and, for large blocks and addresses where no
    /// block starts, the rest at once where it can be seen at all; see
    /// [`free`](Self::free) for small blocks.
    ///
    /// # Safety
    ///
    /// As for [`try_free_unsized`](Self::try_free_unsized).
    #[inline]
    pub unsafe fn free_unsized(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        // SAFETY: passed on from the caller.
        if unsafe { self.try_free_unsized(block) } {
            return Ok(());
        }
        self.free_unsized_slow(block)
    }

    /// Bytes of a small block that may be used, found with a look at its slab's
    /// owner; `None` for other blocks.
    ///
    /// # Safety
    ///
    /// `block` is a live block, of this heap or another.
    #[must_use]
    #[inline]
    pub unsafe fn try_usable_size(&self, block: NonNull<u8>) -> Option<usize> {
        if secure::ON {
            return None;
        }
        let at = self.distance(block);
        let class = Classes::<SHIFT>::get(OwnerWord::run_class(self.owner_bits(at)?)?)?;
        Some(self.space.inside(Offset::new(at), Classes::<SHIFT>::info(class).size as usize))
    }

    /// Bytes of the block at `block` that may be used; `None` if none starts
    /// there.
    #[must_use]
    pub fn usable_size_of(&self, block: NonNull<u8>) -> Option<usize> {
        self.space.size_of_block(Offset::new(self.distance(block)))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn free_unsized_slow(&self, block: NonNull<u8>) -> Result<(), FreeError> {
        if !self.contains(block) {
            return Err(FreeError::Outside);
        }
        let at = self.distance(block);
        match self.space.place(Offset::new(at)) {
            Some(place @ Place::Block { class, slot, .. }) => {
                let foreign = class.index() < TINY && slot != self.slot.number();
                let class = if foreign { Classes::<SHIFT>::OUTBOX } else { class };
                if secure::ON {
                    // Before the block is opened: a death loses it from then on
                    // until it is in the magazine.
                    self.make_room(class);
                }
                self.space.open(Offset::new(at), place)?;
                self.free_small(class, at);
                Ok(())
            }
            Some(Place::Large(_)) => self.free_span(Offset::new(at)),
            None => {
                self.space.count_double_free();
                Err(FreeError::NotABlock)
            }
        }
    }
}
