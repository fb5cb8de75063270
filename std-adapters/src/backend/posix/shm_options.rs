//! Where named segments are, and who may open them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::shm::{self, Entry, ShmBackend};
use super::span::SharedSpan;
use crate::backend::length::check_size;
use crate::backend::name;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::segment_file::{self, Draft};

/// Where the system keeps POSIX shared memory.
const DIRECTORY: &str = "/dev/shm";

/// How to create and open [`ShmBackend`]s.
#[derive(Debug, Clone)]
pub struct ShmOptions {
    directory: PathBuf,
    mode: u32,
    trust_other_owners: bool,
}

/// A segment that exists, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Its length.
    pub size: Size,
    /// How much of it takes up memory.
    pub committed: Size,
    /// The user it belongs to.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
}

impl ShmOptions {
    /// Segments in `/dev/shm`, for their owner alone.
    #[must_use]
    pub fn new() -> Self {
        Self { directory: DIRECTORY.into(), mode: 0o600, trust_other_owners: false }
    }

    /// Uses another directory, of any file system that can be mapped.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = path.into();
        self
    }

    /// Who may open the segments created: permission bits, exactly as given
    /// (the umask isn't applied). Whoever may write can change all contents.
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        self.mode = bits;
        self
    }

    /// Whether to open segments of other users (the superuser's are always
    /// opened). Their owners may change the contents at any time.
    #[must_use]
    pub fn trust_other_owners(mut self, trust: bool) -> Self {
        self.trust_other_owners = trust;
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
        if self.mode > 0o777 {
            return Err(HeapError::BadMode { mode: self.mode });
        }
        if fs::symlink_metadata(&path).is_ok() {
            return Err(HeapError::Exists { name: name.into() });
        }
        let (file, draft) = Draft::create(&self.directory, self.mode)
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
        self.check_owner(&file, name, &path)?;
        let span = SharedSpan::attach(file, writable, name)?;
        let draft = Mutex::new(None);
        Ok(ShmBackend::new(span, Entry { name: name.into(), path, draft }))
    }

    fn check_owner(&self, file: &File, name: &str, path: &Path) -> Result<(), HeapError> {
        let found = file
            .metadata()
            .map_err(|error| HeapError::from_io(&error, name, "inspect", path))?
            .uid();
        // SAFETY: `geteuid` takes nothing and always succeeds.
        let own = unsafe { libc::geteuid() };
        if self.trust_other_owners || found == own || found == 0 {
            return Ok(());
        }
        Err(HeapError::ForeignOwner { name: name.into(), found })
    }

    fn directory_error(&self, error: &io::Error, name: &str) -> HeapError {
        let path = self.directory.clone();
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => HeapError::NoDirectory { path },
            Some(libc::ENOSPC | libc::EDQUOT) => HeapError::DirectoryFull { path },
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
    let bytes = |count: u64| Size::bytes(usize::try_from(count).unwrap_or(usize::MAX));
    Some(SegmentInfo {
        name,
        path: entry.path(),
        size: bytes(found.size()),
        committed: bytes(found.blocks().saturating_mul(512)),
        owner: found.uid(),
        mode: found.mode() & 0o7777,
    })
}

/// The heap that a file of this name holds, if it holds one.
fn name_in(file: &str) -> Option<&str> {
    file.strip_prefix(name::PREFIX).filter(|name| name::file_name(name).is_ok())
}

/// What an error of opening says about the thing found.
fn open_error(error: &io::Error, name: &str, path: &Path) -> HeapError {
    let not = |why| HeapError::NotASegment { name: name.into(), why };
    match error.raw_os_error() {
        Some(libc::ELOOP) => not("is a symbolic link"),
        Some(libc::EISDIR) => not("is a directory"),
        Some(libc::ENXIO | libc::ENODEV) => not("is not a regular file"),
        Some(libc::EFBIG | libc::EOVERFLOW) => not("is too long"),
        _ => HeapError::from_io(error, name, "open", path),
    }
}
