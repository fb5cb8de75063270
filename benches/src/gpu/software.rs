//! The device in software, in the place of CUDA's library.
//!
//! Those who know CUDA alone look for a library by its name, which only a process that was
//! started with it in its way finds. So the comparison is made by another process then.

use std::{
    env,
    os::unix::fs::symlink,
    path::PathBuf,
    process::{Command, ExitStatus},
};

use tempfile::TempDir;

use super::target::{Kind, MEMORY, Target, said};

/// What tells a process that CUDA's library is the device in software.
const MARK: &str = "ANYMEM_COMPARE_SOFTWARE";

/// What the library of that device is called.
const LIBRARY: &str = "libanymem_gpu_sim_library.so";

/// Where it is, from the folder of this program on: where Cargo leaves it, or ci/gpu-pack.sh.
const FOLDERS: [&str; 3] = ["", "deps", "tests"];

/// Whether CUDA's library is the device in software.
pub(super) fn is_here() -> bool {
    env::var_os(MARK).is_some()
}

/// Runs this program once more, with the device in software as CUDA's; `None` if it is so
/// already, or there is a device of another kind to be used, or the library is not there.
///
/// # Errors
///
/// No process can be started.
pub fn run_again(kind: Kind) -> Result<Option<ExitStatus>, String> {
    let has_other = || kind == Kind::Any && Target::real().is_some();
    let Some(library) = library().filter(|_| !is_here() && !has_other()) else { return Ok(None) };
    let folder = TempDir::new().map_err(said)?;
    for name in ["libcuda.so", "libcuda.so.1"] {
        symlink(&library, folder.path().join(name)).map_err(said)?;
    }
    let mut program = Command::new(env::current_exe().map_err(said)?);
    program.args(env::args_os().skip(1)).env(MARK, "1").env("LD_LIBRARY_PATH", folder.path());
    program.env("ANYMEM_GPU_SIM_MEMORY", MEMORY.to_string());
    program.status().map(Some).map_err(said)
}

fn library() -> Option<PathBuf> {
    beside(&FOLDERS, LIBRARY)
}

/// A file in one of the folders, from that of this program on.
pub(super) fn beside(folders: &[&str], file: &str) -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    let here = program.parent()?;
    folders.iter().map(|folder| here.join(folder).join(file)).find(|file| file.exists())
}
