//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::fill::Fill;
use crate::{
    Role, Run,
    ratio::{Ratio, geomean},
    table::table,
};

/// What our figures stand under.
const OURS: &str = "anymem";

/// The figures that the project is judged by: the last line, in its `Display` form.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// How many times as fast we are as the peer that is the fastest over all jobs.
    pub speed_vs_best: Option<f64>,
    /// How full our heap gets over how full that of the best peer gets over all jobs.
    pub fill_vs_best: Option<f64>,
    /// The most steps that one of our calls took.
    pub worst_steps: u32,
}

impl Summary {
    /// Forms the figures of `run`, and of what was filled.
    pub fn of(run: &Run, fills: &[Fill], worst_steps: u32) -> Self {
        let speed = |peer: &str| geomean(run.jobs().filter_map(|job| run.ratio(job, peer, OURS)));
        let fill = |peer: &str| {
            let ratio = |fill: &Fill| Some(of(fill, OURS)? / of(fill, peer)?);
            geomean(fills.iter().filter_map(ratio))
        };
        let peers = run.names(Role::Peer);
        let least = |figure: &dyn Fn(&str) -> Option<f64>| {
            peers.iter().filter_map(|peer| figure(peer)).min_by(f64::total_cmp)
        };
        Self { speed_vs_best: least(&speed), fill_vs_best: least(&fill), worst_steps }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (speed, fill) = (Ratio(self.speed_vs_best), Ratio(self.fill_vs_best));
        let steps = self.worst_steps;
        write!(f, "embedded: speed_vs_best={speed} fill_vs_best={fill} worst_steps={steps}")
    }
}

fn of(fill: &Fill, heap: &str) -> Option<f64> {
    fill.heaps.iter().find(|(name, _)| *name == heap).map(|(_, part)| *part)
}

/// What is said before the last line: the fills.
#[derive(Clone, Copy, Debug)]
pub struct Remarks<'a>(pub &'a [Fill]);

impl fmt::Display for Remarks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else { return Ok(()) };
        let names = first.heaps.iter().map(|(name, _)| name.to_string());
        let row = |fill: &Fill| {
            let parts = fill.heaps.iter().map(|(_, part)| format!("{:.1}", part * 100.0));
            [fill.job.to_string()].into_iter().chain(parts).collect()
        };
        let head = ["% of the arena".to_string()].into_iter().chain(names);
        writeln!(f, "{}\n", table(head, self.0.iter().map(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::job::Job, *};
    use crate::{process::Plan, run::testing::row};

    #[test]
    fn the_last_line_is_about_the_best_peer_over_all() {
        let jobs = [Job::all()[0], Job::all()[1]];
        let rows = vec![
            row(&jobs[0].to_string(), &[(OURS, 10.0), ("talc", 10.0), ("rlsf", 15.0)]),
            row(&jobs[1].to_string(), &[(OURS, 10.0), ("talc", 40.0), ("rlsf", 15.0)]),
        ];
        let run = Run::new(Plan::QUICK, rows, Vec::new());
        let fills =
            jobs.map(|job| Fill { job, heaps: vec![(OURS, 0.9), ("talc", 0.6), ("rlsf", 0.8)] });
        let expected = "embedded: speed_vs_best=1.50 fill_vs_best=1.12 worst_steps=7";
        assert_eq!(Summary::of(&run, &fills, 7).to_string(), expected);
        let said = Remarks(&fills).to_string();
        assert!(said.contains("| 64K/8-64 ") && said.contains(" 90.0 "), "{said}");
    }
}
