//! The contestants that do a workload, one after the other.

use super::{contestants::Contestant, plan::Plan, run::Row};
use crate::{
    measure::{self, Sampled},
    workloads::Workload,
};

/// Measures those `contestants` on `workload` that can do it.
///
/// # Errors
///
/// A contestant failed. (Those that there are cannot.)
///
/// # Panics
///
/// Panics if the plan has no rounds.
pub fn measure(workload: &Workload, contestants: &[Contestant], plan: Plan) -> Result<Row, String> {
    let able = contestants.iter().filter(|contestant| contestant.does(workload));
    let able = able.map(|contestant| Sampled {
        name: contestant.name.into(),
        role: contestant.role,
        sample: Box::new(|operations| Ok(contestant.sample(workload, operations).nanoseconds())),
    });
    measure::measure(workload.to_string(), workload.least_operations(), able.collect(), plan)
}
