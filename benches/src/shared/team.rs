//! The processes of a contestant that do one job.

use std::{
    io::{BufRead, BufReader, Write},
    process::{self, Child, ChildStdin, ChildStdout, Stdio},
};

use super::{contestant::Contestant, job::Job};

/// Processes that wait for work; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Team {
    workers: Vec<Worker>,
    job: Job,
    name: String,
}

#[derive(Debug)]
struct Worker {
    process: Child,
    /// Taken when it is to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Team {
    /// Starts the processes that `contestant` does `job` with. The first makes
    /// the segment, and is ready before there are others.
    pub(super) fn start(contestant: &Contestant, job: Job) -> Result<Self, String> {
        let segment = format!("compare.{}.{}", process::id(), contestant.name);
        let name = format!("{} on {job}", contestant.name);
        let mut team = Self { workers: Vec::new(), job, name };
        for number in 0..job.processes() {
            let mut command = contestant.command(job, &segment, number);
            let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            let mut process = started.map_err(|error| format!("{}: {error}", team.name))?;
            let pipes = (process.stdin.take(), process.stdout.take());
            let (orders, Some(answers)) = pipes else { unreachable!("both are piped") };
            team.workers.push(Worker { process, orders, answers: BufReader::new(answers) });
            match team.hear(number)?.as_str() {
                "ready" => {}
                other => return Err(format!("{} says {other:?}", team.name)),
            }
        }
        Ok(team)
    }

    /// Has each process do `operations`, or all of them the same ones; the
    /// nanoseconds that one took, on the whole.
    pub(super) fn sample(&mut self, operations: u64) -> Result<f64, String> {
        for worker in &mut self.workers {
            let told = worker.orders.as_mut().map(|orders| writeln!(orders, "{operations}"));
            told.transpose().map_err(|error| format!("{}: {error}", self.name))?;
        }
        let mut slowest = 0.0_f64;
        for number in 0..self.workers.len() {
            let answer = self.hear(number)?;
            let took = answer.parse().map_err(|_| format!("{} says {answer:?}", self.name))?;
            slowest = slowest.max(took);
        }
        let each = if self.job.is_joint() { 1 } else { self.workers.len() as u64 };
        // A clock may not have moved at all.
        Ok(slowest.max(1.0) / (operations * each) as f64)
    }

    fn hear(&mut self, number: usize) -> Result<String, String> {
        let mut line = String::new();
        match self.workers[number].answers.read_line(&mut line) {
            Ok(0) => Err(format!("{} ended in the midst of it", self.name)),
            Ok(_) => Ok(line.trim().into()),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        // The first unlinks the segment, so it goes last.
        for worker in self.workers.iter_mut().rev() {
            drop(worker.orders.take());
            // Whatever became of it has been told or is of no matter any more.
            let _ = worker.process.wait();
        }
    }
}
