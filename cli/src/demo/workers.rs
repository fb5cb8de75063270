//! The worker processes, seen from their parent.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anymem::SharedHeap;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};

use super::job::Job;
use super::killer::Killer;
use super::worker;
use crate::error::CliError;
use crate::signals::Signals;

/// How long the parent waits between two looks at how far the job is.
const TICK: Duration = Duration::from_millis(100);

/// Processes that count; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers<'j> {
    heap: &'j SharedHeap,
    job: &'j Job,
    program: PathBuf,
    /// Those that have not ended.
    running: Vec<Running>,
    losses: Losses,
}

#[derive(Debug)]
struct Running {
    index: u32,
    process: Child,
    /// Whether this process sent it SIGKILL.
    is_killed: bool,
}

/// What killing workers came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Losses {
    /// Workers that died of it.
    pub(crate) killed: u64,
    /// Files that these were at, which others were then given.
    pub(crate) files: u64,
    /// Heap slots that were taken back from them.
    pub(crate) slots: u64,
}

impl<'j> Workers<'j> {
    /// Starts `count` workers on the job in `heap`.
    pub(crate) fn start(count: u32, heap: &'j SharedHeap, job: &'j Job) -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(CliError::CannotStart)?;
        let losses = Losses::default();
        let mut workers = Self { heap, job, program, running: Vec::new(), losses };
        (0..count).try_for_each(|index| workers.start_one(index))?;
        Ok(workers)
    }

    fn start_one(&mut self, index: u32) -> Result<(), CliError> {
        let process = Command::new(&self.program)
            .args(["worker", self.heap.name(), &index.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(CliError::CannotStart)?;
        self.running.push(Running { index, process, is_killed: false });
        Ok(())
    }

    /// Waits until all have ended, and calls `tick` meanwhile. Those that
    /// `killer` picks are killed and replaced.
    ///
    /// # Errors
    ///
    /// One of them failed, or the program was asked to end.
    pub(crate) fn wait(
        &mut self,
        signals: &Signals,
        killer: &mut Option<Killer>,
        mut tick: impl FnMut(),
    ) -> Result<Losses, CliError> {
        loop {
            self.reap()?;
            if self.running.is_empty() {
                return Ok(self.losses);
            }
            let pause = killer.as_mut().and_then(|killer| self.kill(killer)).unwrap_or(TICK);
            tick();
            signals.wait_for_child(pause.min(TICK))?;
        }
    }

    /// Kills a worker if it is time; how long until it is time again. `None`
    /// if there are no more kills, or nobody is left until one has ended.
    fn kill(&mut self, killer: &mut Killer) -> Option<Duration> {
        let mut victims: Vec<_> = self.running.iter_mut().filter(|one| !one.is_killed).collect();
        let picked = killer.pick(victims.len());
        if let Some(victim) = picked.and_then(|index| victims.get_mut(index)) {
            // It may just have ended.
            victim.is_killed = victim.process.kill().is_ok();
        }
        killer.pause().filter(|_| !victims.iter().all(|one| one.is_killed))
    }

    /// Forgets those that have ended well, and replaces those that were killed.
    fn reap(&mut self) -> Result<(), CliError> {
        let mut at = 0;
        while let Some(worker) = self.running.get_mut(at) {
            match worker.process.try_wait().map_err(CliError::CannotWatch)? {
                None => at += 1,
                Some(status) => {
                    let worker = self.running.swap_remove(at);
                    self.ended(&worker, status)?;
                }
            }
        }
        Ok(())
    }

    fn ended(&mut self, worker: &Running, status: ExitStatus) -> Result<(), CliError> {
        match status.signal() {
            Some(SIGKILL) if worker.is_killed => self.replace(worker.index),
            _ => judge(worker, status, self.heap),
        }
    }

    /// Starts a worker in the seat of one that was killed.
    fn replace(&mut self, index: u32) -> Result<(), CliError> {
        self.losses.killed += 1;
        self.losses.files += u64::from(self.job.taken(index)?.is_some());
        self.losses.slots += self.heap.recover() as u64;
        self.start_one(index)
    }
}

/// What the end of a worker means for the job.
fn judge(worker: &Running, status: ExitStatus, heap: &SharedHeap) -> Result<(), CliError> {
    if status.success() {
        return Ok(());
    }
    // What a terminal sends goes to all: the parent's own signal is on its way.
    if let Some(signal @ (SIGINT | SIGHUP | SIGTERM)) = status.signal() {
        return Err(CliError::Signalled(signal));
    }
    let failed = CliError::WorkerFailed { index: worker.index, pid: worker.process.id(), status };
    Err(worker::known_failure(status.code(), heap.size()).unwrap_or(failed))
}

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        for worker in &mut self.running {
            // It may just have ended.
            let _ = worker.process.kill();
        }
        for worker in &mut self.running {
            let _ = worker.process.wait();
        }
    }
}
