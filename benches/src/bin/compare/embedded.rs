//! `compare embedded`: heaps for a few KiB to a few MiB.

use core::error::Error;

use anymem_benches::{
    Run,
    embedded::{self, Fill, Job, Remarks, Summary},
};
use clap::Args;

use crate::options::Options;

/// Sequences that a heap is filled by.
const RUNS: u64 = 20;

#[derive(Args, Debug)]
pub(crate) struct Embedded {
    #[command(flatten)]
    options: Options,
}

impl Embedded {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let plan = self.options.plan();
        let (mut fills, mut steps) = (Vec::<Fill>::new(), 0);
        let rows = self.options.rows(Job::all(), |job| {
            fills.push(embedded::fills(job, RUNS));
            steps = steps.max(embedded::worst_steps(job, RUNS));
            embedded::measure(job, plan).map(Some)
        })?;
        let run = Run::new(plan, rows, Vec::new());
        let summary = Summary::of(&run, &fills, steps);
        self.options.report("embedded", &run, &Remarks(&fills).to_string(), &summary)
    }
}
