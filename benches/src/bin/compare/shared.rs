//! `compare shared`: heaps and containers that processes share.

use core::error::Error;
use std::{path::PathBuf, time::Instant};

use anymem_benches::{
    process::Plan,
    shared::{self, Boost, Job, Part, Run},
};
use clap::Args;

use crate::results;

#[derive(Args, Debug)]
pub(crate) struct Shared {
    /// Samples of each contestant on each job.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only the jobs whose name contains this.
    #[arg(long, value_name = "SUBSTR")]
    only: Option<String>,
    /// Short samples and few rounds: a first look, too noisy to be quoted.
    #[arg(long)]
    quick: bool,
    /// Also writes shared.txt, shared.json (all figures) and shared.svg (a chart)
    /// to this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

impl Shared {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let run = self.measured()?;
        let text = format!(
            "{}\n\n* the best peer; cache-line: a word that goes to and fro, the limit\n\n{}{}",
            run.table(),
            run.skips(),
            run.summary()
        );
        println!("{text}");
        if let Some(directory) = &self.results {
            results::write(directory, "shared", &text, &run.json()?, &run.chart())?;
        }
        Ok(())
    }

    fn measured(&self) -> Result<Run, Box<dyn Error>> {
        let (plan, boost) = (self.plan(), Boost::build());
        let contestants = shared::contestants(boost.as_ref().ok())?;
        let skipped = boost.as_ref().err().map(|why| format!("Boost.Interprocess: {why}"));
        let mut rows = Vec::new();
        for job in self.jobs()? {
            let start = Instant::now();
            rows.push(shared::measure(job, &contestants, plan)?);
            eprintln!("{job}: {:.1} s", start.elapsed().as_secs_f64());
        }
        Ok(Run::new(plan, rows, skipped.into_iter().collect()))
    }

    fn plan(&self) -> Plan {
        let plan = if self.quick { Plan::QUICK } else { Plan::FULL };
        Plan { rounds: self.rounds.map_or(plan.rounds, |rounds| rounds as usize), ..plan }
    }

    fn jobs(&self) -> Result<Vec<Job>, String> {
        let only = self.only.as_deref().unwrap_or_default();
        let chosen: Vec<_> = Job::ALL.into_iter().filter(|job| job.name().contains(only)).collect();
        if chosen.is_empty() {
            let names = Job::ALL.map(Job::name).join(", ");
            return Err(format!("no job's name contains {only:?}: there are {names}"));
        }
        Ok(chosen)
    }
}

/// A process of a contestant, which `compare shared` starts.
#[derive(Args, Debug)]
pub(crate) struct Worker {
    contestant: String,
    job: String,
    segment: String,
    number: usize,
}

impl Worker {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let job = Job::named(&self.job).ok_or("no such job")?;
        let Self { contestant, segment, number, .. } = self;
        shared::serve(&Part {
            contestant: contestant.clone(),
            job,
            segment: segment.clone(),
            number: *number,
        })
    }
}
