//! Sections: memory of files, or of the paging file, that processes map.

use core::ptr::{self, NonNull};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};

use windows_sys::Win32::Foundation::{
    ERROR_ALREADY_EXISTS, GetLastError, INVALID_HANDLE_VALUE, SetLastError,
};
use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_BASIC_INFORMATION,
    MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile, OpenFileMappingW, PAGE_READONLY, PAGE_READWRITE,
    UnmapViewOfFile, VirtualQuery,
};

use crate::sys::errno;

/// What the system calls a section: the rest of a name in this session, as it has texts.
pub(crate) struct Name(Vec<u16>);

impl Name {
    /// The section `name` of the session.
    pub(crate) fn new(name: &str) -> Self {
        Self(format!("Local\\{name}\0").encode_utf16().collect())
    }
}

/// Makes a section of `len` bytes of the paging file, all of which are set aside; the
/// system's error number if it can't, or if one of that name is there.
pub(crate) fn create(name: Option<&Name>, len: usize) -> Result<OwnedHandle, i32> {
    make(INVALID_HANDLE_VALUE, PAGE_READWRITE, name, len as u64)
}

/// Makes the section that all of a file is.
pub(crate) fn of_file(file: RawHandle, writable: bool) -> Result<OwnedHandle, i32> {
    make(file, if writable { PAGE_READWRITE } else { PAGE_READONLY }, None, 0)
}

fn make(file: RawHandle, access: u32, name: Option<&Name>, len: u64) -> Result<OwnedHandle, i32> {
    let name = name.map_or(ptr::null(), |name| name.0.as_ptr());
    let (high, low) = ((len >> 32) as u32, len as u32);
    // SAFETY: the name ends in a zero; the file is open.
    let (section, code) = unsafe {
        SetLastError(0);
        (CreateFileMappingW(file, ptr::null(), access, high, low, name), GetLastError())
    };
    let section = owned(section).ok_or(code as i32)?;
    if code == ERROR_ALREADY_EXISTS { Err(code as i32) } else { Ok(section) }
}

/// Opens the section `name`.
pub(crate) fn open(name: &Name, writable: bool) -> Result<OwnedHandle, i32> {
    // SAFETY: the name ends in a zero.
    owned(unsafe { OpenFileMappingW(rights(writable), 0, name.0.as_ptr()) }).ok_or_else(errno)
}

fn rights(writable: bool) -> u32 {
    if writable { FILE_MAP_READ | FILE_MAP_WRITE } else { FILE_MAP_READ }
}

fn owned(handle: RawHandle) -> Option<OwnedHandle> {
    // SAFETY: what is not null was just opened, and is nobody else's.
    (!handle.is_null()).then(|| unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// A whole section, mapped. The system aligns views to 64 KiB.
#[derive(Debug)]
pub(crate) struct View {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a view is an address range that it alone unmaps; it hands out no references.
unsafe impl Send for View {}
// SAFETY: as for `Send`.
unsafe impl Sync for View {}

impl View {
    /// Maps all of a section.
    pub(crate) fn new(section: &OwnedHandle, writable: bool) -> Result<Self, i32> {
        // SAFETY: the section is open; the system chooses the place.
        let view = unsafe { MapViewOfFile(section.as_raw_handle(), rights(writable), 0, 0, 0) };
        let base = NonNull::new(view.Value.cast::<u8>()).ok_or_else(errno)?;
        let mut view = Self { base, len: 0 };
        view.len = view.found_len()?;
        Ok(view)
    }

    /// The first byte.
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes, in whole pages.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn found_len(&self) -> Result<usize, i32> {
        let mut found = MEMORY_BASIC_INFORMATION::default();
        let size = size_of::<MEMORY_BASIC_INFORMATION>();
        // SAFETY: the structure is writable and has that size.
        let told = unsafe { VirtualQuery(self.base.as_ptr().cast(), &raw mut found, size) };
        if told == 0 { Err(errno()) } else { Ok(found.RegionSize) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let view = MEMORY_MAPPED_VIEW_ADDRESS { Value: self.base.as_ptr().cast() };
        // SAFETY: the view is this value's, and nobody uses it any more.
        let _ = unsafe { UnmapViewOfFile(view) };
    }
}
