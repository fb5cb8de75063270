//! Samples of workloads: for how long, how often.
//!
//! For one workload all contestants are calibrated first, which also warms them
//! up: each gets the number of operations that fills a sample's time. Then they
//! take turns.

use core::time::Duration;

use super::{
    contestants::Contestant,
    plan::Plan,
    run::{Figure, Row},
};
use crate::{
    sampling::{Samples, turns},
    workloads::Workload,
};

/// Measures those `contestants` on `workload` that can do it.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(workload: &Workload, contestants: &[Contestant], plan: Plan) -> Row {
    assert!(plan.rounds > 0, "a plan needs at least one round");
    let able: Vec<_> = contestants.iter().filter(|contestant| contestant.does(workload)).collect();
    let operations: Vec<u64> =
        able.iter().map(|contestant| calibrate(workload, contestant, plan.sample)).collect();
    let mut taken = vec![Vec::with_capacity(plan.rounds); able.len()];
    for index in turns(plan.rounds, able.len()) {
        let sample = able[index].sample(workload, operations[index]);
        taken[index].push(sample.nanoseconds());
    }
    let samples = taken.into_iter().map(Samples::new);
    let figures =
        able.iter().zip(samples).map(|(contestant, samples)| figure(contestant, &samples));
    Row { workload: workload.to_string(), contestants: figures.collect() }
}

fn figure(contestant: &Contestant, samples: &Samples) -> Figure {
    Figure {
        name: contestant.name.into(),
        role: contestant.role,
        median: samples.median(),
        fastest: samples.least(),
        slowest: samples.greatest(),
    }
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
    fn a_sample_never_has_fewer_operations_than_the_workload_needs() {
        assert_eq!(scaled(1e6, Duration::from_millis(1), 100), 100);
        assert_eq!(scaled(10.0, Duration::from_millis(1), 100), 100_000);
    }
}
