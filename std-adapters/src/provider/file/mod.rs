//! Files as memory.

mod options;

pub use options::FileOptions;

use std::path::Path;

use super::delegate::provider_by_spans;
use super::file_spans::FileSpans;
use super::{ProviderError, Share, Span, Usage};
use crate::provider::Provider;

/// Parts of a file: what is written to them is in the file, and there for the next
/// process that opens it.
///
/// The file grows as spans are asked for. Space is taken from the file system when a span
/// is handed out, so that a full disk is an error and never a signal; on a disk, that
/// brings the pages of new spans into memory. What is freed
/// becomes a hole, whose place in the file is used again.
///
/// What the file held when it was opened stays as it is. [`adopt`](Self::adopt) maps it,
/// and [`release`](Self::release) leaves it in the file; other spans come behind it.
///
/// On a file system that has no page cache between memory and file (fsdax), pages are of
/// 2 MiB and what is written is in the file without a [flush](Self::flush).
///
/// One provider has the file at a time. Spans that are not freed stay mapped when it is
/// dropped, and the file stays taken until they are not. Their contents stay in the file
/// whatever happens.
///
/// ```
/// use anymem::provider::{FileProvider, Provider};
/// let path = std::env::temp_dir().join(format!("anymem.file.{}", std::process::id()));
/// let file = FileProvider::open(&path)?;
/// let span = file.allocate(4096, 4096)?;
/// let at = file.offset_of(span)?;
/// // SAFETY: the span is that long; it is not used after its release.
/// unsafe {
///     span.start.write(42);
///     file.flush(span)?;
///     file.release(span)?;
/// }
/// drop(file);
/// // In another process, perhaps.
/// let file = FileProvider::open(&path)?;
/// let span = file.adopt(at, 4096)?;
/// // SAFETY: the span can be read.
/// assert_eq!(unsafe { span.start.read() }, 42);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileProvider {
    spans: FileSpans,
    /// How long the file was.
    found: u64,
}

impl FileProvider {
    /// Opens a file, or makes an empty one for its owner alone; its spans are shared with
    /// whoever else maps it.
    ///
    /// # Errors
    ///
    /// As [`FileOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ProviderError> {
        FileOptions::new().open(path)
    }

    /// How many bytes the file held when it was opened.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.found
    }

    /// Hands out what `len` bytes at `offset` of the file held when it was opened; as many
    /// whole pages.
    ///
    /// # Errors
    ///
    /// [`ProviderError::BadSetting`] if `offset` is no multiple of the page size, or the
    /// file held less when it was opened, or some of it is handed out or was freed; and
    /// what the system refuses.
    pub fn adopt(&self, offset: u64, len: usize) -> Result<Span, ProviderError> {
        self.spans.adopt(offset, len)
    }

    /// Takes a span back whose bytes are to stay in the file, where they can be adopted
    /// again.
    ///
    /// # Errors
    ///
    /// As [`Provider::free`].
    ///
    /// # Safety
    ///
    /// As for [`Provider::free`].
    pub unsafe fn release(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.spans.release(span) }
    }

    /// Where in the file a span starts, in bytes.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Foreign`] if it lies in none that is handed out.
    pub fn offset_of(&self, span: Span) -> Result<u64, ProviderError> {
        self.spans.offset_of(span).map(|at| at as u64)
    }

    /// Writes what is in `span` to the disk, and waits until it is there.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Foreign`], and what the system refuses.
    ///
    /// # Safety
    ///
    /// `span` lies in one that was handed out, on page boundaries.
    pub unsafe fn flush(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.spans.flush(span) }
    }

    /// Writes all of the file to the disk, its length as well, and waits until it is there.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn sync(&self) -> Result<(), ProviderError> {
        self.spans.file()?.sync_all().map_err(|error| ProviderError::System {
            call: "fsync",
            what: format!("the file of {}", self.name()),
            code: error.raw_os_error().unwrap_or(0),
        })
    }
}

provider_by_spans!(FileProvider);
