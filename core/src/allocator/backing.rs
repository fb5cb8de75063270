//! The space behind slabs: committed before it is used, given back when nobody
//! has used it for a while, known to be zero where nobody has written.
//!
//! Three bits a slab say what is known of it:
//!
//! | bit | meaning | changed by |
//! |---|---|---|
//! | backed | there is space behind it | who has claimed it |
//! | written | it may not be zero | who has claimed it |
//! | resting | it was free when the heap was last looked through | anyone |
//!
//! # Deaths
//!
//! A slab that is given back is no more backed from before it is: a death in
//! between costs committing it again. It counts as written until after that: a
//! death in between costs zeroing it again.

use core::ops::Range;
use core::sync::atomic::Ordering;

use super::AllocError;
use super::contents::Contents;
use super::space::Space;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{Journal, SlabBits};
use crate::segment::{Counter, Geometry, WORD_BITS};
use crate::sync::{Arena, Bytes};
use crate::thread::ThreadModel;

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Space<'a, B, T, SHIFT> {
    fn backed(&self) -> SlabBits<'_, Bytes<'a>> {
        SlabBits::new(&self.bytes, Offset::new(self.geometry().backed_at))
    }

    fn written(&self) -> SlabBits<'_, Bytes<'a>> {
        SlabBits::new(&self.bytes, Offset::new(self.geometry().written_at))
    }

    fn resting(&self) -> SlabBits<'_, Bytes<'a>> {
        SlabBits::new(&self.bytes, Offset::new(self.geometry().resting_at))
    }

    pub(crate) fn is_backed(&self, slab: usize) -> bool {
        self.backed().get(slab)
    }

    /// Puts space behind slabs that the caller claimed and is about to use.
    pub(crate) fn back(
        &self,
        first: usize,
        count: usize,
        contents: Contents,
    ) -> Result<(), AllocError> {
        if !self.backed().all(first, count) {
            self.backend().commit(self.geometry().slab_start(first), count << SHIFT)?;
            self.backed().set(first, count);
        }
        if contents == Contents::Zero {
            self.zero(first, count);
        }
        if !self.written().all(first, count) {
            self.written().set(first, count);
        }
        if self.resting().any(first, count) {
            self.resting().clear(first, count);
        }
        Ok(())
    }

    /// Zeroes those of the slabs that may not be zero.
    fn zero(&self, first: usize, count: usize) {
        let begins_as_zero = self.backend().zeroed();
        for slab in first..first + count {
            if begins_as_zero && !self.written().get(slab) {
                continue;
            }
            let start = self.geometry().slab_start(slab);
            if let Some(bytes) = self.bytes.slice(start, Geometry::<SHIFT>::SLAB) {
                // SAFETY: a slab's bytes are within the segment, just checked;
                // the caller claimed it, and space is behind it.
                unsafe { bytes.write_bytes(0, Geometry::<SHIFT>::SLAB) };
            }
        }
    }

    /// Returns the space behind free slabs to the system; how many bytes.
    pub(crate) fn decommit_free(&self, journal: &impl Journal) -> usize {
        if self.is_resident() {
            return 0;
        }
        (0..self.words()).map(|index| self.decommit_in(index, usize::MAX, journal)).sum()
    }

    /// Returns the space behind slabs to the system that have been free since
    /// the last time but one that this was due, if it is due.
    pub(crate) fn decay(&self, journal: &impl Journal) {
        let period = self.bytes.word(Counter::Decay.at()).load(Ordering::Relaxed);
        if period == 0 || self.is_resident() || !self.is_due(period) {
            return;
        }
        for index in 0..self.words() {
            let rested = self.resting().word(index).load(Ordering::Relaxed);
            if rested != 0 {
                self.decommit_in(index, rested, journal);
            }
            let free = self.free_in(index);
            if free != rested {
                self.resting().word(index).store(free, Ordering::Relaxed);
            }
        }
    }

    /// Whether `period` milliseconds have passed since the last time; for one
    /// of those who ask at the same time.
    fn is_due(&self, period: usize) -> bool {
        let Some(now) = self.model().clock() else { return false };
        let now = now.as_millis() as usize;
        let last = self.bytes.word(Counter::Decayed.at());
        let seen = last.load(Ordering::Relaxed);
        // A time to come is from before the machine was started anew.
        now.wrapping_sub(seen) >= period
            && last.compare_exchange(seen, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Words of the bitmaps that have slabs which were ever claimed.
    fn words(&self) -> usize {
        self.frontier().div_ceil(WORD_BITS)
    }

    /// Slabs of one bitmap word that seem to be free and have space behind
    /// them.
    fn free_in(&self, index: usize) -> usize {
        let used = self.table().used_bits().word(index).load(Ordering::Relaxed);
        self.backed().word(index).load(Ordering::Relaxed) & !used
    }

    /// Decommits those of the slabs `which` of one bitmap word that are free;
    /// how many bytes.
    fn decommit_in(&self, index: usize, which: usize, journal: &impl Journal) -> usize {
        let mut left = self.free_in(index) & which;
        let mut bytes = 0;
        while left != 0 {
            let first = left.trailing_zeros() as usize;
            let count = (left >> first).trailing_ones() as usize;
            let end = index * WORD_BITS + first + count;
            bytes += self.decommit(end - count..end, journal);
            left &= left.wrapping_add(1 << first);
        }
        bytes
    }

    /// Decommits the slabs of a range, those that are free if not all are; how
    /// many bytes.
    fn decommit(&self, slabs: Range<usize>, journal: &impl Journal) -> usize {
        let slabs = slabs.start..slabs.end.min(self.geometry().slabs);
        let claim = |first, count| {
            let claimed = self.table().claim_at(first, count, 0, journal).is_ok();
            claimed.then(|| self.decommit_claimed(first, count, journal))
        };
        if slabs.is_empty() {
            return 0;
        }
        claim(slabs.start, slabs.len())
            .unwrap_or_else(|| slabs.filter_map(|slab| claim(slab, 1)).sum())
    }

    /// Decommits slabs that the caller claimed, and releases them.
    fn decommit_claimed(&self, first: usize, count: usize, journal: &impl Journal) -> usize {
        self.backed().clear(first, count);
        self.resting().clear(first, count);
        let (start, bytes) = (self.geometry().slab_start(first), count << SHIFT);
        let done = self.backend().decommit(start, bytes);
        if done {
            self.written().clear(first, count);
        } else {
            self.backed().set(first, count);
        }
        self.table().release(first, count, journal);
        if done { bytes } else { 0 }
    }
}
