//! Runs of neighbouring slabs: found, claimed all or none, grown and released.
//!
//! # Protocol
//!
//! - The owner words are the truth. A slab is claimed by compare-exchange of
//!   its word from FREE to FORMING; a run by claiming its slabs one after the
//!   other and rolling back where one is taken. Nobody waits for anybody.
//! - The `used` bitmap and the search start are hints: bits are set after a
//!   claim and cleared after a release, so they may be wrong for a moment, or
//!   for ever if a process died in between. A claim that fails on a word
//!   corrects the bit; [`SpanTable::rebuild`] corrects all.
//! - Before a claim or release touches its first word it is written to the
//!   caller's [`Journal`], so that recovery knows which words to look at.
//!
//! # Complexity
//!
//! Searching is linear in bitmap words, claiming in slabs.

use core::sync::atomic::Ordering;

use super::owner::{OwnerWord, SHARED, SlabState};
use super::slab_bits::{BITS, SlabBits, masks};
use super::used_map::{UsedMap, Want};
use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

const WORD: usize = size_of::<usize>();

/// Notes which slabs a claim or release is about to touch.
///
/// Whoever recovers what a dead owner left hands the note to
/// [`SpanTable::undo`] or [`SpanTable::finish_resize`].
pub trait Journal {
    /// The slot on whose behalf slabs are claimed and released, or [`SHARED`].
    fn slot(&self) -> usize;

    /// Slabs `first..first + count` are about to be claimed or released. Where
    /// they are to be claimed, slab `first` was just free.
    fn note(&self, first: usize, count: usize);

    /// Slabs `first..first + count` are about to be added to, or cut off, the
    /// large block that starts at slab `head`.
    fn note_resize(&self, head: usize, first: usize, count: usize);

    /// The change is complete.
    fn clear(&self);
}

/// The journal of callers that cannot die half-way: kernels, interrupt
/// handlers.
#[derive(Debug, Clone, Copy)]
pub struct Unlogged;

impl Journal for Unlogged {
    fn slot(&self) -> usize {
        SHARED
    }

    fn note(&self, _first: usize, _count: usize) {}

    fn note_resize(&self, _head: usize, _first: usize, _count: usize) {}

    fn clear(&self) {}
}

/// Why slabs could not be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimError {
    /// No run of that length is free below the limit.
    NoneFree,
}

/// The owner words and the used bitmap of a segment.
#[derive(Debug, Clone, Copy)]
pub struct SpanTable<'a, M: Arena> {
    arena: &'a M,
    owners: Offset,
    used: UsedMap<'a, M>,
    slabs: usize,
}

type Word<M> = <<M as Arena>::A as Atomics>::Word;

impl<'a, M: Arena> SpanTable<'a, M> {
    /// The table of `slabs` slabs whose owner words start at `owners`, whose
    /// used bitmap at `used` and whose search start stands at `search`.
    pub const fn new(
        arena: &'a M,
        owners: Offset,
        used: Offset,
        search: Offset,
        slabs: usize,
    ) -> Self {
        Self { arena, owners, used: UsedMap::new(arena, used, search), slabs }
    }

    /// The owner word of a slab, as it was at some moment.
    #[must_use]
    #[inline]
    pub fn owner(&self, slab: usize) -> OwnerWord {
        // Acquire: pairs with the Release in `publish`; what was formatted
        // before is seen.
        OwnerWord::from_bits(self.word(slab).load(Ordering::Acquire))
    }

