//! Which files the program's code comes from, and where it is.

use core::ffi::{CStr, c_int, c_void};
use core::ops::Range;
use core::{ptr, slice};

use crate::sys::page_size;

/// A part of a file that is mapped to be run.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    pub(super) addresses: Range<usize>,
    /// Where the part begins in the file.
    pub(super) offset: usize,
    pub(super) file: String,
    /// Says which build of the file it is, in hexadecimal; may be empty.
    pub(super) build_id: String,
}

#[cfg(target_pointer_width = "64")]
type Header = libc::Elf64_Phdr;
#[cfg(target_pointer_width = "32")]
type Header = libc::Elf32_Phdr;

/// All of them, the program itself first.
pub(super) fn mappings() -> Vec<Mapping> {
    let mut mappings = Vec::new();
    // SAFETY: `visit` gets the list that it expects, which nobody else uses.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut mappings).cast()) };
    mappings
}

unsafe extern "C" fn visit(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    mappings: *mut c_void,
) -> c_int {
    // SAFETY: the loader describes an object that stays during the call;
    // `mappings` hands its list over.
    let (object, mappings) = unsafe { (&*object, &mut *mappings.cast::<Vec<Mapping>>()) };
    // SAFETY: so many headers are there.
    let headers = unsafe { slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) };
    let base = object.dlpi_addr as usize;
    let (file, build_id) = (file_of(object), build_id(base, headers));
    let is_code =
        |header: &&Header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_X != 0;
    for header in headers.iter().filter(is_code) {
        let before = header.p_vaddr as usize % page_size();
        let start = base + header.p_vaddr as usize - before;
        let len = (before + header.p_memsz as usize).next_multiple_of(page_size());
        mappings.push(Mapping {
            addresses: start..start + len,
            offset: header.p_offset as usize - before,
            file: file.clone(),
            build_id: build_id.clone(),
        });
    }
    0
}

/// The program itself has no name with the loader.
fn file_of(object: &libc::dl_phdr_info) -> String {
    // SAFETY: a name that is not null is a text, which stays during the call.
    let name = (!object.dlpi_name.is_null()).then(|| unsafe { CStr::from_ptr(object.dlpi_name) });
    match name.filter(|name| !name.is_empty()) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => std::env::current_exe()
            .map_or_else(|_| String::new(), |path| path.to_string_lossy().into_owned()),
    }
}

fn build_id(base: usize, headers: &[Header]) -> String {
    let is_loaded = |note: &Header| {
        let end = |header: &Header| header.p_vaddr + header.p_memsz;
        let holds = |load: &Header| load.p_vaddr <= note.p_vaddr && end(note) <= end(load);
        headers.iter().any(|load| {
            load.p_type == libc::PT_LOAD && load.p_flags & libc::PF_R != 0 && holds(load)
        })
    };
    let notes = headers.iter().filter(|header| header.p_type == libc::PT_NOTE && is_loaded(header));
    let id = notes.filter_map(|note| {
        let start = ptr::with_exposed_provenance(base + note.p_vaddr as usize);
        // SAFETY: the notes lie in a part of the object that was loaded, and
        // nobody writes there.
        let bytes: &[u8] = unsafe { slice::from_raw_parts(start, note.p_memsz as usize) };
        build_id_in(bytes, note.p_align as usize)
    });
    let digits = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect();
    id.map(digits).next().unwrap_or_default()
}

/// The build id in a list of notes: lengths of name and contents, a type, then
/// these two, each padded.
fn build_id_in(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    const TYPE: u32 = 3;
    let word =
        |notes: &[u8], at: usize| Some(u32::from_ne_bytes(notes.get(at..at + 4)?.try_into().ok()?));
    let padded = |len: u32| (len as usize).next_multiple_of(align.max(4));
    loop {
        let (name, contents, kind) = (word(notes, 0)?, word(notes, 4)?, word(notes, 8)?);
        let start = 12 + padded(name);
        if kind == TYPE && notes.get(12..)?.starts_with(b"GNU\0") {
            return notes.get(start..start + contents as usize);
        }
        notes = notes.get(start + padded(contents)..)?;
    }
}
