//! Who may open named segments: owners, and permission bits.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::backend::ShmOptions;
use crate::error::HeapError;
use crate::size::Size;
use crate::sys::segment_file::Draft;

/// Where the system keeps POSIX shared memory.
pub(crate) fn directory() -> PathBuf {
    "/dev/shm".into()
}

/// Who may open what is created, and whose segments are opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    mode: u32,
    trust_other_owners: bool,
}

impl Default for Access {
    fn default() -> Self {
        Self { mode: 0o600, trust_other_owners: false }
    }
}

impl Access {
    /// Refuses what cannot be asked for.
    pub(crate) fn check(&self) -> Result<(), HeapError> {
        let mode = self.mode;
        if mode > 0o777 { Err(HeapError::BadMode { mode }) } else { Ok(()) }
    }

    /// A file in `directory` that will be a segment.
    pub(crate) fn draft(&self, directory: &Path) -> io::Result<(File, Draft)> {
        Draft::create(directory, self.mode)
    }

    /// Refuses the segments of other users.
    pub(crate) fn check_owner(
        &self,
        file: &File,
        name: &str,
        path: &Path,
    ) -> Result<(), HeapError> {
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
}

impl ShmOptions {
    /// Who may open the segments created: permission bits, exactly as given
    /// (the umask isn't applied). Whoever may write can change all contents.
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        self.access.mode = bits;
        self
    }

    /// Whether to open segments of other users (the superuser's are always
    /// opened). Their owners may change the contents at any time.
    #[must_use]
    pub fn trust_other_owners(mut self, trust: bool) -> Self {
        self.access.trust_other_owners = trust;
        self
    }
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

/// What is told of the segment `name`.
pub(crate) fn inspect(name: String, path: PathBuf, found: &Metadata) -> SegmentInfo {
    let bytes = |count: u64| Size::bytes(usize::try_from(count).unwrap_or(usize::MAX));
    SegmentInfo {
        name,
        path,
        size: bytes(found.size()),
        committed: bytes(found.blocks().saturating_mul(512)),
        owner: found.uid(),
        mode: found.mode() & 0o7777,
    }
}

/// What is wrong with the thing found that could not be opened, if it is the thing.
pub(crate) fn fault(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error()? {
        libc::ELOOP => Some("is a symbolic link"),
        libc::EISDIR => Some("is a directory"),
        libc::ENXIO | libc::ENODEV => Some("is not a regular file"),
        libc::EFBIG | libc::EOVERFLOW => Some("is too long"),
        _ => None,
    }
}
