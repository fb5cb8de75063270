//! Where named segments are, and who may open them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::access::{self, Access, SegmentInfo};
use super::length::check_size;
use super::shm::{self, Entry, ShmBackend};
use super::{SharedSpan, name};
use crate::error::HeapError;
use crate::size::IntoSize;
use crate::sys::segment_file;

/// How to create and open [`ShmBackend`]s.
#[derive(Debug, Clone)]
pub struct ShmOptions {
    directory: PathBuf,
    pub(super) access: Access,
}

impl ShmOptions {
    /// Segments where the system keeps such things (`/dev/shm`; on Windows the directory
    /// for temporary files), for their owner alone.
    #[must_use]
    pub fn new() -> Self {
        Self { directory: access::directory(), access: Access::default() }
    }

    /// Uses another directory, of any file system that can be mapped.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = path.into();
        self
    }

    /// As [`ShmBackend::create`].
    ///
    /// # Errors
    ///
    /// As there, and [`HeapError::BadMode`], [`HeapError::NoDirectory`].
    pub fn create(&self, name: &str, size: impl IntoSize) -> Result<ShmBackend, HeapError> {
        let size = size.into_size()?;
        let path = self.path(name)?;
        check_size(size)?;
        self.access.check()?;
        if fs::symlink_metadata(&path).is_ok() {
            return Err(HeapError::Exists { name: name.into() });
        }
        let (file, draft) = self
            .access
            .draft(&self.directory)
            .map_err(|error| self.directory_error(&error, name))?;
        let span = SharedSpan::create(file, size, name)?;
        let draft = Mutex::new(Some(draft));
        Ok(ShmBackend::new(span, Entry { name: name.into(), path, draft }))
    }

    /// As [`ShmBackend::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(&self, name: &str) -> Result<ShmBackend, HeapError> {
        self.attach(name, true)
    }

    /// As [`ShmBackend::open_read_only`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_read_only(&self, name: &str) -> Result<ShmBackend, HeapError> {
        self.attach(name, false)
    }

    /// As [`ShmBackend::unlink`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn unlink(&self, name: &str) -> Result<(), HeapError> {
        shm::unlink(name, &self.path(name)?)
    }

    /// The segments in the directory, by name.
    ///
    /// # Errors
    ///
    /// [`HeapError::NoDirectory`], and what the system refuses.
    pub fn list(&self) -> Result<Vec<SegmentInfo>, HeapError> {
        let entries =
            fs::read_dir(&self.directory).map_err(|error| self.directory_error(&error, "*"))?;
        let mut found: Vec<_> = entries.flatten().filter_map(|entry| inspect(&entry)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn path(&self, name: &str) -> Result<PathBuf, HeapError> {
        Ok(self.directory.join(name::file_name(name)?))
    }

    fn attach(&self, name: &str, writable: bool) -> Result<ShmBackend, HeapError> {
        let path = self.path(name)?;
        let file =
            segment_file::open(&path, writable).map_err(|error| open_error(&error, name, &path))?;
        self.access.check_owner(&file, name, &path)?;
        let span = SharedSpan::attach(file, writable, name)?;
        let draft = Mutex::new(None);
        Ok(ShmBackend::new(span, Entry { name: name.into(), path, draft }))
    }

    fn directory_error(&self, error: &io::Error, name: &str) -> HeapError {
        let path = self.directory.clone();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                HeapError::NoDirectory { path }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                HeapError::DirectoryFull { path }
            }
            _ => HeapError::from_io(error, name, "create", &path),
        }
    }
}

impl Default for ShmOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn inspect(entry: &fs::DirEntry) -> Option<SegmentInfo> {
    let file_name = entry.file_name();
    let name = name_in(file_name.to_str()?)?.to_owned();
    let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
    Some(access::inspect(name, entry.path(), &found))
}

/// The heap that a file of this name holds, if it holds one.
fn name_in(file: &str) -> Option<&str> {
    file.strip_prefix(name::PREFIX).filter(|name| name::file_name(name).is_ok())
}

/// What an error of opening says about the thing found.
fn open_error(error: &io::Error, name: &str, path: &Path) -> HeapError {
    match access::fault(error) {
        Some(why) => HeapError::NotASegment { name: name.into(), why },
        None => HeapError::from_io(error, name, "open", path),
    }
}
