//! `compare regions`: pages that are brought up to date.

use core::error::Error;

use anymem_benches::{
    Run,
    regions::{Bench, Job, Remarks, Summary},
};
use clap::Args;

use crate::options::Options;

#[derive(Args, Debug)]
pub(crate) struct Regions {
    #[command(flatten)]
    options: Options,
}

impl Regions {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let plan = self.options.plan();
        let mut bench = Bench::new(plan);
        let rows = self.options.rows(Job::all(), |job| bench.measure(job))?;
        let run = Run::new(plan, rows, bench.skipped);
        self.options.report("regions", &run, &Remarks::of(&run).to_string(), &Summary::of(&run))
    }
}
