//! `compare mpi`: pages of another rank.

use core::error::Error;
use std::{env, path::PathBuf};

use anymem_benches::{
    Run,
    mpi::{self, Bench, Job, Summary},
};
use clap::Args;

use crate::options::Options;

#[derive(Args, Debug)]
pub(crate) struct Mpi {
    #[command(flatten)]
    options: Options,
    /// Where the program of the ranks is built, by default the folder that this program's is
    /// in: below it, as ci/mpi.sh does, a folder for each library.
    #[arg(long, value_name = "DIR")]
    target: Option<PathBuf>,
}

impl Mpi {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let plan = self.options.plan();
        let mut bench = Bench::new(self.target()?, plan);
        let rows = self.options.rows(Job::all(), |job| bench.measure(job))?;
        let run = Run::new(plan, rows, bench.skipped);
        self.options.report("mpi", &run, &mpi::by_flavour(&run), &Summary::of(&run))
    }

    fn target(&self) -> Result<PathBuf, Box<dyn Error>> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let program = env::current_exe()?;
        let beside = program.parent().ok_or("this program is nowhere")?;
        Ok(beside.join(".."))
    }
}
