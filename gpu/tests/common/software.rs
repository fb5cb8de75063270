//! Devices in software of all kinds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::atomic::{AtomicU32, Ordering};

use super::this_program;

/// What the library of the software device is called.
const LIBRARY: &str = "libanymem_gpu_sim_library.so";

/// What the environment says of the software device: nothing; streams that take their time, and
/// registered memory at other addresses; a device that has nothing that it need not have.
const SETTINGS: [&[(&str, &str)]; 4] = [
    &[],
    &[("ANYMEM_GPU_SIM_COMPLETION", "lazy"), ("ANYMEM_GPU_SIM_OTHER_ADDRESS", "1")],
    &[("ANYMEM_GPU_SIM_COMPLETION", "background")],
    &[("ANYMEM_GPU_SIM_WITHOUT", "managed,ipc,stream-ordered,virtual-memory,host-atomics")],
];

/// Drivers whose library the environment names.
const BY_VARIABLE: [(&str, &str); 2] =
    [("hip", "ANYMEM_HIP_LIBRARY"), ("level-zero", "ANYMEM_LEVEL_ZERO_LIBRARY")];

/// Runs this program on software devices, each by the name of its driver.
pub(crate) fn on_each(mut run: impl FnMut(&'static str, Command)) {
    let library = library();
    let cuda = Folder::with_cuda(&library);
    for settings in SETTINGS {
        // As it comes has run before.
        if !settings.is_empty() {
            run("sim", with(settings));
        }
        run("cuda", cuda.found_by(with(settings)));
        for (name, variable) in BY_VARIABLE {
            let mut program = with(settings);
            program.env(variable, &library);
            run(name, program);
        }
    }
}

fn with(settings: &[(&str, &str)]) -> Command {
    let mut program = this_program();
    program.envs(settings.iter().copied());
    program
}

/// The library that has the software device under the names of drivers, which is beside this
/// program, or above it.
pub(crate) fn library() -> PathBuf {
    let program = std::env::current_exe().expect("this program");
    let mut files = program.ancestors().skip(1).take(2).map(|folder| folder.join(LIBRARY));
    files.find(|file| file.exists()).expect("built with this program")
}

/// A folder with a library by the name of CUDA's, until it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn with_cuda(library: &Path) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("anymem-gpu-test-{}-{number}", id()));
        // One that was killed may have left it.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("writable");
        symlink(library, folder.join("libcuda.so")).expect("writable");
        Self(folder)
    }

    /// The program, which finds the library where it looks for CUDA's.
    pub(crate) fn found_by(&self, mut program: Command) -> Command {
        program.env("LD_LIBRARY_PATH", &self.0);
        program
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
