//! Where Python has packages: many bring libraries of C++ and their headers.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::target::said;

/// Prints where packages are, and what Python itself stands in.
const ASK: &str = "import sys; print(*sys.path, sys.prefix, sep='\\n')";

/// What CUDA's toolkit stands in, where the environment does not say.
const TOOLKIT: &str = "/usr/local/cuda";

/// Folders that packages stand in.
#[derive(Debug)]
pub(super) struct Python(Vec<PathBuf>);

impl Python {
    /// Asks the interpreter at `program`; an error tells why it does not answer.
    pub(super) fn ask(program: &Path) -> Result<Self, String> {
        let output = Command::new(program).args(["-c", ASK]).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        let told = String::from_utf8(output.stdout).map_err(said)?;
        let roots = told.lines().filter(|line| !line.is_empty()).map(PathBuf::from);
        let toolkit = env::var_os("CUDA_HOME").unwrap_or(TOOLKIT.into());
        Ok(Self(roots.flat_map(with_nvidia).chain([toolkit.into()]).collect()))
    }

    /// Those of `folders` that there are.
    pub(super) fn folders(&self, folders: &[&str]) -> impl Iterator<Item = PathBuf> {
        let all = self.0.iter().flat_map(|root| folders.iter().map(|folder| root.join(folder)));
        all.filter(|folder| folder.is_dir())
    }

    /// The first file in one of `folders` whose name starts so.
    pub(super) fn file(&self, folders: &[&str], start: &str) -> Option<PathBuf> {
        let files = self.folders(folders).filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let mut files = files
            .flatten()
            .filter(|file| file.file_name().to_str().is_some_and(|name| name.starts_with(start)));
        files.next().map(|file| file.path())
    }
}

/// A folder of packages, and the parts of CUDA's toolkit that are packages there.
fn with_nvidia(root: PathBuf) -> impl Iterator<Item = PathBuf> {
    let parts = fs::read_dir(root.join("nvidia")).into_iter().flatten().flatten();
    let mut parts: Vec<_> = parts.map(|part| part.path()).collect();
    // Wheels of several versions may be there: the newest first.
    parts.sort_unstable_by(|one, other| other.cmp(one));
    [root].into_iter().chain(parts)
}
