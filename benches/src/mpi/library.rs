//! The MPI libraries, and the program that two ranks run with each.

use core::fmt;
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// An MPI library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Open MPI.
    OpenMpi,
    /// MPICH.
    Mpich,
}

/// A library that is there, with the program of the ranks built for it.
#[derive(Debug)]
pub(super) struct Library {
    flavour: Flavour,
    program: PathBuf,
}

/// The bench target of `anymem-mpi` that the ranks run.
const TARGET: &str = "exchange";

/// How it is built: as this program is.
const PROFILE: &str = if cfg!(debug_assertions) { "dev" } else { "release" };

impl Flavour {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::OpenMpi, Self::Mpich];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenMpi => "open-mpi",
            Self::Mpich => "mpich",
        }
    }

    /// What Debian ends the names of its programs with.
    const fn suffix(self) -> &'static str {
        match self {
            Self::OpenMpi => "openmpi",
            Self::Mpich => "mpich",
        }
    }

    fn compiler(self) -> String {
        format!("mpicc.{}", self.suffix())
    }

    /// Finds out whether it is there; an error tells what is not.
    pub(super) fn look(self) -> Result<(), String> {
        let compiler = self.compiler();
        let found = Command::new(&compiler).arg("--version").stdout(Stdio::null()).status();
        found.map(drop).map_err(|error| format!("{compiler}: {error}: ci/mpi.sh installs it"))
    }

    /// Starts two ranks on processors of their own.
    fn mpirun(self) -> Command {
        let mut command = Command::new(format!("mpirun.{}", self.suffix()));
        match self {
            // Two virtual processors may be one core, which it counts.
            Self::OpenMpi => command
                .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
                .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
                .args(["--oversubscribe", "--bind-to", "hwthread:overload-allowed"]),
            Self::Mpich => command.args(["-bind-to", "hwthread"]),
        };
        command.args(["-n", "2"]);
        command
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Library {
    /// Builds the program of the ranks with `flavour`, below the folder `target`. An error
    /// tells why there is none.
    pub(super) fn build(flavour: Flavour, target: &Path) -> Result<Self, String> {
        let compiler = flavour.compiler();
        let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
        let output = Command::new(cargo)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("MPICC", &compiler)
            .args(["build", "--profile", PROFILE, "--package", "anymem-mpi", "--features", "mpi"])
            .args(["--bench", TARGET, "--message-format", "json-render-diagnostics"])
            .arg("--target-dir")
            .arg(target.join(format!("mpi-{}", flavour.suffix())))
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        match said.lines().find_map(executable) {
            Some(program) if output.status.success() => Ok(Self { flavour, program }),
            _ => Err(format!("the ranks' program cannot be built with {compiler}")),
        }
    }

    /// Returns the command that two ranks start with.
    pub(super) fn command(&self) -> Command {
        let mut command = self.flavour.mpirun();
        command.arg(&self.program);
        command
    }
}

/// Returns the path of the program, if this line of cargo's is about that.
fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    (message["target"]["name"] == TARGET).then_some(message["executable"].as_str()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_in_what_cargo_says() {
        let line = r#"{"target":{"name":"exchange"},"executable":"/target/exchange-1"}"#;
        assert_eq!(executable(line), Some("/target/exchange-1".into()));
        assert_eq!(executable(r#"{"target":{"name":"mpi"},"executable":null}"#), None);
        assert_eq!(executable("warning: unused"), None);
    }
}
