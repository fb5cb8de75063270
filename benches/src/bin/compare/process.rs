//! `compare process`: allocators for the heap of a process.

use core::error::Error;

use anymem_benches::{
    process::{self, Run},
    workloads::Workload,
};
use clap::Args;

use crate::{options::Options, results};

#[derive(Args, Debug)]
pub(crate) struct Process {
    #[command(flatten)]
    options: Options,
}

impl Process {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let run = self.measured()?;
        let text = format!(
            "{}\n\n* the best peer; list: a bare thread-local list, the limit\n\n{}{}",
            run.table(),
            run.means(),
            run.summary()
        );
        println!("{text}");
        if let Some(directory) = &self.options.results {
            results::write(directory, "process", &text, &run.json()?, &run.chart())?;
        }
        Ok(())
    }

    fn measured(&self) -> Result<Run, String> {
        let (plan, contestants) = (self.options.plan(), process::contestants());
        let rows = self.options.rows(Workload::process(), |workload| {
            process::measure(&workload, &contestants, plan).map(Some)
        })?;
        Ok(Run::new(plan, rows))
    }
}
