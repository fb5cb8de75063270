//! What collections may do to an allocator's blocks, in any order.
//!
//! - A block is as large and as aligned as was asked for; zeroed ones are zero.
//! - What was written to a block stays until the block goes, also when it grows, shrinks or
//!   gets another alignment, and whatever is written to others.
//! - A call that fails leaves its block as it was.
#![allow(missing_docs, unreachable_pub, missing_debug_implementations)]

use std::alloc::Layout;
use std::ptr::NonNull;

use anymem_core::allocator_api::Allocator;
use proptest::prelude::*;

/// What a collection may ask for.
#[derive(Debug, Clone)]
pub enum Call {
    Allocate {
        size: usize,
        align: u32,
        zeroed: bool,
    },
    /// To a size that is larger by so much, and perhaps to another alignment.
    Grow {
        which: usize,
        by: usize,
        align: u32,
        zeroed: bool,
    },
    /// To so many of 256 parts.
    Shrink {
        which: usize,
        parts: usize,
        align: u32,
    },
    Free {
        which: usize,
    },
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0_usize..600, 2 => 0_usize..9000, 1 => 0_usize..100_000]
}

pub fn calls() -> impl Strategy<Value = Vec<Call>> {
    let (which, align) = (any::<usize>(), 0_u32..8);
    let call = prop_oneof![
        3 => (sizes(), align.clone(), any::<bool>())
            .prop_map(|(size, align, zeroed)| Call::Allocate { size, align, zeroed }),
        2 => (which, sizes(), align.clone(), any::<bool>())
            .prop_map(|(which, by, align, zeroed)| Call::Grow { which, by, align, zeroed }),
        1 => (which, 0_usize..=256, align)
            .prop_map(|(which, parts, align)| Call::Shrink { which, parts, align }),
        2 => which.prop_map(|which| Call::Free { which }),
    ];
    prop::collection::vec(call, 1..120)
}

/// A block, and the byte that it is full of.
struct Block {
    start: NonNull<u8>,
    layout: Layout,
    byte: u8,
}

impl Block {
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the allocator has said that the block has so many bytes, and it is not
        // freed as long as it is here.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.layout.size()) }
    }

    fn fill(&mut self) {
        let byte = self.byte;
        self.bytes().fill(byte);
    }

    /// Takes what a resize made of it, if there was room.
    fn turn_into(&mut self, made: Result<NonNull<[u8]>, impl Sized>, layout: Layout) {
        let Ok(made) = made else { return };
        assert!(made.len() >= layout.size());
        let kept = self.layout.size().min(layout.size());
        (self.start, self.layout) = (made.cast(), layout);
        assert!(self.start.addr().get().is_multiple_of(layout.align()), "{layout:?}");
        let byte = self.byte;
        assert!(self.bytes()[..kept].iter().all(|it| *it == byte), "what was there is kept");
    }
}

fn layout(size: usize, align: u32) -> Layout {
    Layout::from_size_align(size, 1 << align).unwrap()
}

/// Makes the calls, and looks at each block's bytes whenever it is touched.
pub fn run(heap: impl Allocator, calls: &[Call]) {
    let mut blocks: Vec<Block> = Vec::new();
    let pick = |which: usize, blocks: &[Block]| (!blocks.is_empty()).then(|| which % blocks.len());
    for (number, call) in calls.iter().enumerate() {
        match *call {
            Call::Allocate { size, align, zeroed } => {
                let layout = layout(size, align);
                let made =
                    if zeroed { heap.allocate_zeroed(layout) } else { heap.allocate(layout) };
                let Ok(made) = made else { continue };
                assert!(made.len() >= size);
                let mut block = Block { start: made.cast(), layout, byte: number as u8 };
                assert!(block.start.addr().get().is_multiple_of(layout.align()), "{layout:?}");
                assert!(!zeroed || block.bytes().iter().all(|it| *it == 0), "{size} zeroes");
                block.fill();
                blocks.push(block);
            }
            Call::Grow { which, by, align, zeroed } => {
                let Some(at) = pick(which, &blocks) else { continue };
                let block = &mut blocks[at];
                let old = block.layout;
                let new = layout(old.size() + by, align);
                // SAFETY: the block is live and has that layout; the new one is not smaller.
                let made = unsafe {
                    if zeroed {
                        heap.grow_zeroed(block.start, old, new)
                    } else {
                        heap.grow(block.start, old, new)
                    }
                };
                block.turn_into(made, new);
                let grown = block.layout == new && zeroed;
                assert!(!grown || block.bytes()[old.size()..].iter().all(|it| *it == 0));
                block.fill();
            }
            Call::Shrink { which, parts, align } => {
                let Some(at) = pick(which, &blocks) else { continue };
                let block = &mut blocks[at];
                let old = block.layout;
                let new = layout(old.size() * parts / 256, align);
                // SAFETY: the block is live and has that layout; the new one is not larger.
                block.turn_into(unsafe { heap.shrink(block.start, old, new) }, new);
            }
            Call::Free { which } => {
                let Some(at) = pick(which, &blocks) else { continue };
                free(&heap, blocks.swap_remove(at));
            }
        }
    }
    blocks.into_iter().for_each(|block| free(&heap, block));
}

fn free(heap: &impl Allocator, mut block: Block) {
    let byte = block.byte;
    assert!(block.bytes().iter().all(|it| *it == byte), "nobody else has written to it");
    // SAFETY: the block is live, has that layout, and goes.
    unsafe { heap.deallocate(block.start, block.layout) };
}
