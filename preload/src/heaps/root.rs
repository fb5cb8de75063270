//! Named roots: how processes find each other's blocks.

use core::ffi::c_char;

use anymem::segment::TypeTag;

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
    let fingerprint = fingerprint(type_name.as_bytes());
    call(name, &TypeTag { name: type_name, size, align: 1, fingerprint })
}

/// FNV-1a, so that names which are cut off in the heap differ as well.
fn fingerprint(text: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    text.iter().fold(start, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
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
    let find = || unsafe {
        let roots = of(heap)?.roots();
        let found = with_tag(name, type_name, size, |name, tag| Ok(roots.find(name, tag)?))?;
        Ok(found.get() as anymem_offset)
    };
    // SAFETY: passed on from the caller.
    unsafe { store(at, find) }
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
    let unbind = || unsafe {
        let roots = of(heap)?.roots();
        let unbound = with_tag(name, type_name, size, |name, tag| Ok(roots.unbind(name, tag)?))?;
        Ok(unbound.get() as anymem_offset)
    };
    // SAFETY: passed on from the caller.
    unsafe { store(at, unbind) }
}
