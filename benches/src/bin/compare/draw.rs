//! `compare draw`: charts of results that have been measured before.

use core::error::Error;
use std::{fs, path::PathBuf};

use anymem_benches::{Chart, pools, preload, process, shared};
use clap::Args;
use serde::de::DeserializeOwned;

use crate::results;

#[derive(Args, Debug)]
pub(crate) struct Draw {
    /// The directory with process.json, preload.json, shared.json or pools.json.
    directory: PathBuf,
}

impl Draw {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let process = self.draw("process", process::Run::chart)?;
        let preload = self.draw("preload", preload::Run::chart)?;
        let shared = self.draw("shared", shared::Run::chart)?;
        let pools = self.draw("pools", pools::Run::chart)?;
        if process || preload || shared || pools {
            return Ok(());
        }
        Err(format!(
            "{} holds no process.json, preload.json, shared.json or pools.json",
            self.directory.display()
        ))?
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