    /// Which slabs are used: a hint.
    #[must_use]
    pub fn used_bits(&self) -> SlabBits<'a, M> {
        self.used.bits()
    }

    #[inline]
    fn word(&self, slab: usize) -> &'a Word<M> {
        self.arena.word(self.owners.add(slab * WORD))
    }

    /// Claims a run below slab number `limit`; its slabs are FORMING then.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn claim(
        &self,
        want: Want,
        limit: usize,
        class: usize,
        journal: &impl Journal,
    ) -> Result<usize, ClaimError> {
        let limit = limit.min(self.slabs);
        let start = self.used.start();
        let mut from = start;
        // Each failure corrects a used bit, so this ends; the fuel is for
        // tables that somebody damages as fast as they are corrected.
        for _ in 0..=self.slabs.saturating_mul(2) {
            let first = self.used.find(want, from, limit).ok_or(ClaimError::NoneFree)?;
            match self.claim_at(first, want.count, class, journal) {
                Ok(()) => {
                    self.used.advance(start, first, want.count);
                    return Ok(first);
                }
                Err(taken) => from = taken,
            }
        }
        Err(ClaimError::NoneFree)
    }

    /// Claims exactly the slabs `first..first + count`.
    ///
    /// # Errors
    ///
    /// The number of a slab among them that is taken.
    pub fn claim_at(
        &self,
        first: usize,
        count: usize,
        class: usize,
        journal: &impl Journal,
    ) -> Result<(), usize> {
        self.see_free(first)?;
        journal.note(first, count);
        let claimed = self.claim_all(first, count, journal.slot(), class);
        if claimed.is_err() {
            journal.clear();
        }
        claimed
    }

    /// Looks whether a slab is free, before it is noted: whoever recovers the
    /// caller's slot may then tell what he claimed from what he had.
    fn see_free(&self, slab: usize) -> Result<(), usize> {
        if slab >= self.slabs {
            return Err(self.slabs);
        }
        if self.owner(slab).state != SlabState::Free {
            self.used.set(slab, 1);
            return Err(slab);
        }
        Ok(())
    }

    /// As [`claim_at`](Self::claim_at), for a caller that keeps the journal.
    ///
    /// # Errors
    ///
    /// The number of a slab that is taken.
    pub fn claim_all(
        &self,
        first: usize,
        count: usize,
        slot: usize,
        class: usize,
    ) -> Result<(), usize> {
        if first.checked_add(count).is_none_or(|end| end > self.slabs) {
            return Err(self.slabs);
        }
        for slab in first..first + count {
            if !self.try_claim(slab, slot, class) {
                self.roll_back(first, slab);
                self.used.set(slab, 1);
                return Err(slab);
            }
        }
        self.used.set(first, count);
        Ok(())
    }

    fn try_claim(&self, slab: usize, slot: usize, class: usize) -> bool {
        let seen = self.word(slab).load(Ordering::Relaxed);
        let owner = OwnerWord::from_bits(seen);
        // Acquire: pairs with the Release in `release`, so that the former
        // owner's accesses come before ours.
        owner.state == SlabState::Free
            && self
                .word(slab)
                .compare_exchange(
                    seen,
                    owner.claimed(slot, class).into_bits(),
                    Ordering::AcqRel,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    fn roll_back(&self, first: usize, end: usize) {
        for slab in first..end {
            self.set_free(slab);
        }
    }

    /// Makes `count` FORMING slabs a large block or a run, the head last.
    ///
    /// From here on the block exists for everyone.
    pub fn publish(&self, first: usize, count: usize, head: SlabState, journal: &impl Journal) {
        self.publish_tails(first + 1, count.saturating_sub(1));
        self.set_state(first, head);
        journal.clear();
    }

    /// Makes `count` FORMING slabs a run that is nobody's.
    pub fn publish_shared(&self, first: usize, count: usize, journal: &impl Journal) {
        self.publish_tails(first + 1, count.saturating_sub(1));
        let owner = OwnerWord::from_bits(self.word(first).load(Ordering::Relaxed));
        let shared = OwnerWord { slot: SHARED, ..owner.with_state(SlabState::Run) };
        // Release: as in `set_state`. Until now the slab was the claimer's, so
        // that its death would have freed it.
        self.word(first).store(shared.into_bits(), Ordering::Release);
        journal.clear();
    }

    /// Makes `count` FORMING slabs further slabs of a block.
    pub fn publish_tails(&self, first: usize, count: usize) {
        for slab in first..first.saturating_add(count).min(self.slabs) {
            self.set_state(slab, SlabState::Tail);
        }
    }

    fn set_state(&self, slab: usize, state: SlabState) {
        let owner = OwnerWord::from_bits(self.word(slab).load(Ordering::Relaxed));
        // Release: pairs with the Acquire in `owner`; publishes the slab's
        // descriptor.
        self.word(slab).store(owner.with_state(state).into_bits(), Ordering::Release);
    }

    /// Takes the large block that starts at `first` for dismantling; whether it
    /// was one and nobody else has begun to free it.
    pub fn begin_free(&self, first: usize, slot: usize) -> bool {
        let seen = self.word(first).load(Ordering::Relaxed);
        let owner = OwnerWord::from_bits(seen);
        let freeing = OwnerWord { state: SlabState::Freeing, slot, ..owner };
        // Acquire: the block's contents were written before it got here;
        // whoever gets the slabs next must come after.
        owner.state == SlabState::Span
            && self
                .word(first)
                .compare_exchange(seen, freeing.into_bits(), Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Frees slabs that the caller owns in whatever state, the first one last.
    pub fn release(&self, first: usize, count: usize, journal: &impl Journal) {
        journal.note(first, count);
        self.release_noted(first, count, journal.slot());
        journal.clear();
    }

    /// As [`release`](Self::release), for a caller that keeps the journal.
    pub(super) fn release_noted(&self, first: usize, count: usize, slot: usize) {
        if count > 1 {
            self.dismantle(first, slot);
        }
        self.release_all(first, count);
    }

    /// Marks a run that is about to be freed by `slot`: what a death leaves of
    /// it must not pass for a whole one.
    pub fn dismantle(&self, first: usize, slot: usize) {
        let owner = OwnerWord::from_bits(self.word(first).load(Ordering::Relaxed));
        let freeing = OwnerWord { state: SlabState::Freeing, slot, ..owner };
        // Release: the slabs behind it are freed after this.
        self.word(first).store(freeing.into_bits(), Ordering::Release);
    }

    /// Frees slabs of which nothing passes for a whole run.
    pub fn release_all(&self, first: usize, count: usize) {
        for slab in (first..first.saturating_add(count).min(self.slabs)).rev() {
            self.set_free(slab);
        }
        self.used.clear(first, count);
    }

    fn set_free(&self, slab: usize) {
        let owner = OwnerWord::from_bits(self.word(slab).load(Ordering::Relaxed));
        // Release: pairs with the Acquire in `try_claim`.
        self.word(slab).store(owner.freed().into_bits(), Ordering::Release);
    }

    /// Takes back what a dead `slot` left of a journalled claim or release of
    /// `first..first + count`.
    ///
    /// A run or large block that was published is left as it is. Claims go
    /// upwards and publish upwards, releases go downwards; so whatever state
    /// the death left, the slabs that are the dead one's are the TAILs that
    /// follow an unfinished head without a gap, and those still FORMING.
    pub fn undo(&self, first: usize, count: usize, slot: usize) {
        let unfinished = |owner: OwnerWord| {
            owner.slot == slot && matches!(owner.state, SlabState::Forming | SlabState::Freeing)
        };
        if first >= self.slabs {
            return;
        }
        if unfinished(self.owner(first)) {
            self.free_tails(first + 1, count.saturating_sub(1));
        }
        for slab in (first..first.saturating_add(count).min(self.slabs)).rev() {
            if unfinished(self.owner(slab)) {
                self.release_all(slab, 1);
            }
        }
    }

    /// Finishes a journalled change of a large block's length: its slabs
    /// `first..first + count` are `kept` by the block, or free.
    pub fn finish_resize(&self, first: usize, count: usize, slot: usize, kept: bool) {
        if !kept {
            self.free_tails(first, count);
        }
        for slab in (first..first.saturating_add(count).min(self.slabs)).rev() {
            let owner = self.owner(slab);
            if owner.state == SlabState::Forming && owner.slot == slot {
                if kept { self.set_state(slab, SlabState::Tail) } else { self.release_all(slab, 1) }
            }
        }
    }

    /// Frees the TAILs that follow each other from `first` on.
    fn free_tails(&self, first: usize, count: usize) {
        let end = first.saturating_add(count).min(self.slabs);
        let tails = (first..end).take_while(|&slab| self.owner(slab).state == SlabState::Tail);
        self.release_all(first, tails.count());
    }

    /// Corrects the hints from the owner words of all slabs below `limit`, and calls `shared`
    /// with the first slab of each run that is nobody's, before.
    ///
    /// Nothing is written where the hints are right.
    pub fn rebuild(&self, limit: usize, shared: impl Fn(usize, OwnerWord)) {
        let is_used = |slab| {
            // Acquire: as in `owner`.
            let word = self.word(slab).load(Ordering::Acquire);
            if OwnerWord::is_shared_run(word) {
                shared(slab, OwnerWord::from_bits(word));
                return self.owner(slab).state != SlabState::Free;
            }
            OwnerWord::is_used(word)
        };
        for (index, mask) in masks(0, limit.min(self.slabs)) {
            // Read before the owner words, so that what changes meanwhile stays as it is.
            let seen = self.used.bits().word(index).load(Ordering::Relaxed);
            // Upwards: with the first slab of a run, the others become free.
            let slabs = 0..mask.count_ones() as usize;
            let bits =
                slabs.fold(0, |bits, at| bits | usize::from(is_used(index * BITS + at)) << at);
            self.used.bits().correct(index, (seen ^ bits) & mask, bits);
        }
        self.used.reset();
    }
}
