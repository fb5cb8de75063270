//! What can be wrong in a heap, and where.

use core::fmt;

use super::Broken;
use crate::offset::Offset;

/// A rule of a heap's tables that does not hold somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An owner word has a state that there is.
    KnownState,
    /// A run is of a class that there is.
    KnownClass,
    /// A further slab follows the head of its block.
    TailHasHead,
    /// No slab is left while it is claimed.
    ClaimIsFinished,
    /// No large block is left while it is freed.
    FreeIsFinished,
    /// A run has all its slabs, and starts where runs do.
    RunIsWhole,
    /// The owner of a run is a slot that somebody held.
    OwnerWasUsed,
    /// Only blocks have bits.
    BitsHaveBlocks,
    /// A large block is as long as it says.
    LengthIsTrue,
    /// A heap slot is in a state that there is.
    KnownSlotState,
    /// Somebody whom there is has entered the latch of a heap slot, or nobody.
    KnownLatch,
    /// A hint where to look for free blocks names a slab, or none.
    HintIsSlab,
    /// A root names memory that is in use.
    RootIsInUse,
    /// A magazine holds no more than it has room for.
    CountFits,
    /// An entry of a magazine names a block.
    EntryIsBlock,
    /// A block is free in one place.
    FreeOnce,
    /// An entry of a magazine names a block of its class.
    EntryFits,
    /// One entry of all magazines names a block. The walk does not look for
    /// this, for it would have to remember all entries: tools that have memory
    /// do.
    CachedOnce,
}

impl Rule {
    /// What was found instead.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::KnownState => "a slab's owner word has no known state",
            Self::KnownClass => "a slab is of a class that there is not",
            Self::TailHasHead => "a slab continues a block that does not begin",
            Self::ClaimIsFinished => "a slab was left while it was claimed",
            Self::FreeIsFinished => "a large block was left while it was freed",
            Self::RunIsWhole => "a run is not whole",
            Self::OwnerWasUsed => "a slab is owned by a heap slot that was never used",
            Self::BitsHaveBlocks => "a bitmap has bits that no block has",
            Self::LengthIsTrue => "a large block is not as long as it says",
            Self::KnownSlotState => "a heap slot is in no known state",
            Self::KnownLatch => "the latch of a heap slot is held by nobody that there is",
            Self::HintIsSlab => "a hint names a slab that there is not",
            Self::RootIsInUse => "a root names memory that is not in use",
            Self::CountFits => "a magazine counts more blocks than it has room for",
            Self::EntryIsBlock => "a magazine names no block",
            Self::FreeOnce => "a block is free in its slab and in a magazine",
            Self::EntryFits => "a magazine names a block of another class",
            Self::CachedOnce => "a block is free in two places of the magazines",
        }
    }

    /// What that means to whoever uses the heap.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::KnownState | Self::KnownClass => {
                "what is in the slab cannot be freed, and the slab is used for nothing else"
            }
            Self::TailHasHead | Self::RunIsWhole => {
                "blocks there cannot be freed, and their memory is lost to the heap"
            }
            Self::ClaimIsFinished | Self::FreeIsFinished => {
                "the memory comes back when the heap is recovered, if whoever held it died"
            }
            Self::OwnerWasUsed => "free blocks of the slab are found by nobody",
            Self::KnownLatch => "free blocks of the slot's slabs are found by nobody",
            Self::HintIsSlab => "some free blocks are found late, or by nobody",
            Self::RootIsInUse => "do not open the root: what it names is not there any more",
            Self::BitsHaveBlocks => "other bits may be wrong as well: trust no block of the slab",
            Self::LengthIsTrue => "the block may reach into another one: copy it out, and free it",
            Self::KnownSlotState => "the slot and the blocks it keeps are lost to the heap",
            Self::CountFits | Self::EntryIsBlock => "some free blocks are lost to the heap",
            Self::FreeOnce | Self::CachedOnce => {
                "the block may be handed out twice, unless its holder died and is recovered"
            }
            Self::EntryFits => "a block may be handed out that is too small: trust no new block",
        }
    }

    /// Whether the rule is about heap slots, not about slabs.
    const fn is_of_slots(self) -> bool {
        matches!(
            self,
            Self::KnownSlotState
                | Self::KnownLatch
                | Self::CountFits
                | Self::EntryIsBlock
                | Self::FreeOnce
                | Self::EntryFits
                | Self::CachedOnce
        )
    }
}

/// One thing that is wrong in a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The rule that does not hold.
    pub rule: Rule,
    /// Where the word stands that tells so; for an entry of a magazine and for a
    /// root, what it names.
    pub at: Offset,
    /// The slab it is about, if it is about one.
    pub slab: Option<usize>,
    /// How many slabs, from that one on, have the same fault.
    pub slabs: usize,
    /// The heap slot it is about, if it is about one.
    pub slot: Option<usize>,
    /// The number of the size class, where one is known.
    pub class: Option<usize>,
    /// The block's number in its run, where it is about one.
    pub block: Option<usize>,
}

impl Fault {
    pub(super) const fn of_slab(rule: Rule, slab: usize, at: Offset) -> Self {
        Self { rule, at, slab: Some(slab), slabs: 1, slot: None, class: None, block: None }
    }

    pub(super) const fn of_heap(rule: Rule, at: Offset) -> Self {
        Self { rule, at, slab: None, slabs: 1, slot: None, class: None, block: None }
    }

    pub(super) const fn of_slot(rule: Rule, slot: usize, at: Offset) -> Self {
        Self { slot: Some(slot), ..Self::of_heap(rule, at) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.rule.what())?;
        match self.slab {
            Some(slab) if self.slabs > 1 => write!(f, "slabs {slab} to {}, ", last(slab, self))?,
            Some(slab) => write!(f, "slab {slab}, ")?,
            None => {}
        }
        let fields = [("class", self.class), ("block", self.block), ("heap slot", self.slot)];
        for (name, value) in fields {
            if let Some(value) = value {
                write!(f, "{name} {value}, ")?;
            }
        }
        write!(f, "offset {})", self.at.get())
    }
}

const fn last(slab: usize, fault: &Fault) -> usize {
    slab.saturating_add(fault.slabs - 1)
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        let number = if fault.rule.is_of_slots() { fault.slot } else { fault.slab };
        Self { what: fault.rule.what(), at: number.unwrap_or(0) }
    }
}
