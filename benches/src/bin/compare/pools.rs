//! `compare pools`: pools of any memory.

use core::error::Error;
use std::path::PathBuf;

use anymem_benches::{
    Run,
    pools::{self, Bench, Job, Summary},
};
use clap::Args;

use crate::{options::Options, umf::UmfFile};

#[derive(Args, Debug)]
pub(crate) struct Pools {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    umf: UmfFile,
}

impl Pools {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let plan = self.options.plan();
        let mut bench = Bench::new(self.umf.path()?, plan);
        let rows = self.options.rows(Job::all(), |job| bench.measure(job))?;
        let run = Run::new(plan, rows, bench.skipped);
        self.options.report("pools", &run, &pools::scaling(&run), &Summary::of(&run))
    }
}

/// A process that makes handles for `compare pools`.
#[derive(Args, Debug)]
pub(crate) struct Producer {
    /// Who makes them.
    contestant: String,
    /// The Unified Memory Framework.
    umf: PathBuf,
}

impl Producer {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        Ok(pools::produce(&self.contestant, &self.umf)?)
    }
}
