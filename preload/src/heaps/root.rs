//! Named roots: how processes find each other's blocks.

use core::ffi::c_char;

use anymem::container::Fingerprint;
use anymem::offset::Offset;
use anymem::segment::{Roots, TypeTag};

use super::block::{anymem_offset, offset};
use super::handle::{of, store};
use super::status::{Failure, anymem_status, status_of};
use super::{anymem_heap, text};

/// Runs `call` with the root's name and what is said of its type.
///
/// # Safety
///
/// `name` and `type_name` are texts.
unsafe fn with_tag<R>(
    name: *const c_char,
    type_name: *const c_char,
    size: usize,
    call: impl FnOnce(&str, &TypeTag<'_>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    // SAFETY: passed on from the caller.
    let (name, type_name) = unsafe { (text::of(name)?, text::of(type_name)?) };
    // Of the whole name: in the heap it may be cut off.
    let fingerprint = Fingerprint::new(type_name, size, 1).finish();
    call(name, &TypeTag { name: type_name, size, align: 1, fingerprint, members: &[] })
}

/// Does `call` with the heap's roots, the name and what is said of the type, and
/// puts the place that it answers at `at`.
///
/// # Safety
///
/// As for `anymem_find`.
unsafe fn locate(
    heap: *const anymem_heap,
    name: *const c_char,
    type_name: *const c_char,
    size: usize,
    at: *mut anymem_offset,
    call: fn(&Roots<'_>, &str, &TypeTag<'_>) -> Result<Offset, Failure>,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    let located = || unsafe {
        let roots = of(heap)?.roots();
        let found = with_tag(name, type_name, size, |name, tag| call(&roots, name, tag))?;
        Ok(found.get() as anymem_offset)
    };
    // SAFETY: passed on from the caller.
    unsafe { store(at, located) }
}

/// Names the value at `at`, so that any process finds it. `type_name` says of
/// which type it is and should change when the type does; `size` is its size.
///
/// # Safety
///
/// `heap` is an open handle; `name` and `type_name` are texts; such a value is
/// there, and stays for as long as it has a name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_bind(
    heap: *const anymem_heap,
    name: *const c_char,
    type_name: *const c_char,
    size: usize,
    at: anymem_offset,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    let bound = unsafe { of(heap) }.and_then(|heap| unsafe {
        with_tag(name, type_name, size, |name, tag| {
            Ok(heap.roots().bind(name, tag, offset(at)?)?)
        })
    });
    status_of(bound)
}

/// Finds the value `name` of that type and size.
///
/// # Safety
///
/// `heap` is an open handle; `name` and `type_name` are texts; `at` can be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_find(
    heap: *const anymem_heap,
    name: *const c_char,
    type_name: *const c_char,
    size: usize,
    at: *mut anymem_offset,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    unsafe {
        locate(heap, name, type_name, size, at, |roots, name, tag| Ok(roots.find(name, tag)?))
    }
}

/// Takes the name away from its value; where that is goes to `at`.
///
/// # Safety
///
/// As for `anymem_find`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_unbind(
    heap: *const anymem_heap,
    name: *const c_char,
    type_name: *const c_char,
    size: usize,
    at: *mut anymem_offset,
) -> anymem_status {
    // SAFETY: passed on from the caller.
    unsafe {
        locate(heap, name, type_name, size, at, |roots, name, tag| Ok(roots.unbind(name, tag)?))
    }
}
