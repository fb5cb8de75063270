//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::job::{Ipc, Job, Shape};
use super::kind::Kind;
use crate::{
    Run,
    ratio::{Ratio, Times},
};

/// What our figures stand under.
pub(super) const OURS: &str = "anymem";

/// What the library's figures stand under.
pub(super) const THEIRS: &str = "umf";

/// Returns, for each of our pools, how much two threads do together of what one does.
pub fn scaling(run: &Run) -> String {
    let ours = |job: Job| run.of(&job.to_string(), OURS);
    let line = |kind: Kind| {
        let one = ours(Job::Blocks(kind, Shape::Pair))?;
        let two = ours(Job::Blocks(kind, Shape::PairThreads))?;
        Some(format!("{kind}: two threads do {:.2} times what one does\n", 2.0 * one / two))
    };
    Kind::ALL.into_iter().filter_map(line).collect()
}

/// The ratios of a run: its last line, in its `Display` form. A ratio that cannot
/// be formed, because a contestant is missing, reads `n/a`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// How many times as fast as the library's our disjoint pool allocates and frees.
    pub disjoint: Option<f64>,
    /// The same of the pools over jemalloc.
    pub jemalloc: Option<f64>,
    /// The same of the pools over oneTBB.
    pub scalable: Option<f64>,
    /// The same of the pools that hand out spans.
    pub proxy: Option<f64>,
    /// Our time over theirs in the worse of two: getting a handle once more, and opening
    /// what is open.
    pub ipc_cached: Option<f64>,
    /// Our time over theirs to open what is not open.
    pub ipc_cold: Option<f64>,
    /// Nanoseconds that we take to look up the pool of a block.
    pub owner_ns: Option<f64>,
}

impl Summary {
    /// Forms the ratios of `run`.
    pub fn of(run: &Run) -> Self {
        let slower = |job: Job| run.ratio(&job.to_string(), OURS, THEIRS);
        let pair = |kind| slower(Job::Blocks(kind, Shape::Pair)).map(f64::recip);
        let cached = [Ipc::Get, Ipc::Open].map(|part| slower(Job::Ipc(part)));
        Self {
            disjoint: pair(Kind::Disjoint),
            jemalloc: pair(Kind::Jemalloc),
            scalable: pair(Kind::Scalable),
            proxy: pair(Kind::Proxy),
            ipc_cached: cached.into_iter().flatten().max_by(f64::total_cmp),
            ipc_cold: slower(Job::Ipc(Ipc::OpenCold)),
            owner_ns: run.of(&Job::Owner.to_string(), OURS),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "pools: disjoint={} jemalloc={} scalable={} proxy={} ipc_cached={} ipc_cold={} \
             owner_ns={}",
            Times(self.disjoint),
            Times(self.jemalloc),
            Times(self.scalable),
            Times(self.proxy),
            Ratio(self.ipc_cached),
            Ratio(self.ipc_cold),
            self.owner_ns.map_or("n/a".into(), |time| format!("{time:.1}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::Plan, run::testing};

    #[test]
    fn the_last_line_holds_the_ratios() {
        let row = |job, ours, theirs| testing::row(job, &[(OURS, ours), (THEIRS, theirs)]);
        let rows = vec![
            row("disjoint/pair/64", 5.0, 90.0),
            row("disjoint/threads/pair/64", 5.0, 450.0),
            row("proxy/pair/64", 500.0, 6000.0),
            row("owner", 2.5, 31.0),
            row("ipc/get", 50.0, 200.0),
            row("ipc/open", 30.0, 60.0),
            row("ipc/open-cold", 3000.0, 4000.0),
        ];
        let run = Run::new(Plan::QUICK, rows, Vec::new());
        let expected = "pools: disjoint=18.00x jemalloc=n/a scalable=n/a proxy=12.00x \
                        ipc_cached=0.50 ipc_cold=0.75 owner_ns=2.5";
        assert_eq!(Summary::of(&run).to_string(), expected);
        assert_eq!(scaling(&run), "disjoint: two threads do 2.00 times what one does\n");
    }
}
