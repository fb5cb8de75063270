//! C++ that is compiled when it is needed: whether the headers of a peer are there may change
//! without a build of this package.

use std::{
    ffi::OsStr,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

/// What compilers and linkers say.
const ERRORS: [&str; 3] = ["error: ", "cannot find", "undefined reference"];

/// What the compiler made, which is there as long as this.
#[derive(Debug)]
pub(crate) struct Compiled(TempDir);

impl Compiled {
    /// Compiles `text`, as `arguments` say.
    ///
    /// # Errors
    ///
    /// Why there is nothing: mostly, that the headers are not there.
    pub(crate) fn of(
        text: &str,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    ) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let source = directory.path().join("source.cpp");
        fs::write(&source, text).map_err(|error| error.to_string())?;
        let made = Self(directory);
        let output = Command::new("c++")
            .args(["-O2", "-DNDEBUG", "-pthread", "-o"])
            .args([&made.path(), &source])
            .args(arguments)
            .output()
            .map_err(|error| format!("c++: {error}"))?;
        if output.status.success() { Ok(made) } else { Err(first_error(&output)) }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("compiled")
    }
}

/// What was wrong first, without the place: what is compiled is gone by then.
fn first_error(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let is_error = |line: &&str| ERRORS.iter().any(|it| line.contains(it));
    let line = said.lines().find(is_error).unwrap_or(&said);
    line.split_once("error: ").map_or(line, |(_, what)| what).into()
}
