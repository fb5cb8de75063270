//! A file that is mapped from its first byte to its last: what a named segment is
//! underneath.

use core::ptr::NonNull;
use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;

use crate::backend::length::check_size;
use crate::error::HeapError;
use crate::size::Size;
use crate::sys::file_id::FileId;
use crate::sys::section::{self, View};
use crate::sys::{self, page_size, segment_file};

/// A whole file, mapped shared.
///
/// Its space is taken when it is made, so that a full disk is an error then and never
/// later, and free space is not given back. Nobody can cut a file off that is mapped.
#[derive(Debug)]
pub struct SharedSpan {
    view: View,
    file: File,
    writable: bool,
    id: FileId,
}

impl SharedSpan {
    /// Makes an empty file `size` bytes long, rounded up to pages, and maps it.
    pub(crate) fn create(file: File, size: Size, name: &str) -> Result<Self, HeapError> {
        let len = check_size(size)?.next_multiple_of(page_size());
        file.set_len(len as u64).map_err(|error| failed(&error, name, "size"))?;
        Self::map(file, true, name)
    }

    /// Maps a file that is there, as long as it is.
    pub(crate) fn attach(file: File, writable: bool, name: &str) -> Result<Self, HeapError> {
        let found = file.metadata().map_err(|error| failed(&error, name, "inspect"))?;
        if !found.is_file() {
            let why = "is not a regular file";
            return Err(HeapError::NotASegment { name: name.into(), why });
        }
        let (length, needed) = (found.len(), page_size() as u64);
        if length < needed {
            return Err(HeapError::Truncated { name: name.into(), length, needed });
        }
        Self::map(file, writable, name)
    }

    /// Which file this is.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    pub(crate) fn as_file(&self) -> &File {
        &self.file
    }

    fn map(file: File, writable: bool, name: &str) -> Result<Self, HeapError> {
        let id = segment_file::id_of(&file).map_err(|error| failed(&error, name, "inspect"))?;
        let view = section::of_file(file.as_raw_handle(), writable)
            .and_then(|section| View::new(&section, writable))
            .map_err(|code| failed(&io::Error::from_raw_os_error(code), name, "map"))?;
        Ok(Self { view, file, writable, id })
    }
}

fn failed(error: &io::Error, name: &str, action: &'static str) -> HeapError {
    HeapError::from_io(error, name, action, name.as_ref())
}

// SAFETY: the view lives as long as the span and stays where it is when the span moves; the
// system aligns it to 64 KiB; others who map the file do so as the same heap; the file has
// all its space.
unsafe impl Backend for SharedSpan {
    const ALIGN: usize = sys::ALIGN;

    #[inline]
    fn base(&self) -> NonNull<u8> {
        self.view.base()
    }

    #[inline]
    fn len(&self) -> usize {
        self.view.len()
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn read_only(&self) -> bool {
        !self.writable
    }

    fn shared(&self) -> bool {
        true
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        let end = at.get().checked_add(len);
        if end.is_some_and(|end| end <= self.len()) {
            return Ok(());
        }
        Err(CommitError { at, len, code: 0, gone: false })
    }
}
