//! How a file is opened as memory.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::FileProvider;
use crate::provider::file_spans::{FileName, FileSpans, Length};
use crate::provider::mapper::Mapper;
use crate::provider::{Access, ProviderError, direct};
use crate::sys::{map, page_size, space};

/// How to open a [`FileProvider`].
///
/// ```
/// use anymem::provider::{Access, FileOptions, Provider};
/// let path = std::env::temp_dir().join(format!("anymem.options.{}", std::process::id()));
/// let file = FileOptions::new().name("scratch").private(true).open(&path)?;
/// assert_eq!(file.name(), "scratch");
/// assert!(file.share().is_none());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FileOptions {
    name: String,
    access: Access,
    private: bool,
    truncate: bool,
    populate: bool,
}

impl FileOptions {
    /// Reading and writing what others see as well.
    #[must_use]
    pub fn new() -> Self {
        let (private, truncate, populate) = (false, false, false);
        let access = Access::READ_WRITE;
        Self { name: "file".into(), access, private, truncate, populate }
    }

    /// What the provider is called; `file` if nothing else is said.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What the CPU may do with the memory.
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Whether what is written stays in this process, and never gets to the file.
    #[must_use]
    pub fn private(self, private: bool) -> Self {
        Self { private, ..self }
    }

    /// Whether what the file holds is thrown away.
    #[must_use]
    pub fn truncate(self, truncate: bool) -> Self {
        Self { truncate, ..self }
    }

    /// Whether the pages are there before anybody touches them.
    #[must_use]
    pub fn populate(self, populate: bool) -> Self {
        Self { populate, ..self }
    }

    /// Opens the file at `path`, or makes an empty one for its owner alone. Links are not
    /// followed.
    ///
    /// # Errors
    ///
    /// [`ProviderError::BadSetting`] if something else is there than a file, or another
    /// provider has it, and what the system refuses.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<FileProvider, ProviderError> {
        let path = path.as_ref();
        let failed = |call| move |error| direct::system(call, path, &error);
        let file = open(path).map_err(failed("open"))?;
        direct::claim(&file, path)?;
        if self.truncate {
            file.set_len(0).map_err(failed("ftruncate"))?;
        }
        let length = file.metadata().map_err(failed("fstat"))?;
        if !length.is_file() {
            return Err(direct::bad(
                path,
                "it is not a file: name one, or one that is not there yet",
            ));
        }
        let found = usize::try_from(length.len()).ok().filter(|len| *len <= isize::MAX as usize);
        let found = found.ok_or_else(|| direct::bad(path, "it is too long for this machine"))?;
        let mapper = self.mapper(&file);
        // Others may have another working directory.
        let path = fs::canonicalize(path).map_err(failed("realpath"))?;
        let name = FileName::File(path);
        let spans = FileSpans::new(mapper, file, name, Length::Grows, found)?;
        Ok(FileProvider { spans, found: length.len() })
    }

    fn mapper(&self, file: &File) -> Mapper {
        let (page, flags) = match space::huge_page_of(file.as_fd()) {
            _ if direct::is_direct(file) => (map::HUGE, direct::FLAGS),
            Some(huge) => (huge, libc::MAP_SHARED),
            None => (page_size(), libc::MAP_SHARED),
        };
        let flags = if self.private { libc::MAP_PRIVATE } else { flags };
        let mapper = Mapper::new(&self.name, self.access, page, flags);
        Mapper {
            huge: space::huge_page_of(file.as_fd()).is_some(),
            populate: self.populate,
            ..mapper
        }
    }
}

impl Default for FileOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn open(path: &Path) -> io::Result<File> {
    let careful = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600).custom_flags(careful).open(path)
}
