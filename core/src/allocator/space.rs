//! Slabs with space behind them: found, claimed, committed.
//!
//! What [`SpanTable`] claims are numbers; this file makes sure that there is
//! memory for them (see `backing`) and for their metadata before anybody writes
//! to it, so that a full file system is an error and never a signal.

use core::sync::atomic::Ordering;

use super::contents::Contents;
use super::slot::Slot;
use super::{AllocError, FreeError};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{Descriptor, DirtyList, Journal, OwnerWord, SlabState, SpanTable, Want};
use crate::secure::Secret;
use crate::segment::{Counter, Geometry, Roots, Segment, SlotTable, WORD, WORD_BITS};
use crate::size_class::{Class, Classes, RUN, RunOfBlocks};
use crate::sync::{Arena, Bytes};
use crate::thread::ThreadModel;

/// Slabs whose metadata are committed at a time.
const EXTENT: usize = 64;

/// Once slabs of so many bytes have been used, further ones are expected to be
/// filled as well.
const EXPECTED: usize = 32 << 20;

/// Where a block is, according to the owner words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A block of a run.
    Block {
        /// The run's first slab.
        slab: usize,
        /// Number of the block in the run.
        block: usize,
        /// The run's class.
        class: Class,
        /// The slot that owns the run, or `SHARED`.
        slot: usize,
    },
    /// A large block, which starts at this slab.
    Large(usize),
}

/// The slabs of a segment, with what is needed to claim and resolve them.
#[derive(Debug)]
pub(crate) struct Space<'a, B, T, const SHIFT: u32> {
    segment: &'a Segment<B, T, SHIFT>,
    pub(crate) bytes: Bytes<'a>,
}

