//! Sections: memory that processes share, with a name, without one, or in a file.

use core::ptr::NonNull;
use std::fs::{File, OpenOptions};
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle};
use std::path::Path;

use anymem_core::backend::Backend;
use windows_sys::Win32::Foundation::{ERROR_COMMITMENT_LIMIT, ERROR_NOT_ENOUGH_MEMORY};

use crate::backend::any::BackendKind;
use crate::backend::length::check_size;
use crate::backend::name;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::section::{self, Name, View};
use crate::sys::{self, page_size};

/// A whole section, mapped (`CreateFileMapping`).
///
/// | made by | memory of | others find it by | it goes with |
/// |---|---|---|---|
/// | [`create`](Self::create) | the paging file | its name, in this session | its last handle |
/// | [`unnamed`](Self::unnamed) | the paging file | its [handle](Self::handle) | its last handle |
/// | [`create_file`](Self::create_file) | a file | the file's path | the file |
///
/// All memory is set aside when the section is made, so running out of it is an error then
/// and never later, and free memory is not given back. Who may open it is who the system
/// lets: the same user, and administrators. A file that is mapped cannot be cut off.
///
/// A section is there for others from the moment it is made; who attaches the heap in it
/// before it is complete is told so, and tries again.
#[derive(Debug)]
pub struct SectionBackend {
    view: View,
    section: OwnedHandle,
    writable: bool,
}

impl SectionBackend {
    /// Makes a section of `size` bytes, rounded up to pages, that is named `name`.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadName`], [`HeapError::Exists`], [`HeapError::NoAddressSpace`] where
    /// memory is short, the errors about sizes, and what the system refuses.
    pub fn create(name: &str, size: impl IntoSize) -> Result<Self, HeapError> {
        Self::of_paging_file(name, Some(&section_name(name)?), size.into_size()?)
    }

