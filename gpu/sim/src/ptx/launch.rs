//! Running the threads of a grid.

use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::code::{Function, Parameter};
use super::thread::{Launched, Thread};
use super::{Fault, LaunchError, Reason, Resolver};
use crate::Grid;

/// Threads that take turns.
const GROUP: u64 = 32;

/// Instructions of a thread until it is the next one's turn.
const TURN: u64 = 16;

/// Threads of a block at most.
const MOST_THREADS: u64 = 1024;

/// Threads of the processor at most.
const WORKERS: usize = 8;

/// How far a launch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of a thread: one that has not ended then does not.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1 << 28 }
    }
}

/// A kernel of a module.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'m> {
    functions: &'m [Function],
    function: &'m Function,
}

impl<'m> Kernel<'m> {
    pub(super) const fn new(functions: &'m [Function], function: &'m Function) -> Self {
        Self { functions, function }
    }

    /// Bytes of each argument, 4 or 8.
    pub fn arguments(&self) -> impl Iterator<Item = usize> + use<'m> {
        self.function.parameters.iter().map(|Parameter { size, .. }| size.bytes())
    }

    /// Runs all threads of a grid, and returns when they have ended.
    ///
    /// `arguments` are the kernel's, each in a word.
    ///
    /// # Errors
    ///
    /// See [`LaunchError`]. After a [`Fault`] all threads have stopped, wherever they were.
    ///
    /// # Safety
    ///
    /// Where `memory` says that bytes are, they are there until this returns, for loads, and
    /// for stores if the kernel does those, and nobody else uses them meanwhile but with
    /// atomics, or in other processes.
    pub unsafe fn run(
        &self,
        grid: &Grid,
        arguments: &[u64],
        memory: &Resolver<'_>,
        limits: Limits,
    ) -> Result<(), LaunchError> {
        let Grid { blocks, threads, .. } = *grid;
        let (count, in_block) = (count(blocks), count(threads));
        if count == 0 || in_block == 0 || in_block > MOST_THREADS {
            return Err(LaunchError::Grid { blocks, threads });
        }
        let all = count.saturating_mul(in_block);
        let needed = self.function.parameters.len();
        if arguments.len() != needed {
            return Err(LaunchError::Arguments { found: arguments.len(), needed });
        }
        let (functions, kernel) = (self.functions, self.function);
        let launched = Launched { functions, kernel, arguments, memory, grid };
        let (next, fault) = (AtomicU64::new(0), OnceLock::new());
        let work = Work { launched, all, next, fault, limits };
        // SAFETY: passed on from the caller.
        std::thread::scope(|scope| {
            // At least two, so that there are races wherever there can be.
            let most = std::thread::available_parallelism().map_or(2, NonZero::get);
            for _ in 1..most.clamp(2, WORKERS) {
                // SAFETY: passed on from the caller.
                scope.spawn(|| unsafe { work.run() });
            }
            // SAFETY: passed on from the caller.
            unsafe { work.run() }
        });
        work.fault.into_inner().map_or(Ok(()), |fault| Err(fault.into()))
    }
}

/// How many there are in all directions.
fn count(of: [u32; 3]) -> u64 {
    of.iter().fold(1, |product, count| product.saturating_mul(u64::from(*count)))
}

/// The threads that are still to be run.
struct Work<'l> {
    launched: Launched<'l>,
    /// How many threads there are.
    all: u64,
    /// The first thread of the next group.
    next: AtomicU64,
    fault: OnceLock<Fault>,
    limits: Limits,
}

impl Work<'_> {
    /// Runs groups of threads for as long as there are.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`].
    unsafe fn run(&self) {
        loop {
            let first = self.next.fetch_add(GROUP, Ordering::Relaxed);
            if first >= self.all || self.fault.get().is_some() {
                return;
            }
            let numbers = first..self.all.min(first + GROUP);
            let mut group: Vec<_> =
                numbers.map(|number| Thread::new(&self.launched, number)).collect();
            while !group.is_empty() && self.fault.get().is_none() {
                // SAFETY: passed on from the caller.
                group.retain_mut(|thread| unsafe { self.turn(thread) });
            }
        }
    }

    /// Runs a few instructions of a thread; whether it has more.
    ///
    /// # Safety
    ///
    /// As [`Kernel::run`].
    unsafe fn turn(&self, thread: &mut Thread<'_>) -> bool {
        for _ in 0..TURN {
            let reason = if thread.steps >= self.limits.steps {
                Reason::Endless { steps: thread.steps }
            } else {
                // SAFETY: passed on from the caller.
                match unsafe { thread.step() } {
                    Ok(true) => continue,
                    Ok(false) => return false,
                    Err(reason) => reason,
                }
            };
            let fault = Fault { thread: thread.number, line: thread.line(), reason };
            _ = self.fault.set(fault);
            return false;
        }
        true
    }
}
