//! What the systems that anymem replaces took for a pair: figures measured once,
//! since neither can be built into this program.
//!
//! Both on two virtual processors of an Intel Xeon (Sapphire Rapids, KVM), Debian
//! 12, Linux 6.18, gcc 12.2, glibc 2.36, on one thread, interleaved with glibc's
//! `malloc` in the same process:
//!
//! - hermes-shm's thread-local allocator over POSIX shared memory of 10 GiB, the
//!   first and the last byte written; medians of seven, in thread processor time.
//! - Unified Memory Framework 1.2.0-dev3 (of 2026-07-23): its pools over the
//!   provider of the operating system's memory, one byte written; medians of three
//!   runs of five repetitions, under `SCHED_FIFO`.
//!
//! That machine is not the one of this run. So a ratio is formed twice: of times,
//! and of times in units of the glibc of the same run, which leaves out how fast
//! the two machines are.

use serde::Serialize;

use super::run::Run;
use crate::{Role, ratio::geomean};

/// The sizes that there are figures for.
const SIZES: [usize; 5] = [16, 64, 256, 4096, 65536];

/// A system, and nanoseconds for a pair of each of the [`SIZES`].
struct Predecessor {
    name: &'static str,
    pairs: [f64; SIZES.len()],
    glibc: [f64; SIZES.len()],
}

/// Glibc beside the pools of UMF.
const UMF_GLIBC: [f64; SIZES.len()] = [8.8, 8.9, 8.6, 40.1, 40.1];

const PREDECESSORS: [Predecessor; 5] = [
    Predecessor {
        name: "hermes-shm thread-local",
        pairs: nanoseconds([10.1, 17.8, 17.7, 17.1, 17.1]),
        glibc: nanoseconds([104.0, 104.0, 104.0, 45.0, 45.0]),
    },
    Predecessor {
        name: "UMF disjoint pool",
        pairs: [88.9, 90.8, 89.3, 92.0, 95.0],
        glibc: UMF_GLIBC,
    },
    Predecessor {
        name: "UMF jemalloc pool",
        pairs: [194.9, 198.0, 203.0, 209.0, 244.0],
        glibc: UMF_GLIBC,
    },
    Predecessor {
        name: "UMF scalable pool",
        pairs: [28.9, 29.4, 28.3, 30.2, 55.3],
        glibc: UMF_GLIBC,
    },
    Predecessor {
        name: "UMF proxy pool",
        pairs: [5943.0, 5946.0, 5894.0, 5959.0, 5969.0],
        glibc: UMF_GLIBC,
    },
];

/// Turns millions of pairs a second, as they were noted, into nanoseconds.
const fn nanoseconds(millions: [f64; SIZES.len()]) -> [f64; SIZES.len()] {
    let mut pairs = millions;
    let mut index = 0;
    while index < SIZES.len() {
        pairs[index] = 1e3 / millions[index];
        index += 1;
    }
    pairs
}

/// How many times as fast as a predecessor the shared heap is, as the geometric
/// mean over the sizes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lead {
    /// The predecessor's name.
    pub over: &'static str,
    /// In time.
    pub by_time: Option<f64>,
    /// In time in units of the glibc of the same run.
    pub by_glibc: Option<f64>,
}

/// Returns the lead over each predecessor.
pub(super) fn leads(run: &Run) -> Vec<Lead> {
    PREDECESSORS.iter().map(|predecessor| predecessor.lead(run)).collect()
}

impl Predecessor {
    fn lead(&self, run: &Run) -> Lead {
        let times = |index: usize, ours: f64| self.pairs[index] / ours;
        let by_time = SIZES
            .iter()
            .enumerate()
            .filter_map(|(index, size)| Some(times(index, pair(run, *size)?.0)));
        let by_glibc = SIZES.iter().enumerate().filter_map(|(index, size)| {
            let (ours, glibc) = pair(run, *size)?;
            Some(times(index, ours) * glibc? / self.glibc[index])
        });
        Lead { over: self.name, by_time: geomean(by_time), by_glibc: geomean(by_glibc) }
    }
}

/// Returns what a pair of `size` bytes takes in the shared heap, and with glibc.
fn pair(run: &Run, size: usize) -> Option<(f64, Option<f64>)> {
    let name = format!("pair/{size}");
    let row = run.workloads.iter().find(|row| row.workload == name)?;
    Some((row.with_role(Role::Shared)?, row.of("glibc")))
}