    /// Makes a section of `size` bytes, rounded up to pages, without a name.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn unnamed(size: impl IntoSize) -> Result<Self, HeapError> {
        Self::of_paging_file(UNNAMED, None, size.into_size()?)
    }

    /// Opens the section `name`.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadName`], [`HeapError::Missing`], [`HeapError::Permission`], and what
    /// the system refuses.
    pub fn open(name: &str) -> Result<Self, HeapError> {
        Self::open_named(name, true)
    }

    /// Opens the section `name` without the right to write.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_read_only(name: &str) -> Result<Self, HeapError> {
        Self::open_named(name, false)
    }

    /// Maps a section that another process has made and handed over, by `DuplicateHandle`
    /// or by inheritance.
    ///
    /// # Errors
    ///
    /// [`HeapError::Permission`] if the handle has no right to write, and what the system
    /// refuses.
    pub fn attach(section: OwnedHandle) -> Result<Self, HeapError> {
        Self::map(section, true, UNNAMED)
    }

    /// Makes a file of `size` bytes, rounded up to pages, and maps it.
    ///
    /// # Errors
    ///
    /// [`HeapError::Exists`] if there is one, [`HeapError::NoDirectory`], the errors about
    /// sizes, and what the system refuses, a full disk among it.
    pub fn create_file(path: impl AsRef<Path>, size: impl IntoSize) -> Result<Self, HeapError> {
        let path = path.as_ref();
        let len = check_size(size.into_size()?)?.next_multiple_of(page_size());
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| file_error(&error, path, "create"))?;
        let backend = file
            .set_len(len as u64)
            .map_err(|error| file_error(&error, path, "size"))
            .and_then(|()| Self::of_file(file, true, path));
        if backend.is_err() {
            let _ = std::fs::remove_file(path);
        }
        backend
    }

    /// Maps the file at `path`.
    ///
    /// # Errors
    ///
    /// [`HeapError::Missing`], [`HeapError::Permission`], [`HeapError::Truncated`] if it is
    /// shorter than a page, and what the system refuses.
    pub fn open_file(path: impl AsRef<Path>) -> Result<Self, HeapError> {
        Self::open_path(path.as_ref(), true)
    }

    /// Maps the file at `path` without the right to write.
    ///
    /// # Errors
    ///
    /// As [`open_file`](Self::open_file).
    pub fn open_file_read_only(path: impl AsRef<Path>) -> Result<Self, HeapError> {
        Self::open_path(path.as_ref(), false)
    }

    /// The section, to hand to another process.
    #[must_use]
    pub fn handle(&self) -> BorrowedHandle<'_> {
        self.section.as_handle()
    }

    fn of_paging_file(label: &str, name: Option<&Name>, size: Size) -> Result<Self, HeapError> {
        let len = check_size(size)?.next_multiple_of(page_size());
        let section = section::create(name, len).map_err(|code| match code as u32 {
            ERROR_COMMITMENT_LIMIT | ERROR_NOT_ENOUGH_MEMORY => HeapError::NoAddressSpace { size },
            _ => system_error(code, label, "create"),
        })?;
        Self::map(section, true, label)
    }

    fn open_named(name: &str, writable: bool) -> Result<Self, HeapError> {
        let section = section::open(&section_name(name)?, writable)
            .map_err(|code| system_error(code, name, "open"))?;
        Self::map(section, writable, name)
    }

    fn open_path(path: &Path, writable: bool) -> Result<Self, HeapError> {
        let error = |error: std::io::Error| file_error(&error, path, "open");
        let file = OpenOptions::new().read(true).write(writable).open(path).map_err(error)?;
        let (length, needed) = (file.metadata().map_err(error)?.len(), page_size() as u64);
        if length < needed {
            return Err(HeapError::Truncated { name: label_of(path), length, needed });
        }
        Self::of_file(file, writable, path)
    }

    fn of_file(file: File, writable: bool, path: &Path) -> Result<Self, HeapError> {
        let label = label_of(path);
        let section = section::of_file(file.as_raw_handle(), writable)
            .map_err(|code| system_error(code, &label, "map"))?;
        Self::map(section, writable, &label)
    }

    fn map(section: OwnedHandle, writable: bool, label: &str) -> Result<Self, HeapError> {
        let view =
            View::new(&section, writable).map_err(|code| system_error(code, label, "map"))?;
        Ok(Self { view, section, writable })
    }
}

/// What sections without a name go by in errors.
const UNNAMED: &str = "section";

fn section_name(name: &str) -> Result<Name, HeapError> {
    if name.contains('\\') {
        return Err(HeapError::BadName { name: name.into(), why: "contains a backslash" });
    }
    Ok(Name::new(&name::file_name(name)?))
}

fn label_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn file_error(error: &std::io::Error, path: &Path, action: &'static str) -> HeapError {
    match HeapError::from_io(error, &label_of(path), action, path) {
        HeapError::Missing { .. } if action == "create" => {
            HeapError::NoDirectory { path: path.parent().unwrap_or(path).into() }
        }
        error => error,
    }
}

fn system_error(code: i32, label: &str, action: &'static str) -> HeapError {
    let error = std::io::Error::from_raw_os_error(code);
    HeapError::from_io(&error, label, action, label.as_ref())
}

// SAFETY: the view lives as long as the backend and stays where it is when the backend
// moves; the system aligns it to 64 KiB; others who map the section do so as the same
// heap; all its memory was set aside when it was made.
unsafe impl Backend for SectionBackend {
    const ALIGN: usize = sys::ALIGN;

    fn base(&self) -> NonNull<u8> {
        self.view.base()
    }

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
}

/// `url` is the section's name.
impl BackendKind for SectionBackend {
    fn create(size: Size, url: &str) -> Result<Self, HeapError> {
        Self::create(url, size)
    }

    fn attach(url: &str) -> Result<Self, HeapError> {
        Self::open(url)
    }
}
