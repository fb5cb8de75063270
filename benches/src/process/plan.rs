//! How much of workloads is measured.

use core::time::Duration;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Samples of each contestant on each workload.
    pub rounds: usize,
    /// The time that a sample should take.
    pub sample: Duration,
}

impl Plan {
    /// The default: two to three minutes for everything.
    pub const FULL: Self = Self { rounds: 21, sample: Duration::from_millis(30) };
    /// A first look in less than a minute, too noisy to be quoted.
    pub const QUICK: Self = Self { rounds: 5, sample: Duration::from_millis(8) };
}
