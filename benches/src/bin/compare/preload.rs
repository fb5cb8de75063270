//! `compare preload`: allocators as shared libraries under whole programs.

use core::error::Error;
use std::{
    env,
    path::{Path, PathBuf},
    time::Instant,
};

use anymem_benches::preload::{self, Library, Plan, Program, Quantity, Run};
use clap::Args;

use crate::results;

#[derive(Args, Debug)]
pub(crate) struct Preload {
    /// Runs of each program on each library.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only the programs whose name contains this.
    #[arg(long, value_name = "SUBSTR")]
    only: Option<String>,
    /// Little work and few rounds: a first look, too noisy to be quoted.
    #[arg(long)]
    quick: bool,
    /// Our library, by default libanymem.so beside this program and, hardened,
    /// libanymem-secure.so among the peers. May be given several times; the last
    /// line tells of the first.
    #[arg(long, value_name = "FILE")]
    library: Vec<PathBuf>,
    /// Where peers that are not the system's are found, by default the folder
    /// `peers` beside this program's.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// Also writes preload.txt, preload.json (all figures) and preload.svg (a
    /// chart) to this directory.
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

impl Preload {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let run = self.measured()?;
        let tables = [Quantity::Time, Quantity::Cpu, Quantity::Memory].map(|it| run.table(it));
        let text = format!(
            "{}\n\n* the best peer\n\n{}{}",
            tables.join("\n\n"),
            run.failures(),
            run.summary()
        );
        println!("{text}");
        if let Some(directory) = &self.results {
            results::write(directory, "preload", &text, &run.json()?, &run.chart())?;
        }
        Ok(())
    }

    fn measured(&self) -> Result<Run, Box<dyn Error>> {
        let (plan, libraries) = (self.plan(), self.libraries()?);
        let mut rows = Vec::new();
        for program in self.programs()? {
            let start = Instant::now();
            match preload::measure(&program, &libraries, plan) {
                Ok(row) => rows.push(row),
                Err(error) => eprintln!("{} is left out: {error}", program.name),
            }
            eprintln!("{}: {:.1} s", program.name, start.elapsed().as_secs_f64());
        }
        Ok(Run::new(plan, rows))
    }

    fn plan(&self) -> Plan {
        let plan = if self.quick { Plan::QUICK } else { Plan::FULL };
        Plan { rounds: self.rounds.map_or(plan.rounds, |rounds| rounds as usize), ..plan }
    }

    fn programs(&self) -> Result<Vec<Program>, String> {
        let only = self.only.as_deref().unwrap_or_default();
        let all = preload::programs();
        let chosen: Vec<_> = all.iter().filter(|it| it.name.contains(only)).cloned().collect();
        if chosen.is_empty() {
            let names: Vec<_> = all.iter().map(|program| program.name.as_str()).collect();
            return Err(format!(
                "no program's name contains {only:?}: there are {}",
                names.join(", ")
            ));
        }
        Ok(chosen)
    }

    /// Returns ours and the peers, and says which of them are not there.
    fn libraries(&self) -> Result<Vec<Library>, Box<dyn Error>> {
        let program = env::current_exe()?;
        let beside = program.parent().ok_or("this program is nowhere")?;
        let built = self.peers.clone().unwrap_or(beside.join("../peers"));
        let mut libraries = Vec::new();
        for path in self.ours(beside, &built) {
            match Library::ours(&path) {
                Some(library) => libraries.push(library),
                None => missing(&path),
            }
        }
        let (peers, missing) = preload::peers(&built);
        for file in missing {
            eprintln!("compare: {file} is left out, for it is not there: ci/preload-peers.sh");
        }
        libraries.extend(peers);
        Ok(libraries)
    }

    fn ours(&self, beside: &Path, built: &Path) -> Vec<PathBuf> {
        if self.library.is_empty() {
            vec![beside.join("libanymem.so"), built.join("libanymem-secure.so")]
        } else {
            self.library.clone()
        }
    }
}

fn missing(path: &Path) {
    eprintln!(
        "compare: {} IS NOT THERE, so the figures will lack it. Build it with \
         `cargo build --release -p anymem-preload` (hardened: ci/preload-peers.sh), or name it \
         with --library",
        path.display()
    );
}
