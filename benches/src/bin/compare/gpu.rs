//! `compare gpu`: pools of a device's memory.

use core::error::Error;
use std::path::PathBuf;

use anymem_benches::{
    Run,
    gpu::{self, Bench, Job, Kind, Remarks, Summary},
};
use clap::Args;

use crate::{options::Options, umf::UmfFile};

#[derive(Args, Debug)]
pub(crate) struct Gpu {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    device: Which,
    #[command(flatten)]
    umf: UmfFile,
    /// The Python that has the packages `torch` and `librmm`, if any has.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
}

/// On which device.
#[derive(Args, Debug)]
struct Which {
    /// The device in software, also where there is another.
    #[arg(long)]
    sim: bool,
}

impl Which {
    fn kind(&self) -> Kind {
        if self.sim { Kind::Sim } else { Kind::Any }
    }
}

impl Gpu {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        if let Some(status) = gpu::run_again(self.device.kind())? {
            return if status.success() { Ok(()) } else { Err(status.to_string().into()) };
        }
        let plan = self.options.plan();
        let (kind, umf) = (self.device.kind(), self.umf.path()?);
        let mut bench = Bench::new(kind, umf, &self.python, plan)?;
        let rows = self.options.rows(Job::ALL, |job| bench.measure(job))?;
        let device = bench.device();
        let run = Run::new(plan, rows, bench.skipped);
        self.options.report("gpu", &run, &Remarks::of(&run).to_string(), &Summary::of(&run, device))
    }
}

/// A process that makes a handle for `compare gpu`.
#[derive(Args, Debug)]
pub(crate) struct Producer {
    #[command(flatten)]
    device: Which,
}

impl Producer {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        Ok(gpu::produce(self.device.kind())?)
    }
}
