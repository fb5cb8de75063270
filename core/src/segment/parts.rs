//! The metadata of a segment, part by part, for who looks at them from outside.

use core::iter;

use super::geometry::{GUESTS, Geometry, HEADER_BYTES, WORD};
use crate::size_class::{Classes, Lane, MAGAZINE_WORDS};

/// Some metadata of one kind: `count` pieces of `len` bytes, `step` bytes
/// apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What they are.
    pub name: &'static str,
    /// Where the first of them starts, in bytes from the segment's base.
    pub at: usize,
    /// Bytes of each.
    pub len: usize,
    /// Bytes from the start of one to the start of the next.
    pub step: usize,
    /// How many there are.
    pub count: usize,
}

impl Part {
    const fn new(name: &'static str, at: usize, len: usize, step: usize, count: usize) -> Self {
        Self { name, at, len, step, count }
    }

    /// A table without gaps.
    const fn table(name: &'static str, at: usize, entry: usize, count: usize) -> Self {
        Self::new(name, at, entry, entry, count)
    }
}

impl<const SHIFT: u32> Geometry<SHIFT> {
    /// All metadata, in order of their places; of the heap slots one magazine
    /// class after the other.
    pub fn parts(&self) -> impl Iterator<Item = Part> + use<SHIFT> {
        let bitmap = |name, at, end| Part::table(name, at, WORD, (end - at) / WORD);
        let in_slot = |name, distance, len| {
            let this: &Self = self;
            Part::new(name, this.slots_at + distance, len, Self::SLOT, this.slots)
        };
        let tables = [
            Part::table("header", 0, HEADER_BYTES, 1),
            Part::table("slot states", self.states_at, 2 * WORD, self.slots),
            Part::table("guests", self.guests_at, 2 * WORD, GUESTS),
            Part::table("guests' journals", self.guests_at + GUESTS * 2 * WORD, 3 * WORD, GUESTS),
            Part::table("roots", self.roots_at, Self::ROOT, self.roots),
            bitmap("used", self.used_at, self.backed_at),
            bitmap("backed", self.backed_at, self.written_at),
            bitmap("written", self.written_at, self.resting_at),
            bitmap("resting", self.resting_at, self.owners_at),
            Part::table("owner words", self.owners_at, WORD, self.slabs),
            in_slot("journal", 0, Self::HINTS_AT),
            in_slot("hints", Self::HINTS_AT, 8 * Classes::<SHIFT>::COUNT),
        ];
        let descriptors =
            Part::table("descriptors", self.slabs_meta_at, Self::DESCRIPTOR, self.slabs);
        let (slots_at, slots) = (self.slots_at, self.slots);
        let magazines = Classes::<SHIFT>::all().map(move |class| {
            let lane = Lane::of(Classes::<SHIFT>::info(class));
            let len = 4 * (MAGAZINE_WORDS + Classes::<SHIFT>::MAGAZINE_MAX);
            let at = slots_at + Self::MAGAZINES_AT + lane.at();
            Part::new("magazine", at, len, Self::SLOT, slots)
        });
        tables.into_iter().chain(magazines).chain(iter::once(descriptors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_in_front_of_the_slabs() {
        let geometry = Geometry::<12>::new(300 << 10, 3, 4).unwrap();
        let mut before = 0;
        for part in geometry.parts() {
            assert!(part.at >= before, "{part:?}");
            assert!(part.len <= part.step && part.count > 0, "{part:?}");
            assert!(part.at + (part.count - 1) * part.step + part.len <= geometry.data_at);
            before = part.at;
        }
        assert_eq!(before, geometry.slabs_meta_at);
    }
}
