//! Memory that is a device: persistent, or far away.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::delegate::provider_by_spans;
use super::file_spans::{FileName, FileSpans, Length};
use super::mapper::Mapper;
use super::{Access, ProviderError, Share, Span, Usage, direct};
use crate::size::Size;

/// The alignment of devices that do not tell theirs.
const PAGE: usize = 2 << 20;

/// Parts of a DAX device, `/dev/dax0.0` say: persistent memory, CXL memory, or memory of
/// another kind that the system keeps apart.
///
/// Loads and stores go to the device itself. What it held before is still there: as
/// much of it as was said to be [kept](DaxOptions::keep) is handed out by
/// [`adopt`](Self::adopt) alone. Spans do not read as zero; purged by force they do, for
/// zeroes are written to them.
///
/// One provider has the device at a time. Spans that are not freed stay mapped when it is
/// dropped, and the device stays taken until they are not.
///
/// ```no_run
/// use anymem::provider::{DaxProvider, Provider};
/// let dax = DaxProvider::open("/dev/dax0.0")?;
/// let span = dax.allocate(1 << 20, 64)?;
/// assert_eq!(span.len, 2 << 20);
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct DaxProvider {
    spans: FileSpans,
    size: usize,
}

/// How to open a [`DaxProvider`].
///
/// ```
/// use anymem::Size;
/// use anymem::provider::{DaxOptions, ProviderError};
/// let options = DaxOptions::new().keep(Size::mib(64));
/// let error = options.open("/dev/dax99.0").expect_err("no such device");
/// assert!(matches!(error, ProviderError::Missing { .. }), "{error}");
/// ```
#[derive(Debug, Clone)]
pub struct DaxOptions {
    name: String,
    access: Access,
    keep: usize,
    size: Option<Size>,
}

impl DaxOptions {
    /// All of the device, for reading and writing.
    #[must_use]
    pub fn new() -> Self {
        Self { name: "dax".into(), access: Access::READ_WRITE, keep: 0, size: None }
    }

    /// What the provider is called; `dax` if nothing else is said.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What the CPU may do with the memory.
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// How much at its beginning holds what is to be adopted, and is not for new spans.
    #[must_use]
    pub fn keep(self, size: Size) -> Self {
        Self { keep: size.get(), ..self }
    }

    /// How much of the device is used, from its beginning; all of it if nothing else is
    /// said.
    #[must_use]
    pub fn size(self, size: Size) -> Self {
        Self { size: Some(size), ..self }
    }

    /// Opens the device at `path`.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Missing`] if there is none, [`ProviderError::BadSetting`] if
    /// something else is there, another provider has it, or it is smaller than what is to
    /// be used of it; and what the system refuses.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<DaxProvider, ProviderError> {
        let path = path.as_ref();
        let file = open(path)?;
        let attributes = attributes(&file, path)?;
        let size = number(&attributes, "size").ok_or_else(|| direct::bad(path, NOT_DAX))?;
        let size = match self.size.map(Size::get) {
            Some(used) if used > size => return Err(direct::bad(path, "it is smaller than that")),
            used => used.unwrap_or(size),
        };
        if self.keep > size {
            return Err(direct::bad(path, "it is smaller than what is to be kept of it"));
        }
        direct::claim(&file, path)?;
        let page = number(&attributes, "align").filter(|it| it.is_power_of_two()).unwrap_or(PAGE);
        let flags = if direct::is_direct(&file) { direct::FLAGS } else { libc::MAP_SHARED };
        let mapper = Mapper::new(&self.name, self.access, page, flags);
        let name = FileName::Dax(path.into());
        let spans = FileSpans::new(mapper, file, name, Length::Fixed(size), self.keep)?;
        Ok(DaxProvider { spans, size })
    }
}

impl Default for DaxOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl DaxProvider {
    /// Opens all of the device at `path`.
    ///
    /// # Errors
    ///
    /// As [`DaxOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ProviderError> {
        DaxOptions::new().open(path)
    }

    /// How many bytes of the device are used.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Hands out what is at `offset` of the device.
    ///
    /// # Errors
    ///
    /// [`ProviderError::BadSetting`] if `offset` is no multiple of the page size, or not
    /// all of it is to be [kept](DaxOptions::keep), or some of it is handed out; and what
    /// the system refuses.
    pub fn adopt(&self, offset: u64, len: usize) -> Result<Span, ProviderError> {
        self.spans.adopt(offset, len)
    }

    /// Takes a span back whose bytes are to be adopted again.
    ///
    /// # Errors
    ///
    /// As [`Provider::free`](super::Provider::free).
    ///
    /// # Safety
    ///
    /// As for [`Provider::free`](super::Provider::free).
    pub unsafe fn release(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.spans.release(span) }
    }

    /// Where on the device a span starts, in bytes.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Foreign`] if it lies in none that is handed out.
    pub fn offset_of(&self, span: Span) -> Result<u64, ProviderError> {
        self.spans.offset_of(span).map(|at| at as u64)
    }
}

provider_by_spans!(DaxProvider);

const NOT_DAX: &str = "it is no DAX device: name one such as /dev/dax0.0";

fn open(path: &Path) -> Result<File, ProviderError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_CLOEXEC | libc::O_NONBLOCK);
    options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ProviderError::Missing {
            what: format!("DAX device {}", path.display()),
            hint: "make one with `ndctl create-namespace --mode=devdax` or \
                   `daxctl reconfigure-device --mode=devdax`",
        },
        _ => direct::system("open", path, &error),
    })
}

/// Where the system tells about the device.
fn attributes(file: &File, path: &Path) -> Result<PathBuf, ProviderError> {
    let found = file.metadata().map_err(|error| direct::system("fstat", path, &error))?;
    if !found.file_type().is_char_device() {
        return Err(direct::bad(path, NOT_DAX));
    }
    let device = found.rdev();
    let (major, minor) = (libc::major(device), libc::minor(device));
    Ok(format!("/sys/dev/char/{major}:{minor}").into())
}

fn number(attributes: &Path, name: &str) -> Option<usize> {
    fs::read_to_string(attributes.join(name)).ok()?.trim().parse().ok()
}
