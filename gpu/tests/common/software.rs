//! Devices in software of all kinds.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::OnceLock;

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

/// Runs this program on software devices, each by the name of its driver.
pub(crate) fn on_each(mut run: impl FnMut(&'static str, Command)) {
    let cuda = Folder::with_cuda(library());
    for settings in SETTINGS {
        // As it comes has run before.
        if !settings.is_empty() {
            run("sim", with(settings));
        }
        run("cuda", cuda.found_by(with(settings)));
    }
}

fn with(settings: &[(&str, &str)]) -> Command {
    let mut program = this_program();
    program.envs(settings.iter().copied());
    program
}

/// The library that has the software device under the names of drivers: what is built of this
/// source, or where that is not at hand, what lies beside this program.
pub(crate) fn library() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| if Path::new(env!("CARGO")).exists() { built() } else { beside() })
}

fn built() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("in the target folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "anymem-gpu-sim-library", "--target-dir"]);
    let status = build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(status.expect("started").success(), "{build:?}");
    target.join("debug").join(LIBRARY)
}

fn beside() -> PathBuf {
    std::env::current_exe().expect("this program").with_file_name(LIBRARY)
}

/// A folder with a library by the name of CUDA's, until it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn with_cuda(library: &Path) -> Self {
        static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("anymem-gpu-test-{}-{number}", id()));
        fs::create_dir_all(&folder).expect("writable");
        assert!(library.exists(), "{library:?}");
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
