//! What processes do until they die: blocks of the table, and now and then
//! something else.

use std::alloc::Layout;
use std::fmt::Display;

use anymem::SharedHeap;
use anymem_core::allocator::{AllocError, Allocator};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

use super::board::Board;
use super::failures::Kind;
use super::lane::Lane;
use super::pattern;
use super::scene::Scene;
use super::table::{Block, Claim, Found};
use crate::Random;

/// A process at work.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) heap: &'a SharedHeap,
    pub(super) board: &'a Board,
    pub(super) scene: &'a Scene,
    pub(super) number: usize,
    pub(super) random: Random,
}

impl Worker<'_> {
    pub(super) fn lane(&self) -> &Lane {
        &self.board.lanes[self.number]
    }

    /// Notes that something is not as it should be.
    pub(super) fn fail(&self, kind: Kind, what: impl Display) {
        self.board.failures.note(kind, format_args!("process {}: {what}", self.number));
    }

    /// Does something by lot.
    pub(super) fn step(&mut self) {
        match self.random.below(400) {
            0..2 => self.recover(),
            2 => self.trim(),
            _ if self.scene.links_alone(self.number) => self.use_link(),
            3..80 => self.use_shelf(),
            80..100 if self.scene.shares_locks() => self.use_shared(),
            _ => self.use_block(),
        }
        self.lane().count_step();
    }

    /// Takes back what the dead held.
    pub(super) fn recover(&self) {
        self.lane().at_stake(1, || self.heap.recover());
        self.lane().count_recovery();
    }

    /// Looks everywhere for memory that nobody uses.
    pub(super) fn trim(&self) {
        self.lane().at_stake(1, || self.heap.trim());
    }

    /// Allocates a block, or does something with one.
    pub(super) fn use_block(&mut self) {
        let index = self.draw_entry();
        match self.board.table.claim(index, self.number) {
            None => {}
            Some(Found::Nothing(claim)) => self.allocate(claim),
            Some(Found::Block(claim, block)) if self.is_intact(&block, block.layout.size()) => {
                match self.random.below(8) {
                    0..5 => self.free(claim, &block),
                    5 | 6 => self.reallocate(claim, &block),
                    _ => self.board.table.leave(claim, block.tag),
                }
            }
            Some(Found::Block(claim, _)) => self.board.table.condemn(claim),
        }
    }

    /// An entry of one's own, or anybody's.
    fn draw_entry(&mut self) -> usize {
        let (all, processes) = (self.scene.entries, self.scene.processes());
        let own = (all / processes).max(1);
        match self.random.below(3) {
            0 => self.random.below(all),
            _ => (self.number * own + self.random.below(own)) % all,
        }
    }

    fn draw_layout(&mut self) -> Layout {
        let align = match self.random.below(10) {
            0 => 1 << self.random.below(13),
            _ => 1 << self.random.below(5),
        };
        Layout::from_size_align(self.scene.size(&mut self.random), align).expect("in reason")
    }

    fn allocate(&mut self, claim: Claim) {
        let (layout, zeroed) = (self.draw_layout(), self.random.below(10) == 0);
        let got = self.lane().at_stake(1, || match zeroed {
            true => self.heap.allocate_zeroed(Context::DEFAULT, layout),
            false => self.heap.allocate(Context::DEFAULT, layout),
        });
        match got {
            Ok(at) => self.keep(claim, at, layout, zeroed),
            Err(error) => {
                self.excuse(error);
                self.board.table.vacate(claim);
            }
        }
    }

    /// Enters a block that was just had, and fills it.
    fn keep(&mut self, mut claim: Claim, at: Offset, layout: Layout, zeroed: bool) {
        let block = Block { at: at.get(), layout, tag: 0 };
        if !block.at.is_multiple_of(layout.align()) {
            self.fail(Kind::Corrupt, format_args!("{block:x?} is not aligned"));
        }
        if let Err(other) = self.board.table.hold(&mut claim, block) {
            self.fail(Kind::Overlap, format_args!("{block:x?} was handed out beside {other:x?}"));
            return self.board.table.condemn(claim);
        }
        self.lane().count_block();
        if zeroed && !self.is_zero(at, layout.size()) {
            self.fail(Kind::Corrupt, format_args!("{block:x?} is not zero"));
        }
        let tag = self.random.bits() | 1;
        if let Some(start) = self.heap.resolve(at, layout.size()) {
            // SAFETY: the block was just handed out, and its entry is claimed.
            unsafe { pattern::fill(start, layout.size(), tag) };
        }
        self.board.table.leave(claim, tag);
    }

    fn free(&mut self, mut claim: Claim, block: &Block) {
        self.board.table.begin_free(&mut claim);
        let at = Offset::new(block.at);
        // SAFETY: the block is live and its entry claimed; nobody uses it any more.
        let freed = self
            .lane()
            .at_stake(1, || unsafe { self.heap.free(Context::DEFAULT, at, block.layout) });
        if let Err(error) = freed {
            self.fail(Kind::Corrupt, format_args!("{block:x?} could not be freed: {error}"));
        }
        self.board.table.vacate(claim);
    }

    fn reallocate(&mut self, mut claim: Claim, block: &Block) {
        let size = self.scene.size(&mut self.random);
        let layout = Layout::from_size_align(size, block.layout.align()).expect("in reason");
        self.board.table.begin_move(&mut claim);
        let at = Offset::new(block.at);
        // SAFETY: the block is live and its entry claimed.
        let moved = self.lane().at_stake(1, || unsafe {
            self.heap.reallocate(Context::DEFAULT, at, block.layout, size)
        });
        match moved {
            Ok(at) => {
                let same = Block { at: at.get(), layout, tag: block.tag };
                match self.is_intact(&same, size.min(block.layout.size())) {
                    true => self.keep(claim, at, layout, false),
                    false => self.board.table.condemn(claim),
                }
            }
            Err(error) => {
                self.excuse(error);
                self.board.table.stay(&mut claim);
                self.board.table.leave(claim, block.tag);
            }
        }
    }

    /// Whether the first bytes of a block are as they were left.
    fn is_intact(&self, block: &Block, len: usize) -> bool {
        let Some(start) = self.heap.resolve(Offset::new(block.at), len) else {
            self.fail(Kind::Corrupt, format_args!("{block:x?} is outside of the heap"));
            return false;
        };
        if block.tag == 0 {
            return true;
        }
        // SAFETY: the block is in use and its entry claimed.
        let spoilt = unsafe { pattern::spoilt(start, len, block.tag) };
        if let Some(index) = spoilt {
            self.fail(Kind::Corrupt, format_args!("byte {index} of {block:x?} was overwritten"));
        }
        spoilt.is_none()
    }

    fn is_zero(&self, at: Offset, len: usize) -> bool {
        let bytes = crate::heap::bytes(self.heap, at, len);
        bytes.iter().all(|&byte| byte == 0)
    }

    /// A heap may be full; nothing else may be wrong.
    pub(super) fn excuse(&self, error: AllocError) {
        if !matches!(error, AllocError::Full { .. }) {
            self.fail(Kind::Corrupt, format_args!("no block: {error}"));
        }
    }
}
