//! What a round is like: how much room, how many processes, what they do.

use crate::Random;

use super::table::ENTRIES;

/// A kind of round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// There is room for everything.
    Ample,
    /// There is not: allocations fail, and look everywhere for room before.
    Tight,
    /// There are fewer heap slots than processes.
    Crowded,
    /// Victims are stopped, and go on later or are killed then.
    Stopped,
    /// All processes of a heap in a file die at once.
    Reboot,
    /// Victims allocate, link and free blocks as one, and do nothing else.
    Linked,
}

impl Setting {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Ample, Self::Tight, Self::Crowded, Self::Stopped, Self::Reboot, Self::Linked];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ample => "ample",
            Self::Tight => "tight",
            Self::Crowded => "crowded",
            Self::Stopped => "stopped",
            Self::Reboot => "reboot",
            Self::Linked => "linked",
        }
    }
}

/// What a round is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    pub(super) setting: Setting,
    /// What all random numbers of the round come from.
    pub(super) seed: u64,
    /// Processes that live through it.
    pub(super) peers: usize,
    /// Processes that do not.
    pub(super) victims: usize,
    /// Mebibytes of the heap.
    pub(super) mib: usize,
    /// Heap slots.
    pub(super) slots: usize,
    /// Entries of the table.
    pub(super) entries: usize,
    /// One block of so many is large.
    pub(super) large: usize,
    /// Whether stopped victims go on, or are killed.
    pub(super) mercy: bool,
}

impl Scene {
    /// A scene by lot.
    pub(super) fn draw(setting: Setting, seed: u64, peers: usize, victims: usize) -> Self {
        let mut random = Random::new(seed);
        let all = peers + victims;
        let tight = match setting {
            Setting::Tight => true,
            Setting::Ample => false,
            _ => random.below(2) == 0,
        };
        let slots = match setting {
            Setting::Crowded => (all / 2).max(1),
            _ => all * 4 + random.below(16),
        };
        let (mib, large) = if tight { (6, 10) } else { (48, 50) };
        let entries = (64 << random.below(4)).min(ENTRIES);
        let mercy = random.below(3) > 0;
        Self { setting, seed, peers, victims, mib, slots, entries, large, mercy }
    }

    /// Processes of the round.
    pub(super) fn processes(&self) -> usize {
        self.peers + self.victims
    }

    /// Whether locks of containers and names are used that several processes
    /// have: a stopped holder makes the others wait, as is documented.
    pub(super) fn shares_locks(&self) -> bool {
        self.setting != Setting::Stopped
    }

    /// Whether a process uses links alone: whoever takes over such a shelf has the
    /// heap recovered first, so this is for rounds of their own.
    pub(super) fn links_alone(&self, lane: usize) -> bool {
        self.setting == Setting::Linked && lane >= self.peers
    }

    /// Bytes of a block.
    pub(super) fn size(&self, random: &mut Random) -> usize {
        match random.below(100) {
            0..70 => random.below(256),
            70..90 => random.below(4096),
            _ if random.below(self.large) == 0 => random.below(700_000),
            _ => random.below(40_000),
        }
    }
}
