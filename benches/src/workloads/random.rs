//! Random replacement in a live set: the general-purpose program in small.

use core::{alloc::GlobalAlloc, fmt, mem, ops::RangeInclusive};
use std::time::Instant;

use super::{
    Sample,
    block::{Block, Blocks},
    rng::Rng,
};

/// Blocks that are live at any time.
pub(super) const LIVE: usize = 10_000;

/// Replacements before the sequence begins again: some thirteen turnovers.
const STEPS: usize = 1 << 17;

/// Replacements before the clock starts: a hundred turnovers. Large blocks need
/// that many until every page the heap will ever use has been touched; a sample
/// taken earlier measures page faults of a heap that is still growing.
pub(super) const WARM_UP: u64 = 100 * LIVE as u64;

/// Replaces random blocks of a live set of 10,000 by blocks of random sizes.
#[derive(Debug)]
pub struct Random {
    sizes: RangeInclusive<usize>,
    steps: Vec<Step>,
}

/// Frees block number `slot` and allocates another in its place. Four bytes, so
/// that the sequence itself takes little of the caches.
#[derive(Clone, Copy, Debug)]
struct Step {
    slot: u16,
    size_minus_one: u16,
}

const _: () = assert!(LIVE <= 1 << 16);

impl Step {
    fn random(rng: &mut Rng, sizes: &RangeInclusive<usize>) -> Self {
        let size = sizes.start() + rng.below(sizes.end() - sizes.start() + 1);
        Self { slot: rng.below(LIVE) as u16, size_minus_one: (size - 1) as u16 }
    }

    fn size(self) -> usize {
        usize::from(self.size_minus_one) + 1
    }
}

impl Random {
    /// Creates the workload for block sizes drawn evenly from `sizes`, which
    /// lie in `1..=65536`.
    pub fn new(sizes: RangeInclusive<usize>) -> Self {
        let mut rng = Rng::new(2);
        let steps = (0..STEPS).map(|_| Step::random(&mut rng, &sizes)).collect();
        Self { sizes, steps }
    }

    pub(super) fn sample<A: GlobalAlloc>(&self, heap: &A, operations: u64) -> Sample {
        let mut set = LiveSet::fill(self, heap);
        set.replace(WARM_UP);
        let start = Instant::now();
        set.replace(operations);
        Sample { operations, elapsed: start.elapsed() }
    }
}

impl fmt::Display for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sizes.start(), self.sizes.end())
    }
}

/// The blocks that are live, freed when dropped.
#[derive(Debug)]
pub(super) struct LiveSet<'a, A: GlobalAlloc> {
    blocks: Blocks<'a, A>,
    steps: &'a [Step],
    live: Vec<Block>,
}

impl<'a, A: GlobalAlloc> LiveSet<'a, A> {
    pub(super) fn fill(random: &'a Random, heap: &'a A) -> Self {
        let blocks = Blocks::of(heap);
        let sizes = random.steps[..LIVE].iter().map(|step| step.size());
        let live = sizes.map(|size| fresh(blocks, size)).collect();
        Self { blocks, steps: &random.steps, live }
    }

    /// Does `operations` replacements, from the sequence's start.
    pub(super) fn replace(&mut self, operations: u64) {
        let (whole, rest) = (operations / STEPS as u64, operations % STEPS as u64);
        for _ in 0..whole {
            replace(self.blocks, &mut self.live, self.steps);
        }
        replace(self.blocks, &mut self.live, &self.steps[..rest as usize]);
    }
}

impl<A: GlobalAlloc> Drop for LiveSet<'_, A> {
    fn drop(&mut self) {
        self.live.drain(..).for_each(|block| self.blocks.free(block));
    }
}

#[inline(always)]
fn fresh<A: GlobalAlloc>(blocks: Blocks<'_, A>, size: usize) -> Block {
    let block = blocks.allocate(size);
    block.write_ends();
    block.escape();
    block
}

#[inline(never)]
fn replace<A: GlobalAlloc>(blocks: Blocks<'_, A>, live: &mut [Block], steps: &[Step]) {
    for step in steps {
        let slot = &mut live[usize::from(step.slot)];
        blocks.free(mem::take(slot));
        *slot = fresh(blocks, step.size());
    }
}
