//! Whose block it is.

use core::{alloc::GlobalAlloc, alloc::Layout, hint::black_box};
use std::time::Instant;

use super::{
    anymem::{self, OurPool},
    job::Job,
    kind::Kind,
    report::{OURS, THEIRS},
    umf::Umf,
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// Blocks that are asked about.
const BLOCKS: usize = 1024;

/// Bytes of each.
const SIZE: usize = 4096;

/// Measures how long it takes to find the pool of one of some blocks, by address.
pub(super) fn measure_owners(job: Job, umf: Option<&Umf>, plan: Plan) -> Result<Row, String> {
    let ours = anymem::pool(Kind::Disjoint)?;
    let theirs = umf.map(|umf| umf.pool(Kind::Disjoint, false)).transpose()?;
    let mut contestants = vec![lookup(OURS, Role::Private, &ours, OurPool::owns)];
    contestants.extend(
        theirs.iter().map(|pool| lookup(THEIRS, Role::Peer, pool, |pool, block| pool.owns(block))),
    );
    measure(job.to_string(), BLOCKS as u64, contestants, plan)
}

fn lookup<'a, A: GlobalAlloc>(
    name: &str,
    role: Role,
    pool: &'a A,
    owns: impl Fn(&A, *const u8) -> bool + 'a,
) -> Sampled<'a> {
    let layout = Layout::new::<[u64; SIZE / 8]>();
    // SAFETY: the size is not 0. They are kept for as long as the process lives.
    let blocks: Vec<_> = (0..BLOCKS).map(|_| unsafe { pool.alloc(layout) }).collect();
    let sample = move |operations: u64| {
        let passes = operations.div_ceil(BLOCKS as u64);
        let start = Instant::now();
        let mut found = 0;
        for _ in 0..passes {
            found += blocks.iter().filter(|&&block| owns(pool, black_box(block))).count() as u64;
        }
        let elapsed = start.elapsed();
        let asked = passes * BLOCKS as u64;
        match found == asked {
            true => Ok(elapsed.as_secs_f64() * 1e9 / asked as f64),
            false => Err(format!("{found} of {asked} blocks were known")),
        }
    };
    Sampled { name: name.into(), role, sample: Box::new(sample) }
}
