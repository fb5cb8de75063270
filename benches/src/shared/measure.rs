//! The contestants that do a job, each in processes of its own.

use super::{contestant::Contestant, job::Job, team::Team};
use crate::{
    measure::{Sampled, leave_out, measure_able},
    process::{Plan, Row},
};

/// The least operations of a sample.
const LEAST: u64 = 1000;

/// Measures those `contestants` on `job` that can do it. Peers that fail are among `skipped`
/// then.
///
/// # Errors
///
/// A process of ours failed, which it has told.
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(
    job: Job,
    contestants: &[Contestant],
    plan: Plan,
    skipped: &mut Vec<String>,
) -> Result<Row, String> {
    let mut able = Vec::new();
    for contestant in contestants.iter().filter(|contestant| contestant.does(job)) {
        match Team::start(contestant, job) {
            Ok(team) => able.push(sampled(contestant, team)),
            Err(why) => leave_out(contestant.role, why, skipped)?,
        }
    }
    measure_able(job.to_string(), LEAST, able, plan, skipped)
}

fn sampled(contestant: &Contestant, mut team: Team) -> Sampled<'static> {
    Sampled {
        name: contestant.name.into(),
        role: contestant.role,
        sample: Box::new(move |operations| team.sample(operations)),
    }
}
