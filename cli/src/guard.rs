//! Commands that use a segment, in a process that may be lost.
//!
//! A segment's file can be cut off while it is used, and whoever touches it then
//! dies of SIGBUS. So another process runs the command, and this one tells what
//! became of it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, set_parent_process_death_signal};
use signal_hook::consts::SIGBUS;

use crate::error::CliError;

/// The option that tells the other process what it is.
pub(crate) const OPTION: &str = "guarded";

/// Lets another process run this command, which uses the segment `name`.
pub(crate) fn run(name: &str) -> Result<ExitCode, CliError> {
    let program = std::env::current_exe().map_err(CliError::CannotStart)?;
    let status = Command::new(program)
        .arg(format!("--{OPTION}"))
        .args(std::env::args_os().skip(1))
        .status()
        .map_err(CliError::CannotStart)?;
    match status.signal() {
        None => Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into()),
        Some(SIGBUS) => Err(CliError::CutOff { name: name.into() }),
        Some(signal) => Err(CliError::Signalled(signal)),
    }
}

/// Lets this process end with the one that started it.
pub(crate) fn follow_parent() -> Result<(), CliError> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| CliError::NoSignals(error.into()))
}
