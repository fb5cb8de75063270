//! Heaps by name: create, open, close.

use core::ffi::{c_char, c_int};
use std::os::fd::{AsRawFd, BorrowedFd};

use anymem::{HeapError, HeapOptions, SharedHeap, Size};

use super::status::{Failure, anymem_status, status_of};
use super::text;

/// A heap that this process has open. Any thread may use it.
#[derive(Debug)]
#[expect(non_camel_case_types, reason = "the names are those of C")]
pub struct anymem_heap {
    pub(super) heap: SharedHeap,
}

/// The heap behind a handle.
///
/// # Safety
///
/// `heap` is null or an open handle that nobody closes while the answer is used.
pub(super) unsafe fn of<'a>(heap: *const anymem_heap) -> Result<&'a SharedHeap, Failure> {
    // SAFETY: passed on from the caller.
    let handle = unsafe { heap.as_ref() };
    let null = || Failure::of(anymem_status::ANYMEM_INVALID, "the handle is null");
    handle.map(|handle| &handle.heap).ok_or_else(null)
}

/// Makes what a call yields and stores it.
///
/// # Safety
///
/// `place` is null or can be written.
pub(super) unsafe fn store<T>(
    place: *mut T,
    make: impl FnOnce() -> Result<T, Failure>,
) -> anymem_status {
    if place.is_null() {
        let null = Failure::of(anymem_status::ANYMEM_INVALID, "the place for the result is null");
        return status_of(Err(null));
    }
    // SAFETY: it is not null, so it can be written.
    status_of(make().map(|value| unsafe { place.write(value) }))
}

/// As [`store`], for the handle of a heap.
///
/// # Safety
///
/// As for [`store`].
unsafe fn store_handle(
    place: *mut *mut anymem_heap,
    make: impl FnOnce() -> Result<SharedHeap, Failure>,
) -> anymem_status {
    let handle = || make().map(|heap| Box::into_raw(Box::new(anymem_heap { heap })));
    // SAFETY: passed on from the caller.
    unsafe { store(place, handle) }
}

/// Creates the heap `name` of `size` bytes, which no other heap may have.
///
/// # Safety
///
/// `name` is a text; `heap` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_create(
    name: *const c_char,
    size: usize,
    heap: *mut *mut anymem_heap,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    unsafe { store_handle(heap, || Ok(SharedHeap::create(text::of(name)?, Size::from(size))?)) }
}

/// Opens the heap `name`, or creates it if there is none.
///
/// # Safety
///
/// As for `anymem_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_open_or_create(
    name: *const c_char,
    size: usize,
    heap: *mut *mut anymem_heap,
) -> anymem_status {
    let open = || {
        // SAFETY: passed on from the caller.
        let name = unsafe { text::of(name) }?;
        Ok(SharedHeap::open_or_create(name, Size::from(size))?)
    };
    // SAFETY: passed on from the caller.
    unsafe { store_handle(heap, open) }
}

/// Opens the heap `name`.
///
/// # Safety
///
/// As for `anymem_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_open(
    name: *const c_char,
    heap: *mut *mut anymem_heap,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    unsafe { store_handle(heap, || Ok(SharedHeap::open(text::of(name)?)?)) }
}

/// Opens the heap `name` for reading only.
///
/// # Safety
///
/// As for `anymem_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_open_read_only(
    name: *const c_char,
    heap: *mut *mut anymem_heap,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    unsafe { store_handle(heap, || Ok(SharedHeap::open_read_only(text::of(name)?)?)) }
}

/// Creates a heap without a name; `label` is for people. Other processes get it
/// by its file (see `anymem_file`).
///
/// # Safety
///
/// As for `anymem_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_create_memory_file(
    label: *const c_char,
    size: usize,
    heap: *mut *mut anymem_heap,
) -> anymem_status {
    let create = || {
        // SAFETY: passed on from the caller.
        let label = unsafe { text::of(label) }?;
        Ok(HeapOptions::new().create_memfd(label, Size::from(size))?)
    };
    // SAFETY: passed on from the caller.
    unsafe { store_handle(heap, create) }
}

/// Opens the heap in a file that another process handed over. The descriptor
/// stays the caller's.
///
/// # Safety
///
/// `heap` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_attach(file: c_int, heap: *mut *mut anymem_heap) -> anymem_status {
    let attach = || {
        if file < 0 {
            return Err(Failure::of(anymem_status::ANYMEM_INVALID, "not a file descriptor"));
        }
        // SAFETY: it is not -1; one that is not open is an error of the system.
        let file = unsafe { BorrowedFd::borrow_raw(file) }.try_clone_to_owned();
        let file = file.map_err(|error| Failure::of(anymem_status::ANYMEM_INVALID, error))?;
        Ok(SharedHeap::attach(file)?)
    };
    // SAFETY: passed on from the caller.
    unsafe { store_handle(heap, attach) }
}

/// The descriptor of the heap's file, to hand to another process; -1 for null.
/// It is closed with the heap.
///
/// # Safety
///
/// `heap` is null or an open handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_file(heap: *const anymem_heap) -> c_int {
    // SAFETY: passed on from the caller.
    unsafe { of(heap) }.map_or(-1, |heap| heap.file().as_raw_fd())
}

/// Closes a handle. With the last one of this process the heap is unmapped;
/// others who have it open, its contents and its name stay.
///
/// # Safety
///
/// `heap` is null or an open handle, which is not used afterwards. If it is the
/// last one, nothing in the heap is in use in this process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_close(heap: *mut anymem_heap) -> anymem_status {
    if heap.is_null() {
        return anymem_status::ANYMEM_OK;
    }
    // SAFETY: open handles come from `store_handle`.
    let heap = unsafe { Box::from_raw(heap) }.heap;
    // SAFETY: passed on from the caller.
    status_of(match unsafe { heap.detach() } {
        Ok(()) | Err(HeapError::InUse { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    })
}

/// Takes the name `name` away from its heap, which goes when no process has it
/// open any more.
///
/// # Safety
///
/// `name` is a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_unlink(name: *const c_char) -> anymem_status {
    // SAFETY: passed on from the caller.
    let name = unsafe { text::of(name) };
    status_of(name.and_then(|name| Ok(SharedHeap::unlink(name)?)))
}

/// Takes back what dead processes held, as is done by itself when heap slots run
/// out; how many slots that were.
///
/// # Safety
///
/// `heap` is null or an open handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_recover(heap: *const anymem_heap) -> usize {
    // SAFETY: passed on from the caller.
    unsafe { of(heap) }.map_or(0, SharedHeap::recover)
}
