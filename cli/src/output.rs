//! Standard output and standard error, without panics.

use core::fmt;
use std::io::{self, Write};

use crate::error::CliError;

/// Writes a line to standard output.
pub(crate) fn line(text: impl fmt::Display) -> Result<(), CliError> {
    writeln!(io::stdout().lock(), "{text}").map_err(CliError::Output)
}

/// Writes a line to standard error; if that fails there is nobody to tell.
pub(crate) fn complain(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
