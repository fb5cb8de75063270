//! How fast heaps are.

use core::{alloc::Layout, ptr::NonNull};
use std::time::Instant;

use super::{
    heaps::{Heap, Visitor, visit_all},
    job::Job,
};
use crate::{
    Role,
    measure::{self, Sampled},
    process::{Plan, Row},
    workloads::Rng,
};

/// How much of an arena is asked for, in hundredths: so little that all heaps can serve nearly
/// all of it, those that round sizes up to powers of two as well.
const LOAD: usize = 35;

/// Replacements before the sequence begins again.
const STEPS: usize = 1 << 16;

/// Measures all heaps on `job`.
///
/// # Errors
///
/// A contestant failed. (Those that there are cannot.)
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(job: Job, plan: Plan) -> Result<Row, String> {
    let mut all = Contestants { job, sampled: Vec::new() };
    visit_all(&mut all);
    measure::measure(job.to_string(), 1, all.sampled, plan)
}

struct Contestants {
    job: Job,
    sampled: Vec<Sampled<'static>>,
}

impl Visitor for Contestants {
    fn visit<H: Heap + 'static>(&mut self, name: &'static str, role: Role) {
        let mut set = LiveSet::<H>::new(self.job);
        let sample = move |operations| {
            let start = Instant::now();
            set.replace(operations);
            Ok(start.elapsed().as_secs_f64() * 1e9 / operations as f64)
        };
        self.sampled.push(Sampled { name: name.into(), role, sample: Box::new(sample) });
    }
}

/// A heap, and blocks in it.
struct LiveSet<H> {
    heap: H,
    _memory: Memory,
    live: Vec<Option<(NonNull<u8>, Layout)>>,
    steps: Vec<(u32, Layout)>,
    next: usize,
}

/// The memory of a heap: pages of its own.
pub(super) struct Memory(Vec<u64>);

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        Self(vec![0; bytes / 8])
    }

    pub(super) fn bytes(&mut self) -> NonNull<[u8]> {
        let len = size_of_val(self.0.as_slice());
        NonNull::slice_from_raw_parts(NonNull::from(self.0.as_mut_slice()).cast(), len)
    }
}

impl<H: Heap> LiveSet<H> {
    fn new(job: Job) -> Self {
        let live = job.arena.bytes() / job.sizes.mean() * LOAD / 100;
        let mut rng = Rng::new(3);
        let mut step = |_| (rng.below(live) as u32, job.sizes.draw(&mut rng));
        let steps = (0..STEPS).map(&mut step).collect();
        let mut memory = Memory::new(job.arena.bytes());
        // SAFETY: the memory is used by this heap only, which goes with it.
        let heap = unsafe { H::over(memory.bytes()) };
        Self { heap, _memory: memory, live: vec![None; live], steps, next: 0 }
    }

    /// Frees a block and allocates another in its place, so many times.
    fn replace(&mut self, mut operations: u64) {
        while operations > 0 {
            let left = &self.steps[self.next..];
            let part = &left[..left.len().min(operations as usize)];
            replace(&mut self.heap, &mut self.live, part);
            operations -= part.len() as u64;
            self.next = (self.next + part.len()) % STEPS;
        }
    }
}

/// Where there is no room, there is no block: whose heap is full does less.
#[inline(never)]
fn replace<H: Heap>(
    heap: &mut H,
    live: &mut [Option<(NonNull<u8>, Layout)>],
    steps: &[(u32, Layout)],
) {
    for &(which, layout) in steps {
        let slot = &mut live[which as usize];
        if let Some((block, layout)) = slot.take() {
            // SAFETY: a block that was live.
            unsafe { heap.free(block, layout) };
        }
        if let Some(block) = heap.allocate(layout) {
            // SAFETY: the first and the last byte of a block of ours.
            unsafe {
                block.write(1);
                block.add(layout.size() - 1).write(1);
            }
            *slot = Some((block, layout));
        }
    }
}
