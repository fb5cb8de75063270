//! How much heaps hold before they have no room for the first time.

use core::{alloc::Layout, ptr::NonNull};

use anymem_core::tiny::{Counted, TinyHeap};

use super::{
    heaps::{Heap, Visitor, visit_all},
    job::Job,
    measure::Memory,
};
use crate::{Role, workloads::Rng};

/// Of a hundred calls, how many allocate.
const ALLOCATIONS: usize = 55;

/// How full each heap was, in the order of the columns.
#[derive(Clone, Debug)]
pub struct Fill {
    /// What was done.
    pub job: Job,
    /// Names, and bytes that were asked for over those of the arena.
    pub heaps: Vec<(&'static str, f64)>,
}

/// Fills all heaps by `job`: the means of `runs` sequences, the same for all.
pub fn fills(job: Job, runs: u64) -> Fill {
    let mut all = Fills { job, runs, fill: Fill { job, heaps: Vec::new() } };
    visit_all(&mut all);
    all.fill
}

struct Fills {
    job: Job,
    runs: u64,
    fill: Fill,
}

impl Visitor for Fills {
    fn visit<H: Heap + 'static>(&mut self, name: &'static str, _role: Role) {
        let mut memory = Memory::new(self.job.arena.bytes());
        let run = |seed| {
            // SAFETY: the memory is used by one heap after the other.
            let mut heap = unsafe { H::over(memory.bytes()) };
            fill(&mut heap, self.job, seed, |_| ())
        };
        let bytes: usize = (0..self.runs).map(run).sum();
        let mean = bytes as f64 / self.runs as f64;
        self.fill.heaps.push((name, mean / self.job.arena.bytes() as f64));
    }
}

/// Allocates, and frees at random a little less, until there is no room; the bytes that are
/// live then. Calls `after` each call.
fn fill<H: Heap>(heap: &mut H, job: Job, seed: u64, mut after: impl FnMut(&mut H)) -> usize {
    let mut rng = Rng::new(seed);
    let mut live: Vec<(NonNull<u8>, Layout)> = Vec::new();
    loop {
        if live.is_empty() || rng.below(100) < ALLOCATIONS {
            let layout = job.sizes.draw(&mut rng);
            let block = heap.allocate(layout);
            after(heap);
            let Some(block) = block else { break };
            live.push((block, layout));
        } else {
            let (block, layout) = live.swap_remove(rng.below(live.len()));
            // SAFETY: a live block.
            unsafe { heap.free(block, layout) };
            after(heap);
        }
    }
    live.iter().map(|(_, layout)| layout.size()).sum()
}

impl Heap for TinyHeap<Counted> {
    unsafe fn over(memory: NonNull<[u8]>) -> Self {
        // SAFETY: passed on from the caller.
        unsafe { Self::new(memory) }.expect("the arenas are large enough")
    }

    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate(layout)
    }

    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        let freed = unsafe { self.free(block, layout) };
        debug_assert_eq!(freed, Ok(()));
    }
}

/// The most steps that one call of ours took while it was filled by `job`, `runs` times.
pub fn worst_steps(job: Job, runs: u64) -> u32 {
    let mut memory = Memory::new(job.arena.bytes());
    let mut worst = 0;
    for seed in 0..runs {
        // SAFETY: the memory is used by one heap after the other.
        let mut heap = unsafe { <TinyHeap<Counted> as Heap>::over(memory.bytes()) };
        fill(&mut heap, job, seed, |heap| worst = worst.max(heap.take_steps().0));
    }
    worst
}
