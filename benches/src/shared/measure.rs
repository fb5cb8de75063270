//! Samples of jobs: for how long, how often; as in [`process`](crate::process).

use core::time::Duration;

use super::{contestant::Contestant, job::Job, team::Team};
use crate::{
    process::{Figure, Plan, Row},
    sampling::{Samples, turns},
};

/// The least operations of a sample.
const LEAST: u64 = 1000;

/// Measures those `contestants` on `job` that can do it.
///
/// # Errors
///
/// A process of a contestant failed, which it has told.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(job: Job, contestants: &[Contestant], plan: Plan) -> Result<Row, String> {
    assert!(plan.rounds > 0, "a plan needs at least one round");
    let able: Vec<_> = contestants.iter().filter(|contestant| contestant.does(job)).collect();
    let teams = able.iter().map(|contestant| Team::start(contestant, job));
    let mut teams = teams.collect::<Result<Vec<_>, _>>()?;
    let operations = teams.iter_mut().map(|team| calibrate(team, plan.sample));
    let operations = operations.collect::<Result<Vec<_>, _>>()?;
    let mut taken = vec![Vec::with_capacity(plan.rounds); able.len()];
    for index in turns(plan.rounds, able.len()) {
        taken[index].push(teams[index].sample(operations[index])?);
    }
    let figures = able.iter().zip(taken).map(|(contestant, taken)| {
        let samples = Samples::new(taken);
        Figure {
            name: contestant.name.into(),
            role: contestant.role,
            median: samples.median(),
            fastest: samples.least(),
            slowest: samples.greatest(),
        }
    });
    Ok(Row { workload: job.to_string(), contestants: figures.collect() })
}

/// Returns the number of operations that each process of `team` does in about
/// `time`; the first sample meets a cold heap.
fn calibrate(team: &mut Team, time: Duration) -> Result<u64, String> {
    let guess = scaled(team.sample(LEAST)?, time / 4);
    Ok(scaled(team.sample(guess)?, time))
}

fn scaled(nanoseconds: f64, time: Duration) -> u64 {
    ((time.as_secs_f64() * 1e9 / nanoseconds) as u64).max(LEAST)
}
