//! What all comparisons can be told, and what they leave.

use core::{error::Error, fmt::Display};
use std::{path::PathBuf, time::Instant};

use anymem_benches::{
    Run,
    process::{Plan, Row},
};
use clap::Args;
use serde::Serialize;

use crate::results;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Samples of each contestant on each job.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only the jobs whose name contains this.
    #[arg(long, value_name = "SUBSTR")]
    only: Option<String>,
    /// Short samples and few rounds: a first look, too noisy to be quoted.
    #[arg(long)]
    quick: bool,
    /// Also writes the text, all figures as JSON, and a chart to this directory, in files
    /// named after the comparison.
    #[arg(long, value_name = "DIR")]
    pub(crate) results: Option<PathBuf>,
}

impl Options {
    pub(crate) fn plan(&self) -> Plan {
        let plan = if self.quick { Plan::QUICK } else { Plan::FULL };
        Plan { rounds: self.rounds.map_or(plan.rounds, |rounds| rounds as usize), ..plan }
    }

    /// Measures those of `jobs` that were chosen, and tells how long each took.
    pub(crate) fn rows<J: Display, R: IntoIterator<Item = Row>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
        mut measure: impl FnMut(J) -> Result<R, String>,
    ) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        for job in self.chosen(jobs)? {
            let (name, start) = (job.to_string(), Instant::now());
            rows.extend(measure(job)?);
            eprintln!("{name}: {:.1} s", start.elapsed().as_secs_f64());
        }
        Ok(rows)
    }

    /// Prints the table, what was left out, `remarks` and the last line; writes the files
    /// that were asked for.
    pub(crate) fn report(
        &self,
        name: &str,
        run: &Run,
        remarks: &str,
        summary: &(impl Display + Serialize),
    ) -> Result<(), Box<dyn Error>> {
        let text =
            format!("{}\n\n* the best peer\n\n{}{remarks}{summary}", run.table(), run.skips());
        println!("{text}");
        if let Some(directory) = &self.results {
            results::write(directory, name, &text, &run.json(summary)?, &run.chart())?;
        }
        Ok(())
    }

    fn chosen<J: Display>(&self, jobs: impl IntoIterator<Item = J>) -> Result<Vec<J>, String> {
        let only = self.only.as_deref().unwrap_or_default();
        let (mut chosen, mut names) = (Vec::new(), Vec::new());
        for job in jobs {
            let name = job.to_string();
            if name.contains(only) {
                chosen.push(job);
            }
            names.push(name);
        }
        if chosen.is_empty() {
            return Err(format!("no job's name contains {only:?}: there are {}", names.join(", ")));
        }
        Ok(chosen)
    }
}
