//! What a run says: the table, the ratios, the chart.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::job::{Job, Message, Processes, Waiting};
use crate::{
    Chart,
    process::{self, Plan, Row},
    ratio::Ratio,
};

const OURS: &str = "anymem";

/// All figures of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    #[serde(flatten)]
    figures: process::Run,
    /// Who was not measured, and why.
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

    /// Returns a line for each contestant that was not measured.
    pub fn skips(&self) -> String {
        self.skipped.iter().map(|skipped| format!("skipped: {skipped}\n")).collect()
    }

    /// Returns the figures that the project is judged by.
    pub fn summary(&self) -> Summary {
        let vec = [Job::VecPushOpened, Job::VecIterate].map(|job| self.slower(job, &["std"]));
        let boost_map = ["boost", "boost-unordered"];
        let [empty, large] = [Message::Empty, Message::Large]
            .map(|message| self.row(Job::HandOver(message))?.of(OURS));
        Summary {
            boost_pair: self.faster(Job::Pair(Processes::One), &["boost"]),
            boost_pair2: self.faster(Job::Pair(Processes::Two), &["boost"]),
            boost_map: self.faster(Job::Map(Processes::Two), &boost_map),
            hashbrown_find: self.slower(Job::Find, &["hashbrown"]),
            vec: vec.into_iter().flatten().max_by(f64::total_cmp),
            iceoryx2_rtt: self.slower(Job::RoundTrip(Waiting::Polling), &["iceoryx2"]),
            handover_ns: large.zip(empty).map(|(large, empty)| large - empty),
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
        self.figures.workloads.iter().find(|row| row.workload == job.name())
    }

    /// Our time on `job` over that of the fastest of `peers`.
    fn slower(&self, job: Job, peers: &[&str]) -> Option<f64> {
        let row = self.row(job)?;
        let best = peers.iter().filter_map(|peer| row.of(peer)).min_by(f64::total_cmp)?;
        Some(row.of(OURS)? / best)
    }

    /// The time of the fastest of `peers` on `job` over ours.
    fn faster(&self, job: Job, peers: &[&str]) -> Option<f64> {
        self.slower(job, peers).map(f64::recip)
    }
}

/// The ratios of a run: its last line, in its `Display` form. A ratio that cannot
/// be formed, because a contestant is missing, reads `n/a`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// How many times as fast as Boost.Interprocess one process allocates and
    /// frees.
    pub boost_pair: Option<f64>,
    /// The same with two processes.
    pub boost_pair2: Option<f64>,
    /// How many times as fast as the faster of Boost's locked maps two processes
    /// use a map.
    pub boost_map: Option<f64>,
    /// Our time to find a key over that of `hashbrown`.
    pub hashbrown_find: Option<f64>,
    /// Our time over that of the standard library's vector, in the worse of two jobs:
    /// pushing to an opened vector, and adding up.
    pub vec: Option<f64>,
    /// Our round trip between two processes over that of iceoryx2.
    pub iceoryx2_rtt: Option<f64>,
    /// How many nanoseconds longer a round trip takes that hands 64 MiB over than one
    /// with an empty message.
    pub handover_ns: Option<f64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |ratio: Option<f64>| match ratio {
            Some(_) => format!("{}x", Ratio(ratio)),
            None => Ratio(None).to_string(),
        };
        write!(
            f,
            "shared: boost_pair={} boost_pair2={} boost_map={} hashbrown_find={} vec={} \
             iceoryx2_rtt={} handover_ns={}",
            times(self.boost_pair),
            times(self.boost_pair2),
            times(self.boost_map),
            Ratio(self.hashbrown_find),
            Ratio(self.vec),
            Ratio(self.iceoryx2_rtt),
            self.handover_ns.map_or("n/a".into(), |longer| format!("{longer:+.0}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Role, process::Figure};

    fn row(workload: &str, medians: &[(&str, f64)]) -> Row {
        let figure = |&(name, median): &(&str, f64)| Figure {
            name: name.into(),
            role: if name == OURS { Role::Shared } else { Role::Peer },
            median,
            fastest: median,
            slowest: median,
        };
        Row { workload: workload.into(), contestants: medians.iter().map(figure).collect() }
    }

    fn run(rows: Vec<Row>) -> Run {
        Run::new(Plan::QUICK, rows, vec!["somebody, for a reason".into()])
    }

    #[test]
    fn the_last_line_holds_the_ratios() {
        let run = run(vec![
            row("pair/1-process", &[("anymem", 5.0), ("boost", 100.0)]),
            row(
                "map/2-processes",
                &[("anymem", 10.0), ("boost", 300.0), ("boost-unordered", 200.0)],
            ),
            row("map/find", &[("anymem", 11.0), ("hashbrown", 10.0)]),
            row("vec/push", &[("anymem", 9.0), ("std", 2.0)]),
            row("vec/push-opened", &[("anymem", 2.0), ("std", 2.0)]),
            row("vec/iterate", &[("anymem", 0.3), ("std", 0.2)]),
            row(
                "round-trip/polling",
                &[("anymem", 300.0), ("iceoryx2", 1200.0), ("cache-line", 100.0)],
            ),
            row("hand-over/empty", &[("anymem", 900.0)]),
            row("hand-over/64-MiB", &[("anymem", 1000.0)]),
        ]);
        let expected = "shared: boost_pair=20.00x boost_pair2=n/a boost_map=20.00x \
                        hashbrown_find=1.10 vec=1.50 iceoryx2_rtt=0.25 handover_ns=+100";
        assert_eq!(run.summary().to_string(), expected);
        assert_eq!(run.skips(), "skipped: somebody, for a reason\n");
    }

    #[test]
    fn a_large_message_that_takes_no_longer_is_said_to() {
        let mut rows = vec![row("hand-over/empty", &[("anymem", 900.0)])];
        let said = |rows: &[Row]| run(rows.to_vec()).summary().to_string();
        assert!(said(&rows).ends_with(" handover_ns=n/a"));
        rows.push(row("hand-over/64-MiB", &[("anymem", 860.0)]));
        assert!(said(&rows).ends_with(" handover_ns=-40"));
    }

    #[test]
    fn a_run_comes_back_from_its_json() {
        let before = run(vec![row("map/find", &[("anymem", 11.0), ("hashbrown", 10.0)])]);
        let after: Run = serde_json::from_str(&before.json().unwrap()).unwrap();
        assert_eq!(before.table(), after.table());
        assert_eq!(before.skipped, after.skipped);
    }
}
