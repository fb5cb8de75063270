//! Blocks of a heap, by offset and by pointer.

use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

use anymem::allocator::Allocator;
use anymem::offset::Offset;
use anymem::thread::Context;

use super::anymem_heap;
use super::handle::{of, store};
use super::status::{Failure, anymem_status, status_of};

/// Where something is in a heap, in bytes from its start: the same in every
/// process. 0 is nowhere.
#[expect(non_camel_case_types, reason = "the names are those of C")]
pub type anymem_offset = u64;

/// The offset that a number of C's is.
pub(super) fn offset(at: anymem_offset) -> Result<Offset, Failure> {
    let at = usize::try_from(at);
    at.map(Offset::new).map_err(|error| Failure::of(anymem_status::ANYMEM_INVALID, error))
}

/// Allocates a block of `size` bytes, aligned to `align` in this process: a
/// power of two, or 0 for what suits any plain type.
///
/// # Safety
///
/// `heap` is an open handle; `at` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_allocate(
    heap: *const anymem_heap,
    size: usize,
    align: usize,
    at: *mut anymem_offset,
) -> anymem_status {
    let align = if align == 0 { align_of::<libc::max_align_t>() } else { align };
    let allocate = || {
        // SAFETY: passed on from the caller.
        let heap = unsafe { of(heap) }?;
        let layout = Layout::from_size_align(size, align)
            .map_err(|error| Failure::of(anymem_status::ANYMEM_INVALID, error))?;
        Ok(heap.allocate(Context::DEFAULT, layout)?.get() as anymem_offset)
    };
    // SAFETY: passed on from the caller.
    unsafe { store(at, allocate) }
}

/// Frees a block, whichever process allocated it. 0 is left alone.
///
/// # Safety
///
/// `heap` is an open handle; no process uses the block afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_free(heap: *const anymem_heap, at: anymem_offset) -> anymem_status {
    let free = || {
        // SAFETY: passed on from the caller.
        let heap = unsafe { of(heap) }?;
        if at == 0 {
            return Ok(());
        }
        // SAFETY: passed on from the caller.
        Ok(unsafe { heap.free_unsized(offset(at)?) }?)
    };
    status_of(free())
}

/// Bytes of a block that may be used; 0 where no block starts.
///
/// # Safety
///
/// `heap` is null or an open handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_usable_size(heap: *const anymem_heap, at: anymem_offset) -> usize {
    // SAFETY: passed on from the caller.
    let heap = unsafe { of(heap) };
    heap.and_then(|heap| Ok(heap.usable_size_of(offset(at)?))).ok().flatten().unwrap_or(0)
}

/// The address in this process of `size` bytes at `at`; null if they are not
/// all in the heap, or `at` is 0.
///
/// # Safety
///
/// `heap` is null or an open handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_pointer(
    heap: *const anymem_heap,
    at: anymem_offset,
    size: usize,
) -> *mut c_void {
    let resolve = || {
        // SAFETY: passed on from the caller.
        let heap = unsafe { of(heap) }.ok()?;
        heap.resolve(offset(at).ok().filter(|_| at != 0)?, size)
    };
    resolve().map_or(ptr::null_mut(), |start| start.as_ptr().cast())
}

/// The offset of an address; 0 if it is not in the heap.
///
/// # Safety
///
/// `heap` is null or an open handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_offset_of(
    heap: *const anymem_heap,
    place: *const c_void,
) -> anymem_offset {
    let find = || {
        // SAFETY: passed on from the caller.
        let heap = unsafe { of(heap) }.ok()?;
        heap.offset_of(NonNull::new(place.cast_mut().cast())?)
    };
    find().map_or(0, |at| at.get() as anymem_offset)
}
