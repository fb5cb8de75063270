//! Where everything stands in a segment.
//!
//! ```text
//! 0        header
//!          slot states     2 words a heap slot
//!          guests          2 words of state and 3 of journal each
//!          roots           one entry a named root
//!          used bitmap     1 bit a slab, a hint
//!          backed bitmap   1 bit a slab: space was committed
//!          written bitmap  1 bit a slab: it may not be zero
//!          resting bitmap  1 bit a slab: it has been free for a while, a hint
//!          owner words     1 word a slab
//!          heap slots      journal, hints, magazines
//!          descriptors     journal of a slab: local, remote and shared bitmap
//!          slabs           what users get
//! len
//! ```
//!
//! The geometry follows from the length, the number of slots and the slab size
//! alone. Each process computes its own copy, compares it with what the header
//! says when it attaches, and from then on trusts only the copy.

use crate::offset::Offset;
use crate::size_class::Classes;

/// Bytes of a machine word, which is also the alignment of all tables.
pub(crate) const WORD: usize = size_of::<usize>();

/// Bits of a machine word.
pub(crate) const WORD_BITS: usize = usize::BITS as usize;

/// Bytes that the header takes, counters included.
pub(super) const HEADER_BYTES: usize = 1024;

/// Bytes of the entry of a named root without what its type is made of.
pub(super) const ROOT_LEAST: usize = 256;

/// How many calls without a heap slot can have a journal at a time.
pub(crate) const GUESTS: usize = 8;

/// The layout of one segment.
///
/// # Invariant
///
/// The header, the tables, the slots and the slabs follow one another within `len` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry<const SHIFT: u32> {
    pub(crate) len: usize,
    pub(crate) slots: usize,
    pub(crate) roots: usize,
    pub(crate) slabs: usize,
    pub(crate) states_at: usize,
    pub(crate) guests_at: usize,
    pub(crate) roots_at: usize,
    pub(crate) used_at: usize,
    pub(crate) backed_at: usize,
    pub(crate) written_at: usize,
    pub(crate) resting_at: usize,
    pub(crate) owners_at: usize,
    pub(crate) slots_at: usize,
    pub(crate) slabs_meta_at: usize,
    pub(crate) data_at: usize,
}

impl<const SHIFT: u32> Geometry<SHIFT> {
    /// Bytes of a slab.
    pub const SLAB: usize = Classes::<SHIFT>::SLAB;

    /// Bytes of the entry of a named root.
    ///
    /// What its type is made of is for messages only, so heaps of small slabs,
    /// which have little room, do without.
    pub(crate) const ROOT: usize = if SHIFT < 16 { ROOT_LEAST } else { 4 * ROOT_LEAST };

    /// Bytes of one of the three bitmaps in a descriptor.
    pub(crate) const BITMAP: usize = Self::SLAB / 128;

    /// Bytes of a descriptor: eight words, then the bitmaps.
    pub(crate) const DESCRIPTOR: usize = 8 * WORD + 3 * Self::BITMAP;

    /// Where a slot's hints start, in bytes from the slot.
    pub(crate) const HINTS_AT: usize = 128;

    /// Where a slot's magazines start, in bytes from the slot.
    pub(crate) const MAGAZINES_AT: usize = Self::HINTS_AT + 8 * Classes::<SHIFT>::COUNT;

    /// Bytes of a heap slot.
    ///
    /// The tail is as long as the longest magazine could be: an index that a
    /// damaged count yields stays inside the slot.
    pub(crate) const SLOT: usize =
        (Self::MAGAZINES_AT + Classes::<SHIFT>::MAGAZINES_END + 4 * Classes::<SHIFT>::INDICES)
            .next_multiple_of(128);

    /// The layout of a segment of `len` bytes with `slots` heap slots and room
    /// for `roots` named roots; `None` if not even one slab fits.
    #[must_use]
    pub fn new(len: usize, slots: usize, roots: usize) -> Option<Self> {
        let per_slab = Self::SLAB + Self::DESCRIPTOR + WORD;
        let mut slabs = len / per_slab;
        while slabs > 0 {
            let found = Self::with_slabs(len, slots, roots, slabs)?;
            let end = found.data_at.checked_add(slabs.checked_mul(Self::SLAB)?)?;
            if end <= len {
                return Some(found);
            }
            slabs -= (end - len).div_ceil(per_slab).min(slabs);
        }
        None
    }

