//! What pools are made to do.

use core::fmt;

use super::kind::Kind;
use crate::workloads::{Batch, Pair, PairThreads, Random, Workload};

/// What pools are made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Allocates and frees blocks.
    Blocks(Kind, Shape),
    /// Looks up which pool a block is of.
    Owner,
    /// Makes handles of blocks for another process, or opens such ones.
    Ipc(Ipc),
}

/// How blocks come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One of 64 bytes that is always free again.
    Pair,
    /// The same by two threads.
    PairThreads,
    /// 1024 of 64 bytes, and then all are freed.
    Small,
    /// 1024 of 4 KiB, and then all are freed.
    Pages,
    /// Replaced at random, of 1 to 65536 bytes, 10,000 of them live.
    Random,
}

/// What is done with handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipc {
    /// Makes one of a block that had one before, and puts it back.
    Get,
    /// Opens and closes one whose region is open already.
    Open,
    /// Opens one whose region is not: each of 512 once, in a process of its own.
    OpenCold,
}

impl Shape {
    const ALL: [Self; 5] = [Self::Pair, Self::PairThreads, Self::Small, Self::Pages, Self::Random];

    pub(super) fn workload(self) -> Workload {
        match self {
            Self::Pair => Workload::Pair(Pair::new(64)),
            Self::PairThreads => Workload::PairThreads(PairThreads::new(64)),
            Self::Small => Workload::Batch(Batch::new(64)),
            Self::Pages => Workload::Batch(Batch::new(4096)),
            Self::Random => Workload::Random(Random::new(1..=65536)),
        }
    }
}

impl Job {
    /// Returns all of them, in the order of the table's rows.
    pub fn all() -> Vec<Self> {
        let blocks = Kind::ALL.into_iter().flat_map(|kind| {
            // A live set of system calls would take minutes.
            let done = move |shape: &Shape| kind != Kind::Proxy || *shape != Shape::Random;
            Shape::ALL.into_iter().filter(done).map(move |shape| Self::Blocks(kind, shape))
        });
        let ipc = [Ipc::Get, Ipc::Open, Ipc::OpenCold].map(Self::Ipc);
        blocks.chain([Self::Owner]).chain(ipc).collect()
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(kind, shape) => write!(f, "{kind}/{}", shape.workload()),
            Self::Owner => f.write_str("owner"),
            Self::Ipc(Ipc::Get) => f.write_str("ipc/get"),
            Self::Ipc(Ipc::Open) => f.write_str("ipc/open"),
            Self::Ipc(Ipc::OpenCold) => f.write_str("ipc/open-cold"),
        }
    }
}
