//! Where the Unified Memory Framework is.

use core::error::Error;
use std::{env, path::PathBuf};

use clap::Args;

#[derive(Args, Debug)]
pub(crate) struct UmfFile {
    /// The Unified Memory Framework, by default peers/umf/libumf.so.1 beside this
    /// program's folder, where ci/pool-peers.sh puts it.
    #[arg(long, value_name = "FILE")]
    umf: Option<PathBuf>,
}

impl UmfFile {
    pub(crate) fn path(&self) -> Result<PathBuf, Box<dyn Error>> {
        if let Some(path) = &self.umf {
            return Ok(path.clone());
        }
        let program = env::current_exe()?;
        let beside = program.parent().ok_or("this program is nowhere")?;
        Ok(beside.join("../peers/umf/libumf.so.1"))
    }
}
