//! Small blocks without a heap slot: slabs that everybody shares.
//!
//! Taking a block is one atomic operation, freeing one is one, and a double
//! free is seen at once. Nothing here needs thread-local storage, so interrupt
//! handlers and kernels use it directly. [`SharedRun`] is the protocol.

use core::sync::atomic::Ordering;

use super::space::Space;
use super::{AllocError, FreeError};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{Journal, SharedRun};
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
            let block = self.shared_run(slab, class).take()?;
            let size = Classes::<SHIFT>::info(class).size as usize;
            let at = self.geometry().slab_start(slab).add(block * size);
            // A damaged word may say that a run of several slabs starts with one
            // of the last.
            self.bytes.slice(at, size).map(|_| (slab, at))
        })?;
        if slab != start {
            self.bytes.word(shared_hint_at(class.index())).store(slab, Ordering::Relaxed);
        }
        Some(at)
    }

    fn shared_run(&self, slab: usize, class: Class) -> SharedRun<'_, Bytes<'a>> {
        let (info, descriptor) = (Classes::<SHIFT>::info(class), self.descriptor(slab));
        let (latch, bits) = (descriptor.latch(), descriptor.shared_bits(info.blocks as usize));
        SharedRun::new(self.table(), latch, bits, slab, class.index(), info.run as usize)
    }

    /// Takes a block of a fresh shared slab.
    fn claim_shared(&self, class: Class, journal: &impl Journal) -> Result<Offset, AllocError> {
        // Again only where others took all blocks of a slab meanwhile, or are about
        // to give it back: each time there is a slab less to be claimed.
        loop {
            let slab = self.claim_run(class, journal)?;
            let run = self.shared_run(slab, class);
            run.publish(journal);
            if let Some(block) = run.take() {
                self.bytes.word(shared_hint_at(class.index())).store(slab, Ordering::Relaxed);
                let size = Classes::<SHIFT>::info(class).size as usize;
                return Ok(self.geometry().slab_start(slab).add(block * size));
            }
        }
    }

    /// Frees a block of a shared slab.
    pub(crate) fn free_shared(
        &self,
        slab: usize,
        block: usize,
        class: Class,
        journal: &impl Journal,
    ) -> Result<(), FreeError> {
        if !self.shared_run(slab, class).put(block) {
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
        self.shared_run(slab, class).retire(journal);
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;

    use super::*;
    use crate::allocator::{Allocator, ScalablePageAllocator};
    use crate::backend::ArrayBackend;
    use crate::offset::AllocatorId;
    use crate::page_table::{SlabState, Unlogged};
    use crate::segment::Config;
    use crate::thread::{Bare, Context};

    /// A damaged word says that a run of eight slabs starts with the last one.
    #[test]
    fn a_run_that_ends_outside_hands_out_nothing_there() {
        let mut memory = [0_u8; 512 << 10];
        let config = Config::new(AllocatorId::new(0, 94));
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let heap = ScalablePageAllocator::<_, Bare, 12>::create(backend, Bare, &config).unwrap();
        let layout = Layout::new::<[u64; 100]>();
        let class = Classes::<12>::of(layout).unwrap();
        let whole = Layout::from_size_align(4096 * 64, 8).unwrap();
        let spans = heap.allocate(Context::DEFAULT, whole).unwrap();
        let space = heap.space();
        let last = space.frontier() - 1;
        space.table().claim_at(last, 1, class.index(), &Unlogged).unwrap();
        space.table().publish(last, 1, SlabState::Run, &Unlogged);
        let blocks = Classes::<12>::info(class).blocks as usize;
        for _ in 0..2 * blocks {
            if let Ok(at) = heap.allocate(Context::DEFAULT, layout) {
                assert!(heap.resolve(at, layout.size()).is_some(), "{at} is outside");
            }
        }
        assert!(heap.resolve(spans, whole.size()).is_some());
    }
}
