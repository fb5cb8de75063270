//! The slabs of one lane.

use core::ptr::NonNull;

use super::slab::Slab;
use crate::provider::Span;

/// The slabs of one lane: full ones, partly free ones, and empty ones that are kept.
///
/// # Invariants
///
/// - `partial` and `empty` hold the numbers of the slabs that have free blocks, the latter
///   of those that have no other; `place` of each says where.
/// - Both have room for all slabs, so taking blocks back needs no memory.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    slabs: Vec<Option<Slab>>,
    vacant: Vec<usize>,
    partial: Vec<usize>,
    empty: Vec<usize>,
    pub(super) counts: Counts,
}

/// What a shelf has counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Blocks that are not in their slabs.
    pub(super) taken: usize,
    /// Slabs that have such.
    pub(super) in_use: usize,
    /// Slabs that have none and are kept.
    pub(super) kept: usize,
    pub(super) most_in_use: usize,
    pub(super) most_kept: usize,
    /// Bytes of these.
    pub(super) kept_bytes: usize,
    /// Bytes of all slabs.
    pub(super) reserved: usize,
    /// How many slabs were ever made.
    pub(super) made: usize,
}

impl Counts {
    fn keep(&mut self, bytes: usize) {
        self.kept += 1;
        self.kept_bytes += bytes;
    }

    fn unkeep(&mut self, bytes: usize) {
        self.kept -= 1;
        self.kept_bytes -= bytes;
    }
}

impl Shelf {
    /// Takes free blocks, as many as there are places for; how many.
    pub(super) fn take(&mut self, to: &mut [*mut u8]) -> usize {
        let mut taken = 0;
        while taken < to.len() {
            let Some(number) = self.partial.last().copied().or_else(|| self.open()) else { break };
            let Some(slab) = slab(&mut self.slabs, number) else { break };
            taken += slab.take(to.get_mut(taken..).unwrap_or_default());
            if slab.is_full() {
                self.partial.pop();
            }
        }
        self.counts.taken += taken;
        taken
    }

    /// Takes blocks back, of which `number` says which slab they are in, as far as it
    /// knows; how many were no live ones.
    pub(super) fn put(
        &mut self,
        blocks: &[NonNull<u8>],
        number: impl Fn(NonNull<u8>) -> Option<usize>,
    ) -> usize {
        let mut refused = 0;
        let mut blocks = blocks.iter().copied().peekable();
        while let Some(block) = blocks.next() {
            let number = number(block).unwrap_or(usize::MAX);
            let Some(slab) = slab(&mut self.slabs, number).filter(|slab| slab.has(block)) else {
                refused += 1;
                continue;
            };
            let before = slab.free();
            refused += usize::from(!slab.put(block));
            while let Some(block) = blocks.next_if(|block| slab.has(*block)) {
                refused += usize::from(!slab.put(block));
            }
            self.counts.taken -= slab.free() - before;
            self.sort(number, before);
        }
        refused
    }

    /// Puts a slab, of which `before` blocks were free, on the list that it belongs to now.
    fn sort(&mut self, number: usize, before: usize) {
        let Some(slab) = slab(&mut self.slabs, number) else { return };
        let (is_empty, place) = (slab.is_empty(), slab.place);
        if slab.free() == before {
            return;
        }
        if before == 0 && !is_empty {
            push(&mut self.partial, slab, number);
        } else if is_empty {
            if before > 0 {
                remove(&mut self.partial, &mut self.slabs, place);
            }
            self.close(number);
        }
    }

    /// Whether a live block of the slab with this number starts there.
    pub(super) fn is_taken(&self, number: usize, block: NonNull<u8>) -> bool {
        self.slab(number).is_some_and(|slab| slab.is_taken(block))
    }

    /// Adds an empty slab; its number, or the slab if there is no memory for that.
    pub(super) fn add(&mut self, slab: Slab) -> Result<usize, Slab> {
        let all = self.slabs.len() + 1;
        let lists = [&mut self.partial, &mut self.empty, &mut self.vacant];
        let has_room = lists.into_iter().all(|list| {
            let more = all.saturating_sub(list.len());
            list.try_reserve(more).is_ok()
        });
        if !has_room || self.slabs.try_reserve(1).is_err() {
            return Err(slab);
        }
        let len = slab.span().len;
        self.counts.reserved += len;
        self.counts.made += 1;
        let number = self.vacant.pop().unwrap_or(self.slabs.len());
        match self.slabs.get_mut(number) {
            Some(place) => *place = Some(slab),
            None => self.slabs.push(Some(slab)),
        }
        if let Some(slab) = self::slab(&mut self.slabs, number) {
            push(&mut self.empty, slab, number);
        }
        self.counts.keep(len);
        Ok(number)
    }

    /// Takes a slab out of which no block is taken, if there are more than `keep` such.
    pub(super) fn excess(&mut self, keep: usize) -> Option<Span> {
        if self.empty.len() <= keep {
            self.counts.most_kept = self.counts.most_kept.max(self.counts.kept);
            return None;
        }
        // The one that was emptied first; what was used last is warmer.
        self.withdraw(*self.empty.first()?)
    }

    /// Takes the slab with this number out, of which no block is taken.
    pub(super) fn withdraw(&mut self, number: usize) -> Option<Span> {
        let place = self.slab(number).filter(|slab| slab.is_empty())?.place;
        remove(&mut self.empty, &mut self.slabs, place);
        let slab = self.slabs.get_mut(number)?.take()?;
        self.vacant.push(number);
        self.counts.unkeep(slab.span().len);
        self.counts.reserved -= slab.span().len;
        Some(slab.span())
    }

    /// Lets an empty slab be one that blocks are taken of.
    fn open(&mut self) -> Option<usize> {
        let number = self.empty.pop()?;
        let slab = slab(&mut self.slabs, number)?;
        push(&mut self.partial, slab, number);
        self.counts.unkeep(slab.span().len);
        self.counts.in_use += 1;
        self.counts.most_in_use = self.counts.most_in_use.max(self.counts.in_use);
        Some(number)
    }

    /// Lets a slab be one that is kept empty.
    fn close(&mut self, number: usize) {
        self.counts.in_use -= 1;
        if let Some(slab) = slab(&mut self.slabs, number) {
            push(&mut self.empty, slab, number);
            self.counts.keep(slab.span().len);
        }
    }

    fn slab(&self, number: usize) -> Option<&Slab> {
        self.slabs.get(number)?.as_ref()
    }
}

fn slab(slabs: &mut [Option<Slab>], number: usize) -> Option<&mut Slab> {
    slabs.get_mut(number)?.as_mut()
}

fn push(list: &mut Vec<usize>, slab: &mut Slab, number: usize) {
    slab.place = list.len();
    list.push(number);
}

fn remove(list: &mut Vec<usize>, slabs: &mut [Option<Slab>], place: usize) {
    if place < list.len() {
        list.swap_remove(place);
    }
    if let Some(moved) = list.get(place).and_then(|number| slab(slabs, *number)) {
        moved.place = place;
    }
}
