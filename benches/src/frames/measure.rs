//! Who does which job.

use super::{
    contestant::{self, Frames},
    job::{Job, Size},
    report::{BUDDY, LINKED_LIST, OURS, UNCACHED},
    work,
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// What jobs are measured with.
#[derive(Debug)]
pub struct Bench {
    plan: Plan,
}

impl Bench {
    /// Prepares for jobs of `plan`.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan }
    }

    /// Measures `job`, by allocators that nobody has used before.
    ///
    /// # Errors
    ///
    /// There is none.
    ///
    /// # Panics
    ///
    /// Panics if the plan has no rounds, or memory runs out.
    pub fn measure(&self, job: Job) -> Result<Option<Row>, String> {
        let mut contestants = ours(job);
        contestants.extend([
            sampled(BUDDY, Role::Peer, job, contestant::buddy()),
            sampled(LINKED_LIST, Role::Peer, job, contestant::linked_list()),
        ]);
        measure(job.to_string(), work::least_operations(job), contestants, self.plan).map(Some)
    }
}

/// Ours as it is best used, and without the caches.
fn ours(job: Job) -> Vec<Sampled<'static>> {
    let cpus = job.team.threads();
    match job.size {
        Size::Base => vec![
            sampled(OURS, Role::Private, job, contestant::cached(cpus)),
            sampled(UNCACHED, Role::Private, job, contestant::anymem(cpus)),
        ],
        Size::Huge => vec![sampled(OURS, Role::Private, job, contestant::anymem(cpus))],
    }
}

fn sampled(name: &str, role: Role, job: Job, frames: impl Frames + 'static) -> Sampled<'static> {
    let sample = move |operations| Ok(work::sample(&frames, job, operations));
    Sampled { name: name.into(), role, sample: Box::new(sample) }
}
