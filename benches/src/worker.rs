//! A process that does what it is told, line by line.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A process that waits for lines and answers each with a line; it ends when this is
/// dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    process: Child,
    /// Taken when it is to end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts `command`, which is to say `ready`; `name` is what errors begin with.
    pub(crate) fn start(mut command: Command, name: &str) -> Result<Self, String> {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = started.map_err(|error| format!("{name}: {error}"))?;
        let pipes = (process.stdin.take(), process.stdout.take());
        let (orders, Some(answers)) = pipes else { unreachable!("both are piped") };
        let mut worker =
            Self { name: name.into(), process, orders, answers: BufReader::new(answers) };
        match worker.hear()?.as_str() {
            "ready" => Ok(worker),
            other => Err(format!("{name} says {other:?}")),
        }
    }

    /// Tells it a line.
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), String> {
        let told = self.orders.as_mut().map(|orders| writeln!(orders, "{line}"));
        told.transpose().map_err(|error| format!("{}: {error}", self.name))?;
        Ok(())
    }

    /// Waits for its next line.
    pub(crate) fn hear(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) => Err(format!("{} ended in the midst of it", self.name)),
            Ok(_) => Ok(line.trim().into()),
            Err(error) => Err(format!("{}: {error}", self.name)),
        }
    }

    /// Waits for the nanoseconds that something took.
    pub(crate) fn hear_time(&mut self) -> Result<f64, String> {
        let answer = self.hear()?;
        answer.parse().map_err(|_| format!("{} says {answer:?}", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Whatever became of it has been told or is of no matter any more.
        let _ = self.process.wait();
    }
}
