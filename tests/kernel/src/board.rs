//! Places where whoever comes along leaves a block and frees somebody else's.

use alloc::boxed::Box;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::block::Block;
use crate::random::Random;

const PLACES: usize = 64;

/// Most blocks are small, some take slabs of their own.
const SIZES: [usize; 8] = [24, 32, 40, 100, 200, 600, 1500, 5000];

/// Blocks that are nobody's.
#[derive(Debug)]
pub struct Board {
    places: [AtomicPtr<Block>; PLACES],
}

impl Board {
    /// A board without blocks.
    pub const fn new() -> Self {
        Self { places: [const { AtomicPtr::new(ptr::null_mut()) }; PLACES] }
    }

    /// Leaves a new block in a place, and frees the one that was there.
    ///
    /// Interrupt handlers do so too, in the midst of it.
    pub fn turn(&self, random: &mut Random) {
        let size = SIZES[random.below(SIZES.len())] + random.below(16);
        let block = Block::new(size, random.below(256) as u8).expect("the heap is full");
        self.swap(random.below(PLACES), Box::into_raw(Box::new(block)));
    }

    /// Frees all blocks.
    pub fn clear(&self) {
        (0..PLACES).for_each(|place| self.swap(place, ptr::null_mut()));
    }

    fn swap(&self, place: usize, block: *mut Block) {
        // AcqRel: whoever takes a block sees what it was filled with.
        let former = self.places[place].swap(block, Ordering::AcqRel);
        if !former.is_null() {
            // SAFETY: it came from a box, and was taken out of its only place.
            drop(unsafe { Box::from_raw(former) });
        }
    }
}
