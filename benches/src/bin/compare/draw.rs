//! `compare draw`: charts of results that have been measured before.

use core::error::Error;
use std::{fs, path::PathBuf};

use anymem_benches::{Chart, Run, preload, process};
use clap::Args;
use serde::de::DeserializeOwned;

use crate::results;

/// The comparisons whose results are a [`Run`].
const COMMON: [&str; 6] = ["shared", "pools", "regions", "mpi", "embedded", "frames"];

#[derive(Args, Debug)]
pub(crate) struct Draw {
    /// The directory with process.json, preload.json, shared.json, pools.json, regions.json,
    /// mpi.json, embedded.json or frames.json.
    directory: PathBuf,
}

impl Draw {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let mut drawn = self.draw("process", process::Run::chart)?;
        drawn |= self.draw("preload", preload::Run::chart)?;
        for name in COMMON {
            drawn |= self.draw(name, Run::chart)?;
        }
        if drawn {
            return Ok(());
        }
        Err(format!("{} holds no results of a comparison", self.directory.display()))?
    }

    /// Draws `NAME.svg`, if there is `NAME.json`.
    fn draw<R: DeserializeOwned>(
        &self,
        name: &str,
        chart: impl Fn(&R) -> Chart,
    ) -> Result<bool, Box<dyn Error>> {
        let path = self.directory.join(name).with_extension("json");
        let Ok(json) = fs::read_to_string(&path) else { return Ok(false) };
        let run = serde_json::from_str(&json);
        let run = run.map_err(|error| format!("{}: {error}", path.display()))?;
        results::draw(&self.directory, name, &chart(&run))?;
        Ok(true)
    }
}
