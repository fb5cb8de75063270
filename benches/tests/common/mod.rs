//! The program `compare`, run, and what it said.

#![allow(dead_code, reason = "each test uses some of it")]

use std::process::Command;

/// What a run of the program said, and whether it ended well.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// The program with some arguments.
pub(crate) fn compare(arguments: &[&str]) -> Command {
    // What its processes wait for may never come, for some are others'.
    let mut command = Command::new("/usr/bin/timeout");
    command.args(["-k", "10", "1800", env!("CARGO_BIN_EXE_compare")]).args(arguments);
    command
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    let output = command.output().expect("the program is there");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let success = output.status.success();
    Said { success, output: text(output.stdout), errors: text(output.stderr) }
}

impl Said {
    /// The last line, which has the figures.
    pub(crate) fn last(&self) -> &str {
        self.output.lines().next_back().expect("a line")
    }

    /// A figure of the last line, if it is a finite number.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        let mut words = self.last().split(' ').filter_map(|word| word.split_once('='));
        let (_, figure) = words.find(|(it, _)| *it == name).expect(name);
        figure.trim_end_matches('x').parse().ok().filter(|it: &f64| it.is_finite())
    }

    /// Whether there is a row with the time that a job took.
    pub(crate) fn has_time_of(&self, job: &str) -> bool {
        let row = self.output.lines().find(|line| line.split_whitespace().nth(1) == Some(job));
        let time = row.and_then(|row| row.split('|').nth(2)?.trim().parse::<f64>().ok());
        time.is_some_and(|time| time > 0.0)
    }
}

/// A job that there is not is told, with those that there are.
pub(crate) fn check_unknown_job(table: &str, jobs: &str) {
    let said = run(&mut compare(&[table, "--only", "nothing"]));
    assert!(!said.success && said.errors.contains(jobs), "{said:?}");
}
