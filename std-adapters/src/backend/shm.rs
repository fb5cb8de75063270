//! Named segments of POSIX shared memory.

use core::ptr::NonNull;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;
use anymem_core::thread::Owner;

use super::SharedSpan;
use super::any::BackendKind;
use super::by_span::backend_by_span;
use super::shm_options::ShmOptions;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::segment_file::{self, Draft};

/// A segment that other processes open by name.
///
/// Creation is atomic for them: [`create`](Self::create) makes a segment that
/// has no name yet; whoever formats it then [publishes](Self::publish) it, and
/// fails if the name exists. A creator that dies before leaves nothing behind.
///
/// The segment outlives its processes until it is [unlinked](Self::unlink),
/// which takes the name away and leaves those who have it open undisturbed.
/// Where it is, who may open it, and more: [`ShmOptions`].
#[derive(Debug)]
pub struct ShmBackend {
    span: SharedSpan,
    entry: Entry,
}

/// The place of a segment in its directory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// There until the segment is published.
    pub(crate) draft: Mutex<Option<Draft>>,
}

impl Entry {
    /// Gives the segment in `span` its name; nothing if it has it already.
    pub(crate) fn publish(&self, span: &SharedSpan) -> Result<(), HeapError> {
        let mut draft = self.draft.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(unpublished) = draft.as_ref() {
            unpublished
                .publish(span.as_file(), &self.path)
                .map_err(|error| HeapError::from_io(&error, &self.name, "create", &self.path))?;
        }
        *draft = None;
        Ok(())
    }
}

impl ShmBackend {
    /// Makes a segment of `size` bytes that will be named `name`.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadName`], [`HeapError::Exists`], the errors about sizes,
    /// and what the system refuses.
    pub fn create(name: &str, size: impl IntoSize) -> Result<Self, HeapError> {
        ShmOptions::new().create(name, size)
    }

    /// Opens the segment `name`.
    ///
    /// # Errors
    ///
    /// [`HeapError::Missing`], [`HeapError::Permission`],
    /// [`HeapError::ForeignOwner`], [`HeapError::NotASegment`],
    /// [`HeapError::Truncated`], and what the system refuses.
    pub fn open(name: &str) -> Result<Self, HeapError> {
        ShmOptions::new().open(name)
    }

    /// Opens the segment `name` without the right to write.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_read_only(name: &str) -> Result<Self, HeapError> {
        ShmOptions::new().open_read_only(name)
    }

    /// Takes the name `name` away from its segment, which goes when nobody has
    /// it open any more.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadName`], [`HeapError::Missing`],
    /// [`HeapError::Permission`].
    pub fn unlink(name: &str) -> Result<(), HeapError> {
        ShmOptions::new().unlink(name)
    }

    /// Makes the segment visible under its name; nothing if it is already.
    ///
    /// # Errors
    ///
    /// [`HeapError::Exists`] if another segment got the name in the meantime.
    pub fn publish(&self) -> Result<(), HeapError> {
        self.entry.publish(&self.span)
    }

    /// The segment's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// The file that the segment is, once published.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.entry.path
    }

    /// The mapped file.
    #[must_use]
    pub fn span(&self) -> &SharedSpan {
        &self.span
    }

    pub(crate) fn new(span: SharedSpan, entry: Entry) -> Self {
        Self { span, entry }
    }

    pub(crate) fn into_parts(self) -> (SharedSpan, Entry) {
        (self.span, self.entry)
    }
}

/// Removes the file of a segment.
pub(crate) fn unlink(name: &str, path: &Path) -> Result<(), HeapError> {
    segment_file::remove(path).map_err(|error| HeapError::from_io(&error, name, "unlink", path))
}

backend_by_span!(ShmBackend);

/// `url` is the segment's name.
impl BackendKind for ShmBackend {
    fn create(size: Size, url: &str) -> Result<Self, HeapError> {
        Self::create(url, size)
    }

    fn attach(url: &str) -> Result<Self, HeapError> {
        Self::open(url)
    }

    fn publish(&self) -> Result<(), HeapError> {
        self.publish()
    }

    fn unlink(&self) -> Result<(), HeapError> {
        let is_own = segment_file::id_at(self.path()) == Some(self.span().id());
        if is_own { unlink(self.name(), self.path()) } else { Ok(()) }
    }
}
