//! The contestants that do a job, each in processes of its own.

use super::{contestant::Contestant, job::Job, team::Team};
use crate::{
    measure::{self, Sampled},
    process::{Plan, Row},
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
    let able = contestants.iter().filter(|contestant| contestant.does(job));
    let able = able.map(|contestant| {
        let mut team = Team::start(contestant, job)?;
        Ok(Sampled {
            name: contestant.name.into(),
            role: contestant.role,
            sample: Box::new(move |operations| team.sample(operations)),
        })
    });
    measure::measure(job.to_string(), LEAST, able.collect::<Result<_, String>>()?, plan)
}
