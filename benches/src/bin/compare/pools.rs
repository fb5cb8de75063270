//! `compare pools`: pools of any memory.

use core::error::Error;
use std::{env, path::PathBuf};

use anymem_benches::{
    Run,
    pools::{self, Bench, Job, Summary},
};
use clap::Args;

use crate::options::Options;

#[derive(Args, Debug)]
pub(crate) struct Pools {
    #[command(flatten)]
    options: Options,
    /// The Unified Memory Framework, by default peers/umf/libumf.so.1 beside this
    /// program's folder, where ci/pool-peers.sh puts it.
    #[arg(long, value_name = "FILE")]
    umf: Option<PathBuf>,
}

impl Pools {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let plan = self.options.plan();
        let mut bench = Bench::new(self.umf()?, plan);
        let rows = self.options.rows(Job::all(), |job| bench.measure(job))?;
        let run = Run::new(plan, rows, bench.skipped);
        self.options.report("pools", &run, &pools::scaling(&run), &Summary::of(&run))
    }

    fn umf(&self) -> Result<PathBuf, Box<dyn Error>> {
        if let Some(path) = &self.umf {
            return Ok(path.clone());
        }
        let program = env::current_exe()?;
        let beside = program.parent().ok_or("this program is nowhere")?;
        Ok(beside.join("../peers/umf/libumf.so.1"))
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
