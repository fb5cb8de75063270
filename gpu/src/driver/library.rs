//! Libraries of drivers, loaded at run time.

use std::ffi::OsString;
use std::path::Path;

use libloading::Library;

use super::DriverKind;
use crate::GpuError;

/// Where a driver's library is looked for.
#[derive(Debug)]
pub(in crate::driver) struct Names {
    /// Whose it is.
    pub(in crate::driver) driver: DriverKind,
    /// What it is called, the best first.
    pub(in crate::driver) files: &'static [&'static str],
    /// That in words.
    pub(in crate::driver) words: &'static str,
    /// The environment variable that names another file instead.
    pub(in crate::driver) variable: &'static str,
}

impl Names {
    /// Loads the library, which then stays: its threads do not end before the process does.
    ///
    /// # Errors
    ///
    /// [`NoDriver`](GpuError::NoDriver).
    pub(in crate::driver) fn load(&self) -> Result<&'static Library, GpuError> {
        let other = self.other();
        let found = match &other {
            Some(file) => open(Path::new(file)),
            None => self.files.iter().find_map(|file| open(Path::new(file))),
        };
        let library = if other.is_some() { self.variable } else { self.words };
        found.ok_or(GpuError::NoDriver { driver: self.driver, library })
    }

    /// Loads the library at a path.
    ///
    /// # Errors
    ///
    /// [`NoDriver`](GpuError::NoDriver).
    pub(in crate::driver) fn load_from(&self, path: &Path) -> Result<&'static Library, GpuError> {
        open(path).ok_or(GpuError::NoDriver { driver: self.driver, library: "the file" })
    }

    /// What the environment names; a program that has more rights than its caller asks nobody.
    fn other(&self) -> Option<OsString> {
        // SAFETY: reads a number that the kernel gave the process.
        let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
        if secure { None } else { std::env::var_os(self.variable) }
    }
}

fn open(file: &Path) -> Option<&'static Library> {
    // SAFETY: what a driver's library does when it is loaded is to set up its own state.
    let library = unsafe { Library::new(file) }.ok()?;
    Some(Box::leak(Box::new(library)))
}
