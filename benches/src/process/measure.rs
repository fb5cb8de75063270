//! Interleaved sampling: who is measured when, for how long, how often.
//!
//! - For one workload all contestants are calibrated first, which also warms
//!   them up: each gets the number of operations that fills a sample's time.
//! - Then come the rounds. In each round every contestant gives one sample, and
//!   each round begins with another contestant: whatever slows the machine
//!   down for a while slows all of them, and nobody always follows the same
//!   neighbour.
//! - The figure of a contestant is the median of its rounds.

use core::time::Duration;

use crate::{contestants::Contestant, workloads::Workload};

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

/// The figures of all contestants on one workload.
#[derive(Clone, Debug)]
pub struct Row {
    /// The workload's name.
    pub workload: String,
    /// For each contestant, in the order given, its samples.
    pub samples: Vec<Samples>,
}

/// The nanoseconds per operation of one contestant, in ascending order.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Sorts the figures, of which there is at least one.
    pub(crate) fn new(mut nanoseconds: Vec<f64>) -> Self {
        nanoseconds.sort_by(f64::total_cmp);
        Self(nanoseconds)
    }

    /// Returns the median.
    pub fn median(&self) -> f64 {
        let (low, high) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        (self.0[low] + self.0[high]) / 2.0
    }

    /// Returns the fastest sample.
    pub fn fastest(&self) -> f64 {
        self.0[0]
    }

    /// Returns the slowest sample.
    pub fn slowest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

/// Measures all `contestants` on `workload`.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(workload: &Workload, contestants: &[Contestant], plan: Plan) -> Row {
    assert!(plan.rounds > 0, "a plan needs at least one round");
    let operations: Vec<u64> =
        contestants.iter().map(|contestant| calibrate(workload, contestant, plan.sample)).collect();
    let mut taken = vec![Vec::with_capacity(plan.rounds); contestants.len()];
    for round in 0..plan.rounds {
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let sample = contestants[index].sample(workload, operations[index]);
            taken[index].push(sample.nanoseconds());
        }
    }
    let samples = taken.into_iter().map(Samples::new).collect();
    Row { workload: workload.to_string(), samples }
}

/// Returns the number of operations that take `contestant` about `time`.
///
/// The first sample meets a cold allocator and only tells how long the second
/// may be.
fn calibrate(workload: &Workload, contestant: &Contestant, time: Duration) -> u64 {
    let least = workload.least_operations();
    let cold = contestant.sample(workload, least);
    let guess = scaled(cold.nanoseconds(), time / 4, least);
    scaled(contestant.sample(workload, guess).nanoseconds(), time, least)
}

fn scaled(nanoseconds: f64, time: Duration, least: u64) -> u64 {
    ((time.as_secs_f64() * 1e9 / nanoseconds) as u64).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        assert_eq!(Samples::new(vec![9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples::new(vec![9.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(Samples::new(vec![7.0]).median(), 7.0);
    }

    #[test]
    fn a_sample_never_has_fewer_operations_than_the_workload_needs() {
        assert_eq!(scaled(1e6, Duration::from_millis(1), 100), 100);
        assert_eq!(scaled(10.0, Duration::from_millis(1), 100), 100_000);
    }
}
