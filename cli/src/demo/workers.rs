//! The worker processes, seen from their parent.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anymem::Size;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::worker;
use crate::error::CliError;
use crate::signals::Signals;

/// How long the parent waits between two looks at how far the job is.
const TICK: Duration = Duration::from_millis(100);

/// Processes that count; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers {
    /// Those that have not ended, with their numbers.
    running: Vec<(u32, Child)>,
}

impl Workers {
    /// Starts `count` workers on the job in the segment `name`.
    pub(crate) fn start(count: u32, name: &str) -> Result<Self, CliError> {
        let mut workers = Self { running: Vec::new() };
        let program = std::env::current_exe().map_err(CliError::CannotStart)?;
        for index in 0..count {
            let child = Command::new(&program)
                .args(["worker", name, &index.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .map_err(CliError::CannotStart)?;
            workers.running.push((index, child));
        }
        Ok(workers)
    }

    /// Waits until all have ended, and calls `tick` meanwhile.
    ///
    /// # Errors
    ///
    /// One of them failed, or the program was asked to end.
    pub(crate) fn wait(
        &mut self,
        signals: &Signals,
        size: Size,
        mut tick: impl FnMut(),
    ) -> Result<(), CliError> {
        loop {
            self.reap(size)?;
            if self.running.is_empty() {
                return Ok(());
            }
            tick();
            signals.wait_for_child(TICK)?;
        }
    }

    /// Forgets those that have ended well.
    fn reap(&mut self, size: Size) -> Result<(), CliError> {
        let mut at = 0;
        while let Some((index, child)) = self.running.get_mut(at) {
            let (index, pid) = (*index, child.id());
            match child.try_wait().map_err(CliError::CannotWatch)? {
                None => at += 1,
                Some(status) => {
                    self.running.swap_remove(at);
                    judge(index, pid, status, size)?;
                }
            }
        }
        Ok(())
    }
}

/// What the end of a worker means for the job.
fn judge(
    index: u32,
    pid: u32,
    status: std::process::ExitStatus,
    size: Size,
) -> Result<(), CliError> {
    if status.success() {
        return Ok(());
    }
    // What a terminal sends goes to all: the parent's own signal is on its way.
    if let Some(signal @ (SIGINT | SIGHUP | SIGTERM)) = status.signal() {
        return Err(CliError::Signalled(signal));
    }
    Err(worker::known_failure(status.code(), size).unwrap_or(CliError::WorkerFailed {
        index,
        pid,
        status,
    }))
}

impl Drop for Workers {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            // It may just have ended.
            let _ = child.kill();
        }
        for (_, child) in &mut self.running {
            let _ = child.wait();
        }
    }
}
