//! What is seen of a segment, by a process that may be lost.
//!
//! A segment's file can be cut off while it is being read, and the one who
//! reads then dies of SIGBUS. So another process looks, and writes down what it
//! sees:
//!
//! | line | what |
//! |---|---|
//! | 1 | the segment's state, in words |
//! | 2 | bytes in use, or nothing if that cannot be told |
//! | each other | a process that holds a part of the heap, and whether it lives |

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, Stdio};

use super::state::State;
use crate::error::CliError;
use crate::output::line;

/// What `look` calls a process that lives.
const ALIVE: &str = "alive";

/// What `look` calls one that does not.
const DEAD: &str = "dead";

/// What was seen of a segment.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Its state, in words.
    pub(crate) state: String,
    /// Bytes in blocks that are in use.
    pub(crate) live: Option<usize>,
    /// The holders of heap slots, and whether they live.
    pub(crate) holders: Vec<(u32, bool)>,
}

impl Seen {
    /// Lets another process look at the segment `name`.
    pub(crate) fn of(name: &str) -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(CliError::CannotStart)?;
        let looked = Command::new(program)
            .args(["look", "--", name])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(CliError::CannotStart)?;
        if looked.status.signal().is_some() {
            return Ok(Self { state: "changed while it was read".into(), ..Self::default() });
        }
        Ok(Self::parse(&String::from_utf8_lossy(&looked.stdout)))
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let state = lines.next().unwrap_or("cannot be read").to_owned();
        let live = lines.next().and_then(|line| line.parse().ok());
        let holders = lines.filter_map(|line| {
            let (pid, life) = line.split_once(' ')?;
            Some((pid.parse().ok()?, life == ALIVE))
        });
        Self { state, live, holders: holders.collect() }
    }
}

/// Looks at the segment `name`, and writes down what it sees.
pub(crate) fn look(name: &str) -> Result<ExitCode, CliError> {
    let state = State::of(name);
    line(&state)?;
    if let State::Ready(contents) = &state {
        line(contents.live)?;
        for (owner, alive) in &contents.owners {
            let life = if *alive { ALIVE } else { DEAD };
            line(format_args!("{} {life}", owner.pid))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let seen = Seen::parse("ready\n4096\n12 alive\n13 dead\n");
        assert_eq!(seen.state, "ready");
        assert_eq!(seen.live, Some(4096));
        assert_eq!(seen.holders, [(12, true), (13, false)]);
    }

    #[test]
    fn less_is_read_too() {
        assert_eq!(Seen::parse("").state, "cannot be read");
        assert_eq!(Seen::parse("damaged\n").live, None);
        assert!(Seen::parse("damaged\n\nnonsense\n").holders.is_empty());
    }
}
