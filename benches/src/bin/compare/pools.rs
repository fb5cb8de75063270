//! `compare pools`: pools of any memory.

use core::error::Error;
use std::{env, path::PathBuf, time::Instant};

use anymem_benches::{
    pools::{self, Bench, Job, Run},
    process::Plan,
};
use clap::Args;

use crate::results;

#[derive(Args, Debug)]
pub(crate) struct Pools {
    /// Samples of each contestant on each job.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only the jobs whose name contains this.
    #[arg(long, value_name = "SUBSTR")]
    only: Option<String>,
    /// Short samples and few rounds: a first look, too noisy to be quoted.
    #[arg(long)]
    quick: bool,
    /// The Unified Memory Framework, by default peers/umf/libumf.so.1 beside this
    /// program's folder, where ci/pool-peers.sh puts it.
    #[arg(long, value_name = "FILE")]
    umf: Option<PathBuf>,
    /// Also writes pools.txt, pools.json (all figures) and pools.svg (a chart) to this
    /// directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

impl Pools {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let run = self.measured()?;
        let text = format!(
            "{}\n\n* the best peer\n\n{}{}{}",
            run.table(),
            run.skips(),
            run.scaling(),
            run.summary()
        );
        println!("{text}");
        if let Some(directory) = &self.results {
            results::write(directory, "pools", &text, &run.json()?, &run.chart())?;
        }
        Ok(())
    }

    fn measured(&self) -> Result<Run, Box<dyn Error>> {
        let (plan, jobs) = (self.plan(), self.jobs()?);
        let mut bench = Bench::new(self.umf()?, plan);
        let mut rows = Vec::new();
        for job in jobs {
            let start = Instant::now();
            rows.extend(bench.measure(job)?);
            eprintln!("{job}: {:.1} s", start.elapsed().as_secs_f64());
        }
        Ok(Run::new(plan, rows, bench.skipped))
    }

    fn umf(&self) -> Result<PathBuf, Box<dyn Error>> {
        if let Some(path) = &self.umf {
            return Ok(path.clone());
        }
        let program = env::current_exe()?;
        let beside = program.parent().ok_or("this program is nowhere")?;
        Ok(beside.join("../peers/umf/libumf.so.1"))
    }

    fn plan(&self) -> Plan {
        let plan = if self.quick { Plan::QUICK } else { Plan::FULL };
        Plan { rounds: self.rounds.map_or(plan.rounds, |rounds| rounds as usize), ..plan }
    }

    fn jobs(&self) -> Result<Vec<Job>, String> {
        let only = self.only.as_deref().unwrap_or_default();
        let mut chosen = Job::all();
        chosen.retain(|job| job.to_string().contains(only));
        if chosen.is_empty() {
            let names: Vec<String> = Job::all().iter().map(Job::to_string).collect();
            return Err(format!("no job's name contains {only:?}: there are {}", names.join(", ")));
        }
        Ok(chosen)
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
