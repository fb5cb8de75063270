//! What the allocators are made to do.
//!
//! Every workload keeps to the same rules:
//! - memory is taken and given back through `GlobalAlloc` alone, with sizes and
//!   alignment that the optimiser does not know;
//! - blocks are written to, and their addresses escape, so nothing is optimised
//!   away;
//! - a sample warms its allocator up before the clock starts; live sets are
//!   built before and torn down after the timed part, and threads are started
//!   and joined outside of it;
//! - sequences are random but the same for all, in every run.

mod batch;
mod block;
mod pair;
mod processors;
mod producer_consumer;
mod random;
mod rng;
mod threads;
mod vec_grow;

use core::{alloc::GlobalAlloc, fmt, time::Duration};

pub(crate) use self::{processors::Place, rng::Rng, threads::on_each};

pub use self::{
    batch::Batch,
    pair::Pair,
    producer_consumer::ProducerConsumer,
    random::Random,
    threads::{PairThreads, RandomThreads},
    vec_grow::VecGrow,
};

/// One timed stretch of work.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How many operations were timed.
    pub operations: u64,
    /// How long they took together.
    pub elapsed: Duration,
}

impl Sample {
    /// Returns the nanoseconds per operation.
    pub fn nanoseconds(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.operations as f64
    }
}

/// A job for an allocator.
#[derive(Debug)]
pub enum Workload {
    /// Allocate, write, free, at one size.
    Pair(Pair),
    /// The same on two threads at once.
    PairThreads(PairThreads),
    /// Random replacement in a live set.
    Random(Random),
    /// One thread allocates, another frees.
    ProducerConsumer(ProducerConsumer),
    /// Random replacement on two threads, each with a live set of its own.
    RandomThreads(RandomThreads),
    /// A vector that grows through `realloc`.
    VecGrow(VecGrow),
    /// Allocate many blocks, then free them all.
    Batch(Batch),
}

impl Workload {
    /// Returns the workloads of `compare -- process`, in the order of its rows.
    pub fn process() -> Vec<Self> {
        let pairs = [16, 64, 256, 1024, 4096, 65536].map(|size| Self::Pair(Pair::new(size)));
        let mut all = Vec::from(pairs);
        all.push(Self::Random(Random::new(8..=1024)));
        all.push(Self::Random(Random::new(1..=65536)));
        all.push(Self::ProducerConsumer(ProducerConsumer));
        all.push(Self::RandomThreads(RandomThreads::new(8..=1024)));
        all.push(Self::VecGrow(VecGrow));
        all
    }

    /// Returns the fewest operations that make a sample meaningful: enough to
    /// turn a live set over many times, so that the heap has aged.
    pub fn least_operations(&self) -> u64 {
        match self {
            Self::Pair(_) | Self::PairThreads(_) | Self::Batch(_) => 4096,
            Self::Random(_) | Self::RandomThreads(_) => 8 * random::LIVE as u64,
            Self::ProducerConsumer(_) => 64 * producer_consumer::BATCH as u64,
            Self::VecGrow(_) => 8 * vec_grow::GROWTHS,
        }
    }

    /// Takes one sample of at least `operations` operations from `heap`.
    ///
    /// Aborts the process if `heap` has no memory left.
    pub fn sample<A: GlobalAlloc + Sync>(&self, heap: &A, operations: u64) -> Sample {
        match self {
            Self::Pair(pair) => pair.sample(heap, operations),
            Self::PairThreads(pairs) => pairs.sample(heap, operations),
            Self::Random(random) => random.sample(heap, operations),
            Self::ProducerConsumer(both) => both.sample(heap, operations),
            Self::RandomThreads(threads) => threads.sample(heap, operations),
            Self::VecGrow(vec) => vec.sample(heap, operations),
            Self::Batch(batch) => batch.sample(heap, operations),
        }
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pair(pair) => write!(f, "pair/{}", pair.size()),
            Self::PairThreads(pairs) => write!(f, "threads/pair/{}", pairs.size()),
            Self::Random(random) => write!(f, "random/{random}"),
            Self::ProducerConsumer(_) => write!(f, "threads/producer-consumer"),
            Self::RandomThreads(_) => write!(f, "threads/random"),
            Self::VecGrow(_) => write!(f, "vec/grow"),
            Self::Batch(batch) => write!(f, "batch/{}", batch.size()),
        }
    }
}
