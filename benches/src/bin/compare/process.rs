//! `compare process`: allocators for the heap of a process.

use core::error::Error;
use std::{path::PathBuf, time::Instant};

use anymem_benches::{
    process::{self, Plan, Run},
    workloads::Workload,
};
use clap::Args;

use crate::results;

#[derive(Args, Debug)]
pub(crate) struct Process {
    /// Samples of each allocator on each workload.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only the workloads whose name contains this.
    #[arg(long, value_name = "SUBSTR")]
    only: Option<String>,
    /// Short samples and few rounds: a first look, too noisy to be quoted.
    #[arg(long)]
    quick: bool,
    /// Also writes process.txt, process.json (all figures) and process.svg (a
    /// chart) to this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
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
        if let Some(directory) = &self.results {
            results::write(directory, "process", &text, &run.json()?, &run.chart())?;
        }
        Ok(())
    }

    fn measured(&self) -> Result<Run, String> {
        let (plan, contestants) = (self.plan(), process::contestants());
        let mut rows = Vec::new();
        for workload in self.workloads()? {
            let start = Instant::now();
            rows.push(process::measure(&workload, &contestants, plan)?);
            eprintln!("{workload}: {:.1} s", start.elapsed().as_secs_f64());
        }
        Ok(Run::new(plan, rows))
    }

    fn plan(&self) -> Plan {
        let plan = if self.quick { Plan::QUICK } else { Plan::FULL };
        Plan { rounds: self.rounds.map_or(plan.rounds, |rounds| rounds as usize), ..plan }
    }

    fn workloads(&self) -> Result<Vec<Workload>, String> {
        let only = self.only.as_deref().unwrap_or_default();
        let mut chosen = Workload::process();
        chosen.retain(|workload| workload.to_string().contains(only));
        if chosen.is_empty() {
            let names: Vec<String> = Workload::process().iter().map(Workload::to_string).collect();
            return Err(format!(
                "no workload's name contains {only:?}: there are {}",
                names.join(", ")
            ));
        }
        Ok(chosen)
    }
}
