//! Which files to count.

use core::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::error::CliError;
use crate::output::complain;
use crate::signals::Signals;

/// The files under some paths.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Regular files, in an order that depends on their names only.
    pub(crate) paths: Vec<PathBuf>,
    /// How many things could not be looked at, or are not files.
    pub(crate) skipped: u64,
}

impl Files {
    /// Finds all regular files at and below `paths`, and reports what it could
    /// not look at.
    pub(crate) fn find(paths: &[PathBuf], signals: &Signals) -> Result<Self, CliError> {
        let mut files = Self::default();
        for path in paths {
            files.add(path, signals)?;
        }
        Ok(files)
    }

    /// Adds a path as it was named; a link is followed.
    fn add(&mut self, path: &Path, signals: &Signals) -> Result<(), CliError> {
        let found =
            fs::metadata(path).map_err(|error| CliError::BadPath { path: path.into(), error })?;
        if found.is_dir() {
            return self.add_below(path, signals);
        }
        if found.is_file() {
            self.paths.push(path.into());
        } else {
            self.skip(format_args!("{}: not a regular file", path.display()));
        }
        Ok(())
    }

    fn add_below(&mut self, directory: &Path, signals: &Signals) -> Result<(), CliError> {
        for entry in WalkDir::new(directory).sort_by_file_name() {
            signals.check()?;
            match entry {
                Ok(entry) if entry.file_type().is_file() => self.paths.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => self.skip(error),
            }
        }
        Ok(())
    }

    fn skip(&mut self, why: impl fmt::Display) {
        complain(format_args!("skipped: {why}"));
        self.skipped += 1;
    }
}
