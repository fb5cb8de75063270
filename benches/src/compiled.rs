//! C++ that is compiled when it is needed: whether the headers of a peer are there may change
//! without a build of this package.

use std::{
    ffi::OsStr,
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

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
    let mut errors = said.lines().filter_map(|line| line.split_once("error: "));
    let missing = || said.lines().find(|line| line.contains("cannot find"));
    errors.next().map(|(_, what)| what).or_else(missing).unwrap_or(&said).into()
}
