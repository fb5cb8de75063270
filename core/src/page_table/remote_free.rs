//! Frees of blocks in a slab that another slot owns.
//!
//! # Protocol
//!
//! 1. The freer sets the blocks' bits in the slab's remote bitmap: one
//!    `fetch_or` a word. From here on the blocks are free.
//! 2. It tells the owner: if the slab's `queued` word was 0 it sets it and
//!    pushes the slab on the owner's list of dirty slabs.
//! 3. The owner takes the whole list with one swap, clears `queued` of each
//!    slab, and moves the bits: into its local bitmap first, out of the remote
//!    one then, so that a death in between leaves a block free twice over
//!    rather than lost.
//! 4. Bits whose freer is still at it, according to its journal, stay where they
//!    are. If it died, who recovers it can thus tell whether they were set. If
//!    it lives, its announcement is yet to come.
//!
//! `queued` is cleared before the bits are read, so a freer that finds it set
//! has set its bits in time to be seen. A freer that dies before it pushed
//! leaves a slab that is never announced again: its bits are found when memory
//! runs short, by looking at every slab.
//!
//! The list only ever loses all its members at once, so it has no ABA problem.
//! Links are bounded by the number of slabs, walks by the same number.

use core::sync::atomic::Ordering;

use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

const WORD: usize = size_of::<usize>();

/// The words of a slab that others write.
#[derive(Debug, Clone, Copy)]
pub struct RemoteFree<'a, M: Arena> {
    arena: &'a M,
    queued: Offset,
    link: Offset,
    bitmap: Offset,
}

type Word<M> = <<M as Arena>::A as Atomics>::Word;

impl<'a, M: Arena> RemoteFree<'a, M> {
    /// The slab whose `queued` and `link` words and remote bitmap stand there.
    pub const fn new(arena: &'a M, queued: Offset, link: Offset, bitmap: Offset) -> Self {
        Self { arena, queued, link, bitmap }
    }

    /// Word number `index` of the remote bitmap.
    #[must_use]
    #[inline]
    pub fn word(&self, index: usize) -> &'a Word<M> {
        self.arena.word(self.bitmap.add(index * WORD))
    }

    /// Frees the blocks of `mask` in word `index`; those that were free before.
    #[inline]
    pub fn free(&self, index: usize, mask: usize) -> usize {
        // Release: pairs with the Acquire in `collect`; the freer's accesses
        // to the blocks come before the next user's.
        self.word(index).fetch_or(mask, Ordering::AcqRel) & mask
    }

    /// Tells the owner, whose list is `dirty`, that slab number `slab` has bits
    /// to collect.
    #[inline]
    pub fn announce(&self, slab: usize, dirty: &DirtyList<'a, M>) {
        // AcqRel: a freer that reads 1 is ordered before the owner's swap to 0.
        if self.arena.word(self.queued).swap(1, Ordering::AcqRel) == 0 {
            dirty.push(slab, self.link);
        }
    }

    /// Takes note that the slab was taken from a list.
    pub fn received(&self) {
        self.arena.word(self.queued).swap(0, Ordering::AcqRel);
    }

    /// The blocks of word `index` that others freed.
    #[must_use]
    #[inline]
    pub fn freed(&self, index: usize) -> usize {
        // Acquire: pairs with the Release in `free`; also what the freer wrote
        // down before.
        self.word(index).load(Ordering::Acquire)
    }

    /// Moves the bits `freed` of word `index` into `local`; those that were
    /// moved.
    ///
    /// They were found there, and their freers will not be asked any more
    /// whether they freed them. Bits outside `blocks` are dropped.
    pub fn collect(&self, index: usize, freed: usize, local: &Word<M>, blocks: usize) -> usize {
        if freed == 0 {
            return 0;
        }
        let known = local.load(Ordering::Relaxed);
        local.store(known | (freed & blocks), Ordering::Relaxed);
        self.word(index).fetch_and(!freed, Ordering::AcqRel);
        freed & blocks & !known
    }
}

/// A slot's list of slabs with bits to collect.
#[derive(Debug, Clone, Copy)]
pub struct DirtyList<'a, M: Arena> {
    arena: &'a M,
    head: Offset,
}

impl<'a, M: Arena> DirtyList<'a, M> {
    /// The list whose head word stands at `head`; 0 is empty, else one more
    /// than a slab number.
    pub const fn new(arena: &'a M, head: Offset) -> Self {
        Self { arena, head }
    }

    /// Whether there is nothing to take.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.arena.word(self.head).load(Ordering::Relaxed) == 0
    }

    fn push(&self, slab: usize, link: Offset) {
        let head = self.arena.word(self.head);
        let mut first = head.load(Ordering::Relaxed);
        loop {
            self.arena.word(link).store(first, Ordering::Relaxed);
            // Release: pairs with the Acquire in `take`; publishes the link.
            match head.compare_exchange(first, slab + 1, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => first = found,
            }
        }
    }

    /// Takes the whole list: the first slab, if there is one.
    #[must_use]
    pub fn take(&self) -> Option<usize> {
        // Acquire: pairs with the Release in `push`.
        self.arena.word(self.head).swap(0, Ordering::AcqRel).checked_sub(1)
    }

    /// The slab after the one whose link word stands at `link`.
    ///
    /// To be read before the slab's `queued` word is cleared: from then on
    /// another freer may link it anew.
    #[must_use]
    pub fn next(&self, link: Offset) -> Option<usize> {
        self.arena.word(link).load(Ordering::Relaxed).checked_sub(1)
    }
}
