//! `compare frames`: allocators of page frames.

use core::error::Error;

use anymem_benches::{
    Run,
    frames::{self, Bench, Job, Summary},
};
use clap::Args;

use crate::options::Options;

#[derive(Args, Debug)]
pub(crate) struct Frames {
    #[command(flatten)]
    options: Options,
}

impl Frames {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let plan = self.options.plan();
        let bench = Bench::new(plan);
        let rows = self.options.rows(Job::all(), |job| bench.measure(job))?;
        let run = Run::new(plan, rows, Vec::new());
        self.options.report("frames", &run, &frames::per_row(&run), &Summary::of(&run))
    }
}
