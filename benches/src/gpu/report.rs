//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::job::{Copy, Job, Shape};
use crate::{
    Run,
    ratio::{Ratio, Times},
};

/// What our figures stand under.
pub(super) const OURS: &str = "anymem";

/// What stands under that name is the driver's own allocation.
pub(super) const DRIVER: &str = "driver";

/// The same, in the order of a stream.
pub(super) const DRIVER_ASYNC: &str = "driver-async";

/// What stands under that name copies pinned memory.
pub(super) const PINNED: &str = "pinned";

/// What stands under that name copies any memory.
pub(super) const PAGEABLE: &str = "pageable";

/// What stands under that name are our kernels where the device in software interprets them.
pub(super) const INTERPRETED: &str = "interpreted";

/// What stands under that name is a thread of the processor at what kernels do.
pub(super) const PROCESSOR: &str = "processor";

/// The figures that the project is judged by: the last line, in its `Display` form. What
/// cannot be formed, because somebody is missing, reads `n/a`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What the device is called; `sim` for the one in software.
    pub device: String,
    /// Nanoseconds of allocating and freeing a block.
    pub pair_ns: Option<f64>,
    /// Nanoseconds of replacing one of 1,000 live blocks.
    pub random1k_ns: Option<f64>,
    /// Nanoseconds of replacing one of 10,000.
    pub random10k_ns: Option<f64>,
    /// Nanoseconds of opening a block of another process that is open already.
    pub ipc_cached_ns: Option<f64>,
}

/// What else there is to say: the lines before the last.
#[derive(Clone, Copy, Debug)]
pub struct Remarks {
    shared_ns: Option<f64>,
    pinned_ns: Option<f64>,
    driver: Option<f64>,
    driver_async: Option<f64>,
    copy_pinned: Option<f64>,
    copy_pageable: Option<f64>,
}

impl Summary {
    /// Forms the figures of `run` on a device of that name.
    pub fn of(run: &Run, device: String) -> Self {
        let ours = |job: Job| run.of(&job.to_string(), OURS);
        Self {
            device,
            pair_ns: ours(Job::Blocks(Shape::Pair)),
            random1k_ns: ours(Job::Blocks(Shape::Random(1000))),
            random10k_ns: ours(Job::Blocks(Shape::Random(10_000))),
            ipc_cached_ns: ours(Job::IpcCached),
        }
    }
}

impl Remarks {
    /// Forms the figures of `run`.
    pub fn of(run: &Run) -> Self {
        let faster = |job: Job, than| run.ratio(&job.to_string(), than, OURS);
        let pair = Job::Blocks(Shape::Pair);
        Self {
            shared_ns: run.of(&Job::Blocks(Shape::PairThreads).to_string(), OURS),
            pinned_ns: run.of(&Job::Pinned.to_string(), OURS),
            driver: faster(pair, DRIVER),
            driver_async: faster(pair, DRIVER_ASYNC),
            copy_pinned: faster(Job::Copy(Copy::To), PINNED),
            copy_pageable: faster(Job::Copy(Copy::To), PAGEABLE),
        }
    }
}

/// A time with one decimal, or `n/a`.
fn time(value: Option<f64>) -> String {
    value.map_or("n/a".into(), |value| format!("{value:.1}"))
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "gpu: device={} pair_ns={} random1k_ns={} random10k_ns={} ipc_cached_ns={}",
            self.device,
            time(self.pair_ns),
            time(self.random1k_ns),
            time(self.random10k_ns),
            time(self.ipc_cached_ns),
        )
    }
}

impl fmt::Display for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "shared_ns={} pinned_ns={} driver={} driver_async={}\n\
             copies of registered memory: pinned={} pageable={}",
            time(self.shared_ns),
            time(self.pinned_ns),
            Times(self.driver),
            Times(self.driver_async),
            Ratio(self.copy_pinned),
            Times(self.copy_pageable),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::Plan, run::testing::row};

    #[test]
    fn the_last_line_holds_what_counts() {
        let rows = vec![
            row("pair", &[(OURS, 12.0), (DRIVER, 2400.0)]),
            row("random/1k", &[(OURS, 20.04)]),
            row("copy/to", &[(OURS, 2e6), (PINNED, 1.98e6), (PAGEABLE, 6e6)]),
        ];
        let run = Run::new(Plan::QUICK, rows, Vec::new());
        assert_eq!(
            Summary::of(&run, "sim".into()).to_string(),
            "gpu: device=sim pair_ns=12.0 random1k_ns=20.0 random10k_ns=n/a ipc_cached_ns=n/a"
        );
        assert_eq!(
            Remarks::of(&run).to_string(),
            "shared_ns=n/a pinned_ns=n/a driver=200.00x driver_async=n/a\n\
             copies of registered memory: pinned=0.99 pageable=3.00x\n"
        );
    }
}
