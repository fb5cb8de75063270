//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::job::{Job, Size, Team};
use crate::{
    Run,
    ratio::{Times, geomean},
};

/// What our figures stand under.
pub(super) const OURS: &str = "anymem";
/// What ours without caches does: its bitmap and hints alone.
pub(super) const UNCACHED: &str = "anymem_uncached";
/// What those of the buddy system do.
pub(super) const BUDDY: &str = "buddy_system";
/// What those of the linked list do.
pub(super) const LINKED_LIST: &str = "linked_list";

/// What the authors of LLFree, which only runs in a kernel or beside one, have published.
const PUBLISHED: &str = "\
LLFree (Wrenger et al., USENIX ATC 2023; another machine): up to 88 % less time than Linux for \
4 KiB, and up to 98 % less for 2 MiB, on 26 cores";

/// The ratios of a run: its last line, in its `Display` form.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// How many times as fast as the buddy system ours is on two threads: the geometric mean
    /// of the jobs with frames of 4 KiB.
    pub buddy: Option<f64>,
    /// The same of the linked list.
    pub linked_list: Option<f64>,
}

impl Summary {
    /// Forms the ratios of `run`.
    pub fn of(run: &Run) -> Self {
        Self { buddy: mean(run, Team::Two, BUDDY), linked_list: mean(run, Team::Two, LINKED_LIST) }
    }
}

/// How many times as fast as `peer` ours is on the jobs of a team with frames of 4 KiB.
fn mean(run: &Run, team: Team, peer: &str) -> Option<f64> {
    let counts = |job: &Job| job.team == team && job.size == Size::Base;
    let jobs = Job::all().into_iter().filter(counts);
    geomean(jobs.filter_map(|job| run.ratio(&job.to_string(), peer, OURS)))
}

/// Returns how many times as fast ours is on each job, and on one thread on the whole; and
/// what LLFree is known for.
pub fn per_row(run: &Run) -> String {
    let line = |job: &Job| {
        let [buddy, list] = [BUDDY, LINKED_LIST].map(|it| run.ratio(&job.to_string(), it, OURS));
        buddy.or(list).map(|_| format!("{job}: buddy={} llist={}\n", Times(buddy), Times(list)))
    };
    let rows = Job::all().iter().filter_map(line).collect::<String>();
    let [buddy, list] = [BUDDY, LINKED_LIST].map(|peer| Times(mean(run, Team::One, peer)));
    format!("{rows}on one thread: buddy={buddy} llist={list}\n{PUBLISHED}\n")
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frames: buddy={} llist={}", Times(self.buddy), Times(self.linked_list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::Plan, run::testing};

    #[test]
    fn the_last_line_holds_the_means_of_two_threads() {
        let row = |job, ours, buddy, list| {
            testing::row(job, &[(OURS, ours), (BUDDY, buddy), (LINKED_LIST, list)])
        };
        let rows = vec![
            row("repeat/4-KiB/1-thread", 10.0, 30.0, 50.0),
            row("repeat/4-KiB/2-threads", 10.0, 20.0, 100.0),
            row("bulk/4-KiB/2-threads", 10.0, 80.0, 1000.0),
            row("bulk/2-MiB/2-threads", 100.0, 100.0, 50.0),
        ];
        let run = Run::new(Plan::QUICK, rows, Vec::new());
        assert_eq!(Summary::of(&run).to_string(), "frames: buddy=4.00x llist=31.62x");
        let expected = "repeat/4-KiB/1-thread: buddy=3.00x llist=5.00x\n\
                        repeat/4-KiB/2-threads: buddy=2.00x llist=10.00x\n\
                        bulk/4-KiB/2-threads: buddy=8.00x llist=100.00x\n\
                        bulk/2-MiB/2-threads: buddy=1.00x llist=0.50x\n\
                        on one thread: buddy=3.00x llist=5.00x\n";
        assert_eq!(per_row(&run), format!("{expected}{PUBLISHED}\n"));
    }
}
