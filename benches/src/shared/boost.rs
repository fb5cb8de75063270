//! Boost.Interprocess, compiled when it is needed: whether its headers are there
//! may change without a build of this package.

use std::{fs, process::Command};

use tempfile::TempDir;

const SOURCE: &str = include_str!("boost.cpp");

/// The program that does the jobs with Boost.Interprocess; see `boost.cpp`.
#[derive(Debug)]
pub struct Boost {
    directory: TempDir,
}

impl Boost {
    /// Compiles the program.
    ///
    /// # Errors
    ///
    /// Why there is none: mostly, that the headers are not there.
    pub fn build() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let source = directory.path().join("boost.cpp");
        fs::write(&source, SOURCE).map_err(|error| error.to_string())?;
        let boost = Self { directory };
        let output = Command::new("c++")
            .args(["-O2", "-std=c++17", "-DNDEBUG", "-pthread"])
            .arg(&source)
            .args(["-o", &boost.program(), "-lrt"])
            .output()
            .map_err(|error| format!("c++: {error}"))?;
        if output.status.success() {
            return Ok(boost);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let error = said.lines().find(|line| line.contains("error:")).unwrap_or(&said);
        Err(error.into())
    }

    pub(super) fn program(&self) -> String {
        self.directory.path().join("boost").display().to_string()
    }
}
