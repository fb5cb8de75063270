//! Side by side with the peers, in one process and one run.

use core::error::Error;
use std::{alloc::System, fs, path::PathBuf, process::ExitCode, time::Instant};

use anymem_benches::{
    contestants,
    measure::{self, Plan},
    report::Report,
    workloads::Workload,
};
use clap::{Args, Parser, Subcommand};

/// The program's own memory must not come from a contestant of ours.
#[global_allocator]
static OWN: System = System;

/// Measures anymem beside other allocators.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares allocators for the heap of a process: ns per operation, by
    /// workload; the last line holds the ratios.
    Process(Process),
}

#[derive(Args, Debug)]
struct Process {
    /// Samples of each allocator on each workload.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only the workloads whose name contains this.
    #[arg(long, value_name = "SUBSTR")]
    only: Option<String>,
    /// Short samples and few rounds: a first look, too noisy to be quoted.
    #[arg(long)]
    quick: bool,
    /// Also writes all figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Process {
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

    fn run(&self) -> Result<(), Box<dyn Error>> {
        let (plan, contestants) = (self.plan(), contestants::all());
        let mut rows = Vec::new();
        for workload in self.workloads()? {
            let start = Instant::now();
            rows.push(measure::measure(&workload, &contestants, plan));
            eprintln!("{workload}: {:.1} s", start.elapsed().as_secs_f64());
        }
        let report = Report::new(plan, contestants, rows);
        if let Some(path) = &self.json {
            fs::write(path, report.json()? + "\n")
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        println!("{}\n\n* the best peer\n", report.table());
        println!("{}{}", report.means(), report.summary());
        Ok(())
    }
}

fn main() -> ExitCode {
    let Command::Process(process) = Cli::parse().command;
    match process.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
