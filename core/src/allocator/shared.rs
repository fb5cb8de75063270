//! Small blocks without a heap slot: slabs that everybody shares.
//!
//! Such a slab belongs to [`SHARED`], and its remote bitmap alone says what is
//! free. Taking a block is one atomic operation, freeing one is one, and a
//! double free is seen at once. Nothing here needs thread-local storage, so
//! interrupt handlers and kernels use it directly.
//!
//! A taker may have looked at the owner word long before it takes a bit, and
//! the slab may have become something else in between; so it looks again
//! afterwards, and puts the bit back if so.

use core::sync::atomic::Ordering;

use super::space::Space;
use super::{AllocError, FreeError};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{Bitmap, Journal, SHARED, SlabState};
use crate::segment::shared_hint_at;
use crate::size_class::{Class, Classes};
use crate::sync::{Arena, Bytes};
use crate::thread::ThreadModel;

/// Slabs that a search looks at before it takes a fresh one.
const LOOK_AHEAD: usize = 256;

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Space<'a, B, T, SHIFT> {
    /// Allocates a block of `class` from a shared slab.
    pub(crate) fn allocate_shared(
        &self,
        class: Class,
        journal: &impl Journal,
    ) -> Result<Offset, AllocError> {
        let hint = self.bytes.word(shared_hint_at(class.index()));
        let start = hint.load(Ordering::Relaxed);
        if let Some(at) = self.take_near(class, start, LOOK_AHEAD) {
            return Ok(at);
        }
        let claimed = self.claim_shared(class, journal);
        match claimed {
            Ok(at) => Ok(at),
            Err(error) => self.take_near(class, start, usize::MAX).ok_or(error),
        }
    }

    /// Takes a block from one of the `most` slabs that follow slab `start`.
    fn take_near(&self, class: Class, start: usize, most: usize) -> Option<Offset> {
        let slabs = self.frontier();
        let (before, from) = (0..start.min(slabs), start.min(slabs)..slabs);
        let (slab, at) = from.chain(before).take(most).find_map(|slab| {
            let owner = self.owner(slab);
            let fits = owner.is_run_of(SHARED) && owner.class == class.index();
            fits.then(|| self.take_from(slab, class)).flatten().map(|at| (slab, at))
        })?;
        if slab != start {
            self.bytes.word(shared_hint_at(class.index())).store(slab, Ordering::Relaxed);
        }
        Some(at)
    }

    fn take_from(&self, slab: usize, class: Class) -> Option<Offset> {
        let info = Classes::<SHIFT>::info(class);
        let block = self.shared_bits(slab, class).take()?;
        let owner = self.owner(slab);
        if owner.is_run_of(SHARED) && owner.class == class.index() {
            return Some(self.geometry().slab_start(slab).add(block * info.size as usize));
        }
        self.shared_bits(slab, class).put(block);
        None
    }

    fn shared_bits(&self, slab: usize, class: Class) -> Bitmap<'_, Bytes<'a>> {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        self.descriptor(slab).remote_bits(blocks)
    }

    /// Takes the first block of a fresh shared slab.
    fn claim_shared(&self, class: Class, journal: &impl Journal) -> Result<Offset, AllocError> {
        let info = Classes::<SHIFT>::info(class);
        let slab = self.claim_run(class, SHARED, journal)?;
        let bits = self.shared_bits(slab, class);
        bits.fill(true);
        let taken = bits.take().is_some();
        self.table().publish(slab, info.run as usize, SlabState::Run, journal);
        self.bytes.word(shared_hint_at(class.index())).store(slab, Ordering::Relaxed);
        if taken { Ok(self.geometry().slab_start(slab)) } else { Err(AllocError::Corrupt) }
    }

    /// Frees a block of a shared slab.
    pub(crate) fn free_shared(
        &self,
        slab: usize,
        block: usize,
        class: Class,
        journal: &impl Journal,
    ) -> Result<(), FreeError> {
        if !self.shared_bits(slab, class).put(block) {
            return Err(FreeError::DoubleFree);
        }
        let hint = self.bytes.word(shared_hint_at(class.index())).load(Ordering::Relaxed);
        // The slab that the next allocation looks at is kept, so that a pair
        // of calls does not make and break a slab each time.
        if slab != hint {
            self.retire_shared(slab, class, journal);
        }
        Ok(())
    }

    /// Gives a shared slab back if all its blocks are free.
    pub(crate) fn retire_shared(&self, slab: usize, class: Class, journal: &impl Journal) {
        let bits = self.shared_bits(slab, class);
        if !bits.is_full() || !bits.retire() {
            return;
        }
        // All blocks are ours now. Somebody else may have retired the slab, and
        // a third party remade it, since we looked: then the blocks go back.
        let owner = self.owner(slab);
        if owner.is_run_of(SHARED) && owner.class == class.index() {
            let run = Classes::<SHIFT>::info(class).run as usize;
            self.table().release(slab, run, journal);
        } else {
            bits.put_all();
        }
    }
}
