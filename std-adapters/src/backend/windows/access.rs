//! Who may open named segments: whom the directory's permissions let.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::HeapError;
use crate::size::Size;
use crate::sys::segment_file::Draft;

/// The user's own directory for temporary files.
pub(crate) fn directory() -> PathBuf {
    std::env::temp_dir()
}

/// Nothing is asked for beyond what the directory says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Access;

impl Access {
    /// There is nothing that cannot be asked for.
    #[allow(clippy::unused_self, reason = "other systems look")]
    pub(crate) const fn check(self) -> Result<(), HeapError> {
        Ok(())
    }

    /// A file in `directory` that will be a segment.
    pub(crate) fn draft(self, directory: &Path) -> io::Result<(File, Draft)> {
        Draft::create(directory)
    }

    /// Who may open a file is trusted.
    pub(crate) const fn check_owner(
        self,
        _file: &File,
        _name: &str,
        _path: &Path,
    ) -> Result<(), HeapError> {
        Ok(())
    }
}

/// A segment that exists, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Its length, all of which takes up space.
    pub size: Size,
}

/// What is told of the segment `name`.
pub(crate) fn inspect(name: String, path: PathBuf, found: &Metadata) -> SegmentInfo {
    SegmentInfo { name, path, size: usize::try_from(found.len()).unwrap_or(usize::MAX).into() }
}

/// Nothing tells from an error what was found.
pub(crate) const fn fault(_error: &io::Error) -> Option<&'static str> {
    None
}
