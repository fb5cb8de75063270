//! What a run says: the table, the ratios, the chart.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::job::{Ipc, Job, Shape};
use super::kind::Kind;
use crate::{
    Chart,
    process::{self, Plan, Row},
    ratio::Ratio,
};

/// What our figures stand under.
pub(super) const OURS: &str = "anymem";

/// What the library's figures stand under.
pub(super) const THEIRS: &str = "umf";

/// All figures of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    #[serde(flatten)]
    figures: process::Run,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
}

impl Run {
    /// Creates a run of this machine.
    pub fn new(plan: Plan, rows: Vec<Row>, skipped: Vec<String>) -> Self {
        Self { figures: process::Run::new(plan, rows), skipped }
    }

    /// Returns the figures by job (rows) and contestant (columns).
    pub fn table(&self) -> String {
        self.figures.table()
    }

    /// Returns the chart: for each job, everybody's time as a multiple of the best
    /// peer's.
    pub fn chart(&self) -> Chart {
        self.figures.chart()
    }

    /// Returns a line for each thing that was not measured.
    pub fn skips(&self) -> String {
        self.skipped.iter().map(|skipped| format!("skipped: {skipped}\n")).collect()
    }

    /// Returns, for each of our pools, how much two threads do together of what one does.
    pub fn scaling(&self) -> String {
        let line = |kind: Kind| {
            let one = self.ours(Job::Blocks(kind, Shape::Pair))?;
            let two = self.ours(Job::Blocks(kind, Shape::PairThreads))?;
            Some(format!("{kind}: two threads do {:.2} times what one does\n", 2.0 * one / two))
        };
        Kind::ALL.into_iter().filter_map(line).collect()
    }

    /// Returns the figures that the project is judged by.
    pub fn summary(&self) -> Summary {
        let pair = |kind| self.slower(Job::Blocks(kind, Shape::Pair)).map(f64::recip);
        let cached = [Ipc::Get, Ipc::Open].map(|part| self.slower(Job::Ipc(part)));
        Summary {
            disjoint: pair(Kind::Disjoint),
            jemalloc: pair(Kind::Jemalloc),
            scalable: pair(Kind::Scalable),
            proxy: pair(Kind::Proxy),
            ipc_cached: cached.into_iter().flatten().max_by(f64::total_cmp),
            ipc_cold: self.slower(Job::Ipc(Ipc::OpenCold)),
            owner_ns: self.ours(Job::Owner),
        }
    }

    /// Returns the run and its summary as JSON, which [`Run`] can be read from.
    ///
    /// # Errors
    ///
    /// Passes the error of the serialiser on.
    pub fn json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Record<'a> {
            unit: &'a str,
            #[serde(flatten)]
            run: &'a Run,
            summary: Summary,
        }
        serde_json::to_string_pretty(&Record { unit: "ns/op", run: self, summary: self.summary() })
    }

    fn row(&self, job: Job) -> Option<&Row> {
        let name = job.to_string();
        self.figures.workloads.iter().find(|row| row.workload == name)
    }

    fn ours(&self, job: Job) -> Option<f64> {
        self.row(job)?.of(OURS)
    }

    /// Our time over theirs.
    fn slower(&self, job: Job) -> Option<f64> {
        Some(self.ours(job)? / self.row(job)?.of(THEIRS)?)
    }
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

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |ratio: Option<f64>| match ratio {
            Some(_) => format!("{}x", Ratio(ratio)),
            None => Ratio(None).to_string(),
        };
        write!(
            f,
            "pools: disjoint={} jemalloc={} scalable={} proxy={} ipc_cached={} ipc_cold={} \
             owner_ns={}",
            times(self.disjoint),
            times(self.jemalloc),
            times(self.scalable),
            times(self.proxy),
            Ratio(self.ipc_cached),
            Ratio(self.ipc_cold),
            self.owner_ns.map_or("n/a".into(), |time| format!("{time:.1}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, process::Figure};

    fn row(workload: &str, ours: f64, theirs: f64) -> Row {
        let figure = |name: &str, role, median| Figure {
            name: name.into(),
            role,
            median,
            fastest: median,
            slowest: median,
        };
        let contestants =
            vec![figure(OURS, Role::Private, ours), figure(THEIRS, Role::Peer, theirs)];
        Row { workload: workload.into(), contestants }
    }

    #[test]
    fn the_last_line_holds_the_ratios() {
        let rows = vec![
            row("disjoint/pair/64", 5.0, 90.0),
            row("disjoint/threads/pair/64", 5.0, 450.0),
            row("proxy/pair/64", 500.0, 6000.0),
            row("owner", 2.5, 31.0),
            row("ipc/get", 50.0, 200.0),
            row("ipc/open", 30.0, 60.0),
            row("ipc/open-cold", 3000.0, 4000.0),
        ];
        let run = Run::new(Plan::QUICK, rows, vec!["umf jemalloc: for a reason".into()]);
        let expected = "pools: disjoint=18.00x jemalloc=n/a scalable=n/a proxy=12.00x \
                        ipc_cached=0.50 ipc_cold=0.75 owner_ns=2.5";
        assert_eq!(run.summary().to_string(), expected);
        assert_eq!(run.scaling(), "disjoint: two threads do 2.00 times what one does\n");
        assert_eq!(run.skips(), "skipped: umf jemalloc: for a reason\n");
    }
}
