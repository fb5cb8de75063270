//! The slabs of a heap, in as many cells as a picture can show.

use std::collections::BTreeMap;

use anymem::SharedHeap;
use anymem::allocator::{Slab, SlabUse};
use anymem::size_class::Classes;

/// The most cells that a map has: those of larger heaps stand for several slabs.
const MOST_CELLS: usize = 4096;

/// What the slabs of a cell are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Blocks of a slot.
    Owned {
        /// The slot.
        slot: usize,
        /// Bytes of a block.
        block_size: u32,
    },
    /// Blocks that are everybody's.
    Shared {
        /// Bytes of a block.
        block_size: u32,
    },
    /// Large blocks.
    Large,
    /// They are being claimed or freed.
    Changing,
    /// Nothing that can be told.
    Damaged,
}

/// A cell of the map.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    kinds: BTreeMap<Kind, usize>,
    full: f64,
}

impl Cell {
    /// What most of its slabs that are used are used for.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.kinds.iter().max_by_key(|(_, slabs)| **slabs).map(|(kind, _)| *kind)
    }
}

/// All cells.
#[derive(Debug)]
pub(super) struct Map {
    /// The cells, in the order of their slabs.
    pub(super) cells: Vec<Cell>,
    /// How many slabs a cell stands for.
    pub(super) slabs_a_cell: usize,
    /// How many slabs there are.
    pub(super) slabs: usize,
}

impl Map {
    /// Looks at `heap`.
    pub(super) fn of(heap: &SharedHeap) -> Self {
        let mut map = Self::empty(heap.allocator().segment().geometry().slabs());
        heap.allocator().for_each_slab(&mut |slab| map.add(&slab));
        map
    }

    fn empty(slabs: usize) -> Self {
        let slabs_a_cell = slabs.div_ceil(MOST_CELLS).max(1);
        let cells = vec![Cell::default(); slabs.div_ceil(slabs_a_cell)];
        Self { cells, slabs_a_cell, slabs }
    }

    /// The slabs of cell number `index`: the first and the last.
    pub(super) fn range(&self, index: usize) -> (usize, usize) {
        let first = index * self.slabs_a_cell;
        (first, (first + self.slabs_a_cell).min(self.slabs) - 1)
    }

    /// Which part of cell number `index` is in use: 0 to 1.
    pub(super) fn fullness(&self, index: usize) -> f64 {
        let (first, last) = self.range(index);
        self.cells.get(index).map_or(0.0, |cell| cell.full / (last + 1 - first) as f64)
    }

    fn add(&mut self, slab: &Slab) {
        let Some((kind, full)) = kind_of(slab.used) else { return };
        for number in slab.number..slab.number + slab.slabs {
            if let Some(cell) = self.cells.get_mut(number / self.slabs_a_cell) {
                *cell.kinds.entry(kind).or_default() += 1;
                cell.full += full;
            }
        }
    }
}

/// What slabs are used for, and which part of them.
fn kind_of(used: SlabUse) -> Option<(Kind, f64)> {
    match used {
        SlabUse::Free => None,
        SlabUse::Run { class, slot, blocks, free } => {
            let class = Classes::<16>::get(class)?;
            let block_size = Classes::<16>::info(class).size;
            let kind = match slot {
                Some(slot) => Kind::Owned { slot, block_size },
                None => Kind::Shared { block_size },
            };
            let live = blocks.saturating_sub(free);
            Some((kind, live as f64 / blocks.max(1) as f64))
        }
        SlabUse::Large => Some((Kind::Large, 1.0)),
        SlabUse::Changing => Some((Kind::Changing, 1.0)),
        SlabUse::Damaged => Some((Kind::Damaged, 1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_slabs_are_merged_into_few_cells() {
        for slabs in [1, 4095, 4096, 4097, 1_000_000, usize::MAX >> 16] {
            let map = Map { cells: Vec::new(), ..Map::empty(slabs.min(1 << 20)) };
            let cells = map.slabs.div_ceil(map.slabs_a_cell);
            assert!(cells <= MOST_CELLS && cells * map.slabs_a_cell >= map.slabs);
            assert_eq!(map.range(cells - 1).1, map.slabs - 1);
        }
    }
}