    fn with_slabs(len: usize, slots: usize, roots: usize, slabs: usize) -> Option<Self> {
        let bitmap = slabs.div_ceil(WORD_BITS) * WORD;
        let states_at = HEADER_BYTES;
        let guests_at = states_at.checked_add(slots.checked_mul(2 * WORD)?)?;
        let roots_at = guests_at.checked_add(GUESTS * 5 * WORD)?;
        let used_at = roots_at.checked_add(roots.checked_mul(Self::ROOT)?)?;
        let backed_at = used_at.checked_add(bitmap)?;
        let written_at = backed_at.checked_add(bitmap)?;
        let resting_at = written_at.checked_add(bitmap)?;
        let owners_at = resting_at.checked_add(bitmap)?;
        let slots_at = owners_at.checked_add(slabs * WORD)?.checked_next_multiple_of(128)?;
        let slabs_meta_at = slots_at.checked_add(slots.checked_mul(Self::SLOT)?)?;
        let meta_end = slabs_meta_at.checked_add(slabs * Self::DESCRIPTOR)?;
        let data_at = meta_end.checked_next_multiple_of(Self::SLAB)?;
        Some(Self {
            len,
            slots,
            roots,
            slabs,
            states_at,
            guests_at,
            roots_at,
            used_at,
            backed_at,
            written_at,
            resting_at,
            owners_at,
            slots_at,
            slabs_meta_at,
            data_at,
        })
    }

    /// Length of the segment in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the segment has no bytes; it never has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many slabs there are.
    #[must_use]
    pub fn slabs(&self) -> usize {
        self.slabs
    }

    /// How many heap slots there are.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Where slab number `slab` starts.
    #[must_use]
    #[inline]
    pub fn slab_start(&self, slab: usize) -> Offset {
        Offset::new(self.data_at.wrapping_add(slab << SHIFT))
    }

    /// The number of the slab that holds `at`, if one does.
    #[must_use]
    #[inline]
    pub fn slab_of(&self, at: Offset) -> Option<usize> {
        let slab = at.get().checked_sub(self.data_at)? >> SHIFT;
        (slab < self.slabs).then_some(slab)
    }

    #[inline]
    pub(crate) fn slot_start(&self, slot: usize) -> Offset {
        Offset::new(self.slots_at + slot * Self::SLOT)
    }

    #[inline]
    pub(crate) fn descriptor(&self, slab: usize) -> Offset {
        Offset::new(self.slabs_meta_at + slab * Self::DESCRIPTOR)
    }

    #[inline]
    pub(crate) fn owner_word(&self, slab: usize) -> Offset {
        Offset::new(self.owners_at + slab * WORD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_each_other_and_fit() {
        for len in [1 << 16, (1 << 17) + 13, 1 << 20, 1 << 26, (1 << 30) + 4096] {
            let Some(g) = Geometry::<12>::new(len, 2, 4) else { continue };
            assert!(
                g.roots_at < g.used_at && g.used_at < g.backed_at && g.resting_at < g.owners_at
            );
            assert!(g.owners_at + g.slabs * WORD <= g.slots_at);
            assert!(g.slots_at + 2 * Geometry::<12>::SLOT <= g.slabs_meta_at);
            assert!(g.slabs_meta_at + g.slabs * Geometry::<12>::DESCRIPTOR <= g.data_at);
            assert!(g.data_at + g.slabs * 4096 <= len);
            assert_eq!(g.slab_of(g.slab_start(g.slabs - 1)), Some(g.slabs - 1));
            assert_eq!(g.slab_of(g.slab_start(g.slabs)), None);
        }
    }

    #[test]
    fn metadata_take_little() {
        let g = Geometry::<16>::new(1 << 30, 64, 64).unwrap();
        assert!(g.slabs * 65536 > (1 << 30) / 100 * 97);
        assert!(Geometry::<16>::new(1 << 16, 1, 1).is_none());
    }
}
