//! The processes of a contestant that do one job.

use std::process;

use super::{contestant::Contestant, job::Job};
use crate::worker::Worker;

/// Processes that wait for work; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Team {
    workers: Vec<Worker>,
    job: Job,
}

impl Team {
    /// Starts the processes that `contestant` does `job` with. The first makes
    /// the segment, and is ready before there are others.
    pub(super) fn start(contestant: &Contestant, job: Job) -> Result<Self, String> {
        let segment = format!("compare.{}.{}", process::id(), contestant.name);
        let name = format!("{} on {job}", contestant.name);
        let mut team = Self { workers: Vec::new(), job };
        for number in 0..job.processes() {
            let command = contestant.command(job, &segment, number);
            team.workers.push(Worker::start(command, &name)?);
        }
        Ok(team)
    }

    /// Has each process do `operations`, or all of them the same ones; the
    /// nanoseconds that one took, on the whole.
    pub(super) fn sample(&mut self, operations: u64) -> Result<f64, String> {
        for worker in &mut self.workers {
            worker.tell(&operations.to_string())?;
        }
        let mut slowest = 0.0_f64;
        for worker in &mut self.workers {
            slowest = slowest.max(worker.hear_time()?);
        }
        let each = if self.job.is_joint() { 1 } else { self.workers.len() as u64 };
        // A clock may not have moved at all.
        Ok(slowest.max(1.0) / (operations * each) as f64)
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        // The first unlinks the segment, so it goes last.
        while self.workers.pop().is_some() {}
    }
}
