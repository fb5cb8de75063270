//! Sections of the paging file: memory that processes share, with a name or without one.

use core::ptr::NonNull;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};

use anymem_core::backend::Backend;
use windows_sys::Win32::Foundation::{ERROR_COMMITMENT_LIMIT, ERROR_NOT_ENOUGH_MEMORY};

use crate::backend::any::BackendKind;
use crate::backend::length::check_size;
use crate::backend::name;
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::sys::section::{self, Name, View};
use crate::sys::{self, page_size};

/// A whole section of the paging file, mapped (`CreateFileMapping`).
///
/// Others find it by its name, in this session, or get its [handle](Self::handle). It goes
/// with the last of its handles, in whatever process; what is to stay is a
/// [`ShmBackend`](crate::backend::ShmBackend), which is a file.
///
/// All memory is set aside when the section is made, so running out of it is an error then
/// and never later, and free memory is not given back. Who may open it is who the system
/// lets: the same user, and administrators.
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

    fn map(section: OwnedHandle, writable: bool, label: &str) -> Result<Self, HeapError> {
        let view =
            View::new(&section, writable).map_err(|code| system_error(code, label, "map"))?;
        Ok(Self { view, section, writable })
    }
}

/// What sections without a name go by in errors.
const UNNAMED: &str = "section";

fn section_name(name: &str) -> Result<Name, HeapError> {
    Ok(Name::new(&name::file_name(name)?))
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
