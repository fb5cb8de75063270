//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::job::{Job, Message, Processes, Waiting};
use crate::{
    Run,
    ratio::{Ratio, Times},
};

const OURS: &str = "anymem";

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

impl Summary {
    /// Forms the ratios of `run`.
    pub fn of(run: &Run) -> Self {
        let slower = |job: Job, peers: &[&str]| {
            let ratios = peers.iter().filter_map(|peer| run.ratio(job.name(), OURS, peer));
            ratios.max_by(f64::total_cmp)
        };
        let faster = |job, peers: &[&str]| slower(job, peers).map(f64::recip);
        let vec = [Job::VecPushOpened, Job::VecIterate].map(|job| slower(job, &["std"]));
        let [empty, large] = [Message::Empty, Message::Large]
            .map(|message| run.of(Job::HandOver(message).name(), OURS));
        Self {
            boost_pair: faster(Job::Pair(Processes::One), &["boost"]),
            boost_pair2: faster(Job::Pair(Processes::Two), &["boost"]),
            boost_map: faster(Job::Map(Processes::Two), &["boost", "boost-unordered"]),
            hashbrown_find: slower(Job::Find, &["hashbrown"]),
            vec: vec.into_iter().flatten().max_by(f64::total_cmp),
            iceoryx2_rtt: slower(Job::RoundTrip(Waiting::Polling), &["iceoryx2"]),
            handover_ns: large.zip(empty).map(|(large, empty)| large - empty),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "shared: boost_pair={} boost_pair2={} boost_map={} hashbrown_find={} vec={} \
             iceoryx2_rtt={} handover_ns={}",
            Times(self.boost_pair),
            Times(self.boost_pair2),
            Times(self.boost_map),
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
    use crate::{
        process::{Plan, Row},
        run::testing::row,
    };

    fn run(rows: Vec<Row>) -> Run {
        Run::new(Plan::QUICK, rows, Vec::new())
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
        assert_eq!(Summary::of(&run).to_string(), expected);
    }

    #[test]
    fn a_large_message_that_takes_no_longer_is_said_to() {
        let mut rows = vec![row("hand-over/empty", &[("anymem", 900.0)])];
        let said = |rows: &[Row]| Summary::of(&run(rows.to_vec())).to_string();
        assert!(said(&rows).ends_with(" handover_ns=n/a"));
        rows.push(row("hand-over/64-MiB", &[("anymem", 860.0)]));
        assert!(said(&rows).ends_with(" handover_ns=-40"));
    }
}
