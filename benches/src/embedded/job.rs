//! What heaps are made to do.

use core::{alloc::Layout, fmt};

use crate::workloads::Rng;

/// Replaces blocks of random sizes at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Where the blocks are.
    pub arena: Arena,
    /// How large they are.
    pub sizes: Sizes,
}

/// How much memory a heap has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arena {
    /// 64 KiB.
    Small,
    /// 1 MiB.
    Large,
}

/// How large blocks are, at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Evenly from one bound to the other.
    Even(usize, usize),
    /// As many in each doubling.
    Doublings(usize, usize),
}

impl Arena {
    const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// Bytes of it.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Small => 64 << 10,
            Self::Large => 1 << 20,
        }
    }
}

impl Sizes {
    const ALL: [Self; 5] = [
        Self::Even(8, 64),
        Self::Even(1, 256),
        Self::Even(16, 1024),
        Self::Doublings(8, 2048),
        Self::Doublings(16, 8192),
    ];

    /// Draws one, with the alignment that a value of such a size may have.
    pub(super) fn draw(self, rng: &mut Rng) -> Layout {
        let size = match self {
            Self::Even(least, most) => least + rng.below(most - least + 1),
            Self::Doublings(least, most) => {
                let doublings = (most / least) as f64;
                let part = rng.below(1 << 20) as f64 / (1 << 20) as f64;
                (least as f64 * doublings.powf(part)) as usize
            }
        };
        let align = 1 << size.trailing_zeros().min(3);
        Layout::from_size_align(size, align).expect("a power of two")
    }

    /// The mean of many that are drawn.
    pub(super) fn mean(self) -> usize {
        const DRAWN: usize = 10_000;
        let mut rng = Rng::new(1);
        (0..DRAWN).map(|_| self.draw(&mut rng).size()).sum::<usize>() / DRAWN
    }
}

impl Job {
    /// Returns all of them, in the order of the table's rows.
    pub fn all() -> Vec<Self> {
        let of = |arena| Sizes::ALL.map(|sizes| Self { arena, sizes });
        Arena::ALL.into_iter().flat_map(of).collect()
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arena = match self.arena {
            Arena::Small => "64K",
            Arena::Large => "1M",
        };
        match self.sizes {
            Sizes::Even(least, most) => write!(f, "{arena}/{least}-{most}"),
            Sizes::Doublings(least, most) => write!(f, "{arena}/{least}..{most}"),
        }
    }
}
