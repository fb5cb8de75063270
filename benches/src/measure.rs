//! Samples of a job: for how long, how often.
//!
//! All contestants are calibrated first, which also warms them up: each gets the number
//! of operations that fills a sample's time. Then they take turns.

use core::time::Duration;

use crate::{
    Role,
    process::{Figure, Plan, Row},
    sampling::{Samples, turns},
};

/// Somebody who does a job.
pub(crate) struct Sampled<'a> {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Does so many operations; the nanoseconds that one took.
    pub(crate) sample: Box<dyn FnMut(u64) -> Result<f64, String> + 'a>,
}

/// Measures `contestants` on `job`, of which a sample has `least` operations or more.
///
/// # Errors
///
/// A contestant failed, which it has told.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub(crate) fn measure(
    job: String,
    least: u64,
    mut contestants: Vec<Sampled<'_>>,
    plan: Plan,
) -> Result<Row, String> {
    assert!(plan.rounds > 0, "a plan needs at least one round");
    let operations = contestants.iter_mut().map(|it| calibrate(it, plan.sample, least));
    let operations = operations.collect::<Result<Vec<_>, _>>()?;
    let mut taken = vec![Vec::with_capacity(plan.rounds); contestants.len()];
    for index in turns(plan.rounds, contestants.len()) {
        taken[index].push((contestants[index].sample)(operations[index])?);
    }
    let figures = contestants.iter().zip(taken).map(|(contestant, taken)| {
        let samples = Samples::new(taken);
        Figure {
            name: contestant.name.clone(),
            role: contestant.role,
            median: samples.median(),
            fastest: samples.least(),
            slowest: samples.greatest(),
        }
    });
    Ok(Row { workload: job, contestants: figures.collect() })
}

/// Returns the number of operations that take `contestant` about `time`.
///
/// The first sample meets a cold contestant and only tells how long the second may be.
fn calibrate(contestant: &mut Sampled<'_>, time: Duration, least: u64) -> Result<u64, String> {
    let guess = scaled((contestant.sample)(least)?, time / 4, least);
    Ok(scaled((contestant.sample)(guess)?, time, least))
}

fn scaled(nanoseconds: f64, time: Duration, least: u64) -> u64 {
    ((time.as_secs_f64() * 1e9 / nanoseconds) as u64).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_never_has_fewer_operations_than_the_job_needs() {
        assert_eq!(scaled(1e6, Duration::from_millis(1), 100), 100);
        assert_eq!(scaled(10.0, Duration::from_millis(1), 100), 100_000);
    }
}
