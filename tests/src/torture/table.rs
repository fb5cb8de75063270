//! Who has which block.
//!
//! The table stands outside of the heap and is the only place where processes
//! keep blocks: whoever wants to do something with one claims its entry, and
//! leaves the block to everybody afterwards. So each block wanders from process
//! to process, and what a dead process was doing is told by the entry that it had
//! claimed.
//!
//! | phase | the entry's block | claimed |
//! |---|---|---|
//! | vacant | there is none | no |
//! | live | is in use and filled | no |
//! | asking | is being allocated | yes |
//! | held | is in use: being filled, or read | yes |
//! | freeing | is being freed | yes |
//! | moving | is being reallocated | yes |
//! | condemned | was found to be wrong, and is left alone | for ever |
//!
//! # How overlaps are found
//!
//! Whoever gets a block enters it as held, and then looks through all entries
//! for another that is held or live and has one of the same bytes. Of two who get
//! a block at the same time at least one sees the other, for both enter first.
//! Entries count their changes, so what is read of one belongs together.

use std::alloc::Layout;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// Entries there can be.
pub(super) const ENTRIES: usize = 1024;

const PHASE_BITS: u32 = 3;
const LANE_BITS: u32 = 8;
const COUNT_SHIFT: u32 = PHASE_BITS + LANE_BITS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Vacant,
    Live,
    Asking,
    Held,
    Freeing,
    Moving,
    Condemned,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Vacant,
        Self::Live,
        Self::Asking,
        Self::Held,
        Self::Freeing,
        Self::Moving,
        Self::Condemned,
    ];
}

/// A block that somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Its offset.
    pub(super) at: usize,
    /// What it was asked for with.
    pub(super) layout: Layout,
    /// What it is filled with; 0 if nobody knows.
    pub(super) tag: u64,
}

impl Block {
    fn overlaps(&self, other: &Self) -> bool {
        // A block without a byte is another's, too, if it is at its place.
        let end = |block: &Self| block.at + block.layout.size().max(1);
        self.at < end(other) && other.at < end(self)
    }
}

#[derive(Debug)]
struct Entry {
    /// Phase, lane of who claimed it, number of changes.
    state: AtomicU64,
    at: AtomicUsize,
    size: AtomicUsize,
    align: AtomicUsize,
    tag: AtomicU64,
}

/// A claimed entry.
#[derive(Debug)]
pub(super) struct Claim {
    index: usize,
    state: u64,
}

/// What a claimed entry was before.
#[derive(Debug)]
pub(super) enum Found {
    Nothing(Claim),
    Block(Claim, Block),
}

/// What somebody was doing who died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsettled {
    /// Allocating: no block is known.
    Asked,
    /// Freeing or moving a block, which may be free by now.
    Gave(Block),
}

/// All blocks.
#[derive(Debug)]
pub(super) struct Table {
    entries: [Entry; ENTRIES],
}

fn phase_of(state: u64) -> Phase {
    Phase::ALL[(state & 7) as usize % Phase::ALL.len()]
}

fn lane_of(state: u64) -> usize {
    (state >> PHASE_BITS) as usize & ((1 << LANE_BITS) - 1)
}

/// The state after `state`.
fn next(state: u64, phase: Phase, lane: usize) -> u64 {
    ((state >> COUNT_SHIFT) + 1) << COUNT_SHIFT | (lane as u64) << PHASE_BITS | phase as u64
}

impl Table {
    /// Claims an entry, unless somebody else has.
    pub(super) fn claim(&self, index: usize, lane: usize) -> Option<Found> {
        let entry = &self.entries[index];
        let seen = entry.state.load(Ordering::Relaxed);
        let phase = match phase_of(seen) {
            Phase::Vacant => Phase::Asking,
            Phase::Live => Phase::Held,
            _ => return None,
        };
        let state = next(seen, phase, lane);
        // AcqRel: pairs with the stores in `enter` and here: what the last one
        // wrote to the block is seen.
        let won = entry.state.compare_exchange(seen, state, Ordering::AcqRel, Ordering::Relaxed);
        won.ok()?;
        let claim = Claim { index, state };
        Some(match phase {
            Phase::Asking => Found::Nothing(claim),
            _ => Found::Block(claim, entry.block()),
        })
    }

    /// Enters a block that the caller just got.
    ///
    /// # Errors
    ///
    /// A block that somebody has, and which has a byte in common with it.
    pub(super) fn hold(&self, claim: &mut Claim, block: Block) -> Result<(), Block> {
        self.entries[claim.index].set(block);
        self.enter(claim, Phase::Held);
        // SeqCst: of two who come here at the same time one sees the other.
        fence(Ordering::SeqCst);
        let others = self.entries.iter().enumerate().filter(|(index, _)| *index != claim.index);
        let rival =
            others.filter_map(|(_, entry)| entry.in_use()).find(|other| other.overlaps(&block));
        rival.map_or(Ok(()), Err)
    }

