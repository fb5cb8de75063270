//! Who does which job.

use std::path::PathBuf;

use super::{
    anymem, ipc,
    job::{Job, Shape},
    kind::Kind,
    owner,
    report::{OURS, THEIRS},
    umf::{Umf, UmfPool},
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
    workloads::Workload,
};

/// What our figures stand under where blocks are freed by address alone.
const OURS_BY_ADDRESS: &str = "anymem-by-address";

/// What theirs stand under then.
const THEIRS_BY_ADDRESS: &str = "umf-by-address";

/// What jobs are measured with.
#[derive(Debug)]
pub struct Bench {
    umf: Result<Umf, String>,
    path: PathBuf,
    plan: Plan,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
}

impl Bench {
    /// Prepares for jobs of `plan`, with the Unified Memory Framework at `path`, if it is
    /// there.
    #[must_use]
    pub fn new(path: PathBuf, plan: Plan) -> Self {
        let umf = Umf::load(&path);
        let skipped = umf.as_ref().err().map(|why| format!("umf: {why}"));
        Self { umf, path, plan, skipped: skipped.into_iter().collect() }
    }

    /// Measures `job`; `None` where we cannot do it here, which is then among what was
    /// [skipped](Self::skipped).
    ///
    /// # Errors
    ///
    /// A contestant failed in the midst of it, which it has told.
    ///
    /// # Panics
    ///
    /// Panics if the plan has no rounds.
    pub fn measure(&mut self, job: Job) -> Result<Option<Row>, String> {
        match job {
            Job::Blocks(kind, shape) => self.blocks(job, kind, shape),
            Job::Owner => owner::measure_owners(job, self.umf.as_ref().ok(), self.plan).map(Some),
            Job::Ipc(part) => {
                let umf = self.umf.as_ref().ok().map(|umf| (umf, self.path.as_path()));
                ipc::measure_ipc(job, part, umf, self.plan).map(Some)
            }
        }
    }

    fn blocks(&mut self, job: Job, kind: Kind, shape: Shape) -> Result<Option<Row>, String> {
        let workload = shape.workload();
        let ours = match anymem::pool(kind) {
            Ok(pool) => pool,
            Err(why) => {
                self.skipped.push(format!("{OURS} {job}: {why}"));
                return Ok(None);
            }
        };
        let theirs = self.umf.as_ref().ok().map(|umf| umf.pool(kind, false)).transpose();
        let theirs: Option<UmfPool<'_>> = theirs.unwrap_or_else(|why| {
            self.skipped.push(format!("{THEIRS} {job}: {why}"));
            None
        });
        let (ours_by_address, theirs_by_address) =
            (ours.by_address(), theirs.map(UmfPool::by_address));
        let mut contestants = vec![
            sampled(OURS, Role::Private, &workload, &ours),
            sampled(OURS_BY_ADDRESS, Role::Shared, &workload, &ours_by_address),
        ];
        let theirs = [(THEIRS, &theirs), (THEIRS_BY_ADDRESS, &theirs_by_address)];
        contestants.extend(
            theirs.into_iter().filter_map(|(name, pool)| {
                Some(sampled(name, Role::Peer, &workload, pool.as_ref()?))
            }),
        );
        measure(job.to_string(), workload.least_operations(), contestants, self.plan).map(Some)
    }
}

fn sampled<'a, A: core::alloc::GlobalAlloc + Sync>(
    name: &str,
    role: Role,
    workload: &'a Workload,
    heap: &'a A,
) -> Sampled<'a> {
    let sample = |operations| Ok(workload.sample(heap, operations).nanoseconds());
    Sampled { name: name.into(), role, sample: Box::new(sample) }
}