impl<B, T, const SHIFT: u32> Clone for Space<'_, B, T, SHIFT> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, T, const SHIFT: u32> Copy for Space<'_, B, T, SHIFT> {}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Space<'a, B, T, SHIFT> {
    #[inline]
    pub(crate) fn new(segment: &'a Segment<B, T, SHIFT>) -> Self {
        Self { segment, bytes: segment.bytes() }
    }

    #[inline]
    pub(crate) fn geometry(&self) -> &'a Geometry<SHIFT> {
        self.segment.geometry()
    }

    #[inline]
    pub(crate) fn secret(&self) -> Secret {
        self.segment.secret()
    }

    /// This process's threading system, which knows who of the segment's users
    /// lives.
    pub(crate) fn model(&self) -> &'a Segment<B, T, SHIFT> {
        self.segment
    }

    /// Whether the space behind slabs is never given back.
    pub(crate) fn is_resident(&self) -> bool {
        self.segment.is_resident()
    }

    pub(crate) fn backend(&self) -> &'a B {
        self.segment.backend()
    }

    #[inline]
    pub(crate) fn table(&self) -> SpanTable<'_, Bytes<'a>> {
        let g = self.geometry();
        let (owners, used) = (Offset::new(g.owners_at), Offset::new(g.used_at));
        SpanTable::new(&self.bytes, owners, used, Counter::Search.at(), g.slabs)
    }

    /// The named roots.
    pub(crate) fn roots(&self) -> Roots<'_> {
        self.segment.roots()
    }

    #[inline]
    pub(crate) fn slots(&self) -> SlotTable<'_, Bytes<'a>> {
        SlotTable::new(&self.bytes, Offset::new(self.geometry().states_at), self.geometry().slots)
    }

    #[inline]
    pub(crate) fn descriptor(&self, slab: usize) -> Descriptor<'_, Bytes<'a>> {
        let at = self.geometry().descriptor(slab);
        Descriptor::new(&self.bytes, at, Geometry::<SHIFT>::BITMAP)
    }

    /// The blocks of the run of `class` that starts with `slab`.
    #[inline]
    pub(crate) fn run_of(&self, slab: usize, class: Class) -> RunOfBlocks {
        RunOfBlocks::new::<SHIFT>(class, self.geometry().slab_start(slab).get())
    }

    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> Slot<'a, SHIFT> {
        let key = self.secret().of_slot(slot);
        Slot::new(self.bytes, self.geometry().slot_start(slot), slot, key)
    }

    /// The list of dirty slabs of `slot`, if it is a slot.
    pub(crate) fn dirty_of(&self, slot: usize) -> Option<DirtyList<'_, Bytes<'a>>> {
        (slot < self.geometry().slots)
            .then(|| DirtyList::new(&self.bytes, self.slot(slot).dirty_at()))
    }

    #[inline]
    pub(crate) fn owner(&self, slab: usize) -> OwnerWord {
        self.table().owner(slab)
    }

    /// Slabs whose metadata have space behind them; no other was ever claimed.
    #[inline]
    pub(crate) fn frontier(&self) -> usize {
        // Acquire: pairs with the AcqRel in `advance`; the committed metadata
        // are there.
        self.bytes.word(Counter::Frontier.at()).load(Ordering::Acquire).min(self.geometry().slabs)
    }

    /// How many of the `size` bytes at `at` are inside the segment: in a damaged
    /// heap a block may be cut short by its end.
    #[inline]
    pub(crate) fn inside(&self, at: Offset, size: usize) -> usize {
        size.min(self.bytes.len().saturating_sub(at.get()))
    }

    /// Which block starts at `at`, as far as the owner words tell.
    pub(crate) fn place(&self, at: Offset) -> Option<Place> {
        let (head, owner) = self.head_at(at)?;
        match owner.state {
            SlabState::Span => {
                (self.geometry().slab_start(head) == at).then_some(Place::Large(head))
            }
            SlabState::Run => self.block_in(head, owner, at),
            _ => None,
        }
    }

    /// The slab at `at` or, if that is a further slab of a run, the run's first,
    /// with its owner word.
    #[inline]
    pub(crate) fn head_at(&self, at: Offset) -> Option<(usize, OwnerWord)> {
        let slab = self.geometry().slab_of(at).filter(|&slab| slab < self.frontier())?;
        let owner = self.owner(slab);
        if owner.state != SlabState::Tail {
            return Some((slab, owner));
        }
        let head = slab / RUN * RUN;
        Some((head, self.owner(head)))
    }

    fn block_in(&self, slab: usize, owner: OwnerWord, at: Offset) -> Option<Place> {
        let class = Classes::<SHIFT>::get(owner.class)?;
        let distance = at.get().checked_sub(self.geometry().slab_start(slab).get())?;
        let block = Classes::<SHIFT>::block_at(class, distance)?;
        Some(Place::Block { slab, block, class, slot: owner.slot })
    }

    /// Claims a run for blocks of `class`, its slabs FORMING.
    pub(crate) fn claim_run(
        &self,
        class: Class,
        journal: &impl Journal,
    ) -> Result<usize, AllocError> {
        let run = Classes::<SHIFT>::info(class).run as usize;
        let want = Want { count: run, room: 0, step: run, phase: 0 };
        // Magazine entries are 32 bits wide, so small blocks come from the
        // part of the segment that these can name; large ones from anywhere.
        let named = (u32::MAX as usize).saturating_mul(crate::size_class::GRAIN);
        let limit = named.saturating_sub(self.geometry().data_at) >> SHIFT;
        self.claim(want, limit, class.index(), Contents::Any, journal)
    }

    /// Claims slabs below `limit` and commits them.
    pub(crate) fn claim(
        &self,
        want: Want,
        limit: usize,
        class: usize,
        contents: Contents,
        journal: &impl Journal,
    ) -> Result<usize, AllocError> {
        if self.backend().read_only() {
            return Err(AllocError::ReadOnly);
        }
        let requested = want.count << SHIFT;
        loop {
            let frontier = self.frontier();
            if let Ok(first) = self.table().claim(want, limit.min(frontier), class, journal) {
                return self.commit(first, want.count, contents, journal).map(|()| first);
            }
            if frontier >= limit.min(self.geometry().slabs) {
                return Err(AllocError::Full { requested });
            }
            self.advance(frontier, want)?;
        }
    }

    /// Whether slabs below `end` may be claimed, if need be after moving the frontier there:
    /// but only if those from `first` up to it are free.
    pub(crate) fn reach(&self, first: usize, end: usize) -> bool {
        loop {
            let frontier = self.frontier();
            if end <= frontier {
                return true;
            }
            let before = frontier.saturating_sub(first);
            let is_last = !self.table().used_bits().any(first, before);
            let further = Want::anywhere(end - frontier);
            if end > self.geometry().slabs || !is_last || self.advance(frontier, further).is_err() {
                return false;
            }
        }
    }

    /// Puts space behind the metadata of further slabs.
    fn advance(&self, frontier: usize, want: Want) -> Result<(), AllocError> {
        let g = self.geometry();
        let step = EXTENT.max(frontier / 4).max(want.count.saturating_add(want.step));
        let end = frontier.saturating_add(step.next_multiple_of(WORD_BITS)).min(g.slabs);
        let (words, descriptors) = (end - frontier, Geometry::<SHIFT>::DESCRIPTOR);
        let bits = words.div_ceil(WORD_BITS) * WORD;
        let bits_at = frontier / WORD_BITS * WORD;
        let backend = self.backend();
        for table in [g.used_at, g.backed_at, g.written_at, g.resting_at] {
            backend.commit(Offset::new(table + bits_at), bits)?;
        }
        backend.commit(g.owner_word(frontier), words * WORD)?;
        backend.commit(g.descriptor(frontier), words * descriptors)?;
        // AcqRel: pairs with the Acquire in `frontier`. A loser finds that
        // somebody else moved the frontier on, which serves as well.
        let (word, order) = (self.bytes.word(Counter::Frontier.at()), Ordering::AcqRel);
        if word.compare_exchange(frontier, end, order, Ordering::Relaxed).is_ok() {
            let first = frontier.max(EXPECTED >> SHIFT);
            backend.expect(g.slab_start(first), end.saturating_sub(first) << SHIFT);
        }
        Ok(())
    }

    /// Puts space behind slabs that the caller claimed, or gives them back.
    fn commit(
        &self,
        first: usize,
        count: usize,
        contents: Contents,
        journal: &impl Journal,
    ) -> Result<(), AllocError> {
        self.back(first, count, contents)
            .inspect_err(|_| self.table().release(first, count, journal))
    }

    /// Takes back, or finishes, what the dead holder of `slot` was doing to slabs
    /// `first..first + count`.
    pub(crate) fn undo_slabs(&self, first: usize, count: usize, slot: usize) {
        self.table().undo(first, count, slot);
        if first < self.frontier() {
            self.descriptor(first).end_retirement(slot);
        }
    }

    /// Counts a free that was refused.
    #[cold]
    pub(crate) fn count_refused(&self, error: FreeError) {
        match error {
            FreeError::Overflow { .. } => self.count(Counter::Overflows),
            _ => self.count_double_free(),
        }
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.bytes.word(counter.at()).fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a double free that was seen and ignored.
    #[cold]
    pub(crate) fn count_double_free(&self) {
        self.count_double_frees(1);
    }

    /// Counts the double frees among blocks that were freed together.
    pub(crate) fn count_double_frees(&self, count: usize) {
        if count != 0 {
            self.bytes.word(Counter::DoubleFrees.at()).fetch_add(count, Ordering::Relaxed);
        }
    }
}