    /// Leaves a held block, filled as `tag` says, to everybody.
    pub(super) fn leave(&self, mut claim: Claim, tag: u64) {
        self.entries[claim.index].tag.store(tag, Ordering::Relaxed);
        self.enter(&mut claim, Phase::Live);
    }

    /// Notes that a held block is about to be freed.
    pub(super) fn begin_free(&self, claim: &mut Claim) {
        self.enter(claim, Phase::Freeing);
    }

    /// Notes that a held block is about to be reallocated.
    pub(super) fn begin_move(&self, claim: &mut Claim) {
        self.enter(claim, Phase::Moving);
    }

    /// Notes that a block is as it was, for it could not be moved.
    pub(super) fn stay(&self, claim: &mut Claim) {
        self.enter(claim, Phase::Held);
    }

    /// Notes that there is no block, or none any more.
    pub(super) fn vacate(&self, mut claim: Claim) {
        self.enter(&mut claim, Phase::Vacant);
    }

    /// Notes that nobody should touch the block.
    pub(super) fn condemn(&self, mut claim: Claim) {
        self.enter(&mut claim, Phase::Condemned);
    }

    fn enter(&self, claim: &mut Claim, phase: Phase) {
        claim.state = next(claim.state, phase, lane_of(claim.state));
        // Release: pairs with the loads of the state: the fields come first.
        self.entries[claim.index].state.store(claim.state, Ordering::Release);
    }

    /// Releases what `lane` had claimed, whose process is dead.
    pub(super) fn settle(&self, lane: usize) -> Option<Unsettled> {
        let mut unsettled = None;
        for entry in &self.entries {
            let state = entry.state.load(Ordering::Acquire);
            if lane_of(state) != lane {
                continue;
            }
            let (phase, left) = match phase_of(state) {
                Phase::Asking => (Phase::Vacant, Some(Unsettled::Asked)),
                Phase::Held => (Phase::Live, None),
                Phase::Freeing | Phase::Moving => {
                    (Phase::Vacant, Some(Unsettled::Gave(entry.block())))
                }
                Phase::Vacant | Phase::Live | Phase::Condemned => continue,
            };
            entry.tag.store(0, Ordering::Relaxed);
            entry.state.store(next(state, phase, lane), Ordering::Release);
            unsettled = unsettled.or(left);
        }
        unsettled
    }

    /// All blocks, while nobody has claimed any, in order of their places.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<_> = self.entries.iter().filter_map(Entry::in_use).collect();
        blocks.sort_by_key(|block| block.at);
        blocks
    }

    /// Two blocks of a sorted list that overlap.
    pub(super) fn overlap(blocks: &[Block]) -> Option<[Block; 2]> {
        let clash = blocks.windows(2).find(|pair| pair[0].overlaps(&pair[1]))?;
        Some([clash[0], clash[1]])
    }

    /// Forgets all blocks.
    pub(super) fn clear(&self) {
        for entry in &self.entries {
            entry.state.store(0, Ordering::Relaxed);
        }
    }
}

impl Entry {
    fn set(&self, block: Block) {
        self.at.store(block.at, Ordering::Relaxed);
        self.size.store(block.layout.size(), Ordering::Relaxed);
        self.align.store(block.layout.align(), Ordering::Relaxed);
        self.tag.store(block.tag, Ordering::Relaxed);
    }

    fn block(&self) -> Block {
        let (size, align) = (self.size.load(Ordering::Relaxed), self.align.load(Ordering::Relaxed));
        let layout = Layout::from_size_align(size, align).expect("as it was entered");
        Block { at: self.at.load(Ordering::Relaxed), layout, tag: self.tag.load(Ordering::Relaxed) }
    }

    /// The block, if it is in use at this moment.
    fn in_use(&self) -> Option<Block> {
        let state = self.state.load(Ordering::Acquire);
        if !matches!(phase_of(state), Phase::Live | Phase::Held) {
            return None;
        }
        let at = self.at.load(Ordering::Relaxed);
        let (size, align) = (self.size.load(Ordering::Relaxed), self.align.load(Ordering::Relaxed));
        let tag = self.tag.load(Ordering::Relaxed);
        // Acquire: the fields were read before the state is read again.
        fence(Ordering::Acquire);
        let same = self.state.load(Ordering::Relaxed) == state;
        let layout = Layout::from_size_align(size, align).ok().filter(|_| same)?;
        Some(Block { at, layout, tag })
    }
}
