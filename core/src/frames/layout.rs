//! Where the metadata stands.
//!
//! ```text
//! bits: 64 bytes an area │ wholes: 1 bit a word │ notes: 4 bits an area │
//! homes: 1 bit an area or zone │ usable │ processors
//! ```
//!
//! Frames are counted from the area that the first one is in, so that what is aligned in the
//! bits is aligned in the memory.

use core::ops::Range;

use super::bits::WORD_ORDER;
use super::frame::Frame;
use super::notes;
use crate::offset::Offset;

pub(super) const WORD: usize = size_of::<usize>();
pub(super) const BITS: usize = usize::BITS as usize;

/// The order of an area: as many frames as fill a line of the cache with their bits.
pub(super) const AREA_ORDER: u32 = 9;
/// Frames of an area.
pub(super) const AREA: usize = 1 << AREA_ORDER;

/// Words of a line: the bits of an area's frames, or of a zone's words.
pub(super) const LINE_WORDS: usize = AREA / BITS;
/// Areas of a zone.
const ZONE: usize = AREA / LINE_WORDS;

// The bits of an area's words are in one word.
const _: () = assert!(LINE_WORDS <= BITS);

/// Words of what a processor has for itself.
pub(super) const CPU_WORDS: usize = 128;

/// Parts begin at multiples of this: two lines of the cache, for processors fetch lines in
/// pairs.
pub(super) const ALIGN: usize = 128;

/// Where the metadata of some frames stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The number of the frame that has index 0.
    pub(super) base: usize,
    /// The index of the first frame, below [`AREA`].
    pub(super) start: usize,
    /// The index after the last frame.
    pub(super) end: usize,
    pub(super) areas: usize,
    pub(super) zones: usize,
    pub(super) cpus: usize,
    pub(super) wholes: Offset,
    pub(super) notes: Offset,
    pub(super) homes: Offset,
    pub(super) usable: Offset,
    /// What the first processor has for itself; what the others have follows.
    first_cpu: Offset,
}

impl Layout {
    /// The bits of the frames stand at offset 0.
    pub(super) const BITS: Offset = Offset::new(0);

    pub(super) const fn new(span: &Range<Frame>, cpus: usize) -> Self {
        let base = span.start.number() & !(AREA - 1);
        let end = span.end.number().saturating_sub(base);
        let areas = end.div_ceil(AREA);
        let zones = areas.div_ceil(ZONE);
        let wholes = behind(Self::BITS, areas, AREA / 8);
        let notes = behind(wholes, zones, AREA / 8);
        let homes = behind(notes, areas.div_ceil(notes::PER_WORD), WORD);
        let usable = behind(homes, (areas + zones).div_ceil(BITS), WORD);
        Self {
            base,
            start: span.start.number() - base,
            end,
            areas,
            zones,
            wholes,
            cpus: if cpus == 0 { 1 } else { cpus },
            notes,
            homes,
            usable,
            first_cpu: behind(usable, 1, WORD),
        }
    }

    /// Whether a group of an area or more is whole words whose bits are in one word.
    #[inline]
    pub(super) const fn is_large(&self, order: u32) -> bool {
        order <= 2 * WORD_ORDER && order <= self.base.trailing_zeros()
    }

    /// How many places can be homes: all areas, and all zones behind them.
    pub(super) const fn places(&self) -> usize {
        self.areas + self.zones
    }

    /// What a processor has for itself.
    #[inline]
    pub(super) const fn cpu(&self, cpu: usize) -> Offset {
        self.first_cpu.add(cpu * CPU_WORDS * WORD)
    }

    /// Bytes of all of it; `usize::MAX` where there cannot be as many.
    pub(super) const fn size(&self) -> usize {
        behind(self.first_cpu, self.cpus, CPU_WORDS * WORD).get()
    }

    /// The index of a frame that is managed.
    pub(super) const fn index(&self, frame: Frame) -> Option<usize> {
        let index = frame.number().wrapping_sub(self.base);
        if index >= self.start && index < self.end { Some(index) } else { None }
    }

    pub(super) const fn frame(&self, index: usize) -> Frame {
        Frame::new(self.base + index)
    }
}

/// Where the next part begins behind `count` items of `size` bytes at `at`.
const fn behind(at: Offset, count: usize, size: usize) -> Offset {
    let end = at.get().saturating_add(count.saturating_mul(size));
    Offset::new(match end.checked_next_multiple_of(ALIGN) {
        Some(end) => end,
        None => usize::MAX,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_be_are_larger_than_any_memory() {
        let all = Layout::new(&(Frame::new(0)..Frame::LAST), 1);
        assert!(all.size() >= usize::MAX / 64, "{all:?}");
        let processors = Layout::new(&(Frame::new(0)..Frame::new(1)), usize::MAX);
        assert_eq!(processors.size(), usize::MAX);
    }
}
