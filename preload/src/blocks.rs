//! Blocks of the process's heap: the fast ways, and everything else.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use anymem::ProcessHeap;
use anymem::allocator::{Allocator, FreeError};
use anymem::offset::Offset;
use anymem::size_class::GRAIN;
use anymem::thread::Context;
use anymem::verdict;

use crate::process::HEAP;
use crate::{early, errno, heap, place, thread};

/// What every block is aligned to.
pub(crate) const PLAIN: usize = GRAIN;

/// The sizes that come first.
const SMALL: usize = 1024;

/// Blocks up to this many bytes are kept when they shrink by less than half.
const KEPT: usize = 64 << 10;

/// A block of `size` bytes; null, and `errno` set, where there is no room.
#[inline(always)]
pub(crate) fn allocate(size: usize) -> *mut u8 {
    // Most blocks are small, and for small ones least is to be computed.
    match if size <= SMALL { at_hand(size, PLAIN) } else { None } {
        Some(block) => block.as_ptr(),
        None => allocate_larger(size),
    }
}

#[inline(never)]
extern "C" fn allocate_larger(size: usize) -> *mut u8 {
    at_hand(size, PLAIN).map_or_else(|| allocate_slow(size, PLAIN), NonNull::as_ptr)
}

/// As [`allocate`], aligned to `align`, a power of two.
pub(crate) fn allocate_aligned(size: usize, align: usize) -> *mut u8 {
    at_hand(size, align.max(PLAIN)).map_or_else(|| allocate_slow(size, align), NonNull::as_ptr)
}

/// A block from the thread's own stock.
#[inline(always)]
fn at_hand(size: usize, align: usize) -> Option<NonNull<u8>> {
    let layout = Layout::from_size_align(size, align).ok()?;
    place::get()?.try_allocate(layout)
}

#[cold]
#[inline(never)]
extern "C" fn allocate_slow(size: usize, align: usize) -> *mut u8 {
    let layout = Layout::from_size_align(size, align.max(PLAIN)).ok();
    or_no_memory(layout.and_then(allocate_layout))
}

fn allocate_layout(layout: Layout) -> Option<NonNull<u8>> {
    let Some(heap) = heap::get() else { return early::allocate(layout) };
    let block = match thread::with(|heap| heap.allocate(layout).ok()) {
        Some(block) => block,
        None => heap.resolve(heap.allocate(Context::DEFAULT, layout).ok()?, layout.size()),
    };
    block.inspect(|block| observe(*block, layout.size()))
}

/// Tells of a new block, if somebody wants to know.
fn observe(block: NonNull<u8>, size: usize) {
    if let Some(observer) = HEAP.observer() {
        let _errno = errno::keep();
        observer.allocated(block, size);
    }
}

/// As [`allocate`], of zeroes.
#[inline(always)]
pub(crate) fn allocate_zeroed(size: usize) -> *mut u8 {
    match if size <= SMALL { at_hand(size, PLAIN) } else { None } {
        Some(block) => {
            // SAFETY: the block is that long and nobody else's.
            unsafe { block.write_bytes(0, size) };
            block.as_ptr()
        }
        None => zeroed_slow(size),
    }
}

#[inline(never)]
extern "C" fn zeroed_slow(size: usize) -> *mut u8 {
    or_no_memory(Layout::from_size_align(size, PLAIN).ok().and_then(zeroed_layout))
}

/// Leaves memory alone that is known to be zero.
fn zeroed_layout(layout: Layout) -> Option<NonNull<u8>> {
    let Some(heap) = heap::get() else { return early::allocate(layout) };
    let block = match thread::with(|heap| heap.allocate_zeroed(layout).ok()) {
        Some(block) => block,
        None => heap.resolve(heap.allocate_zeroed(Context::DEFAULT, layout).ok()?, layout.size()),
    };
    block.inspect(|block| observe(*block, layout.size()))
}

fn or_no_memory(block: Option<NonNull<u8>>) -> *mut u8 {
    if block.is_none() {
        errno::set(libc::ENOMEM);
    }
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}

/// Frees a block; `errno` stays as it is. Null and what is nobody's block are
/// left alone.
///
/// # Safety
///
/// Nobody uses the block afterwards.
#[inline(always)]
pub(crate) unsafe fn free(block: *mut u8) {
    if let Some(heap) = place::get()
        && let Some(block) = NonNull::new(block)
        // SAFETY: passed on from the caller.
        && unsafe { heap.try_free_unsized(block) }
    {
        return;
    }
    free_slow(block);
}

#[cold]
#[inline(never)]
extern "C" fn free_slow(block: *mut u8) {
    let Some((block, heap, at)) = known(block) else { return unknown(block) };
    let _errno = errno::keep();
    if let Some(observer) = HEAP.observer() {
        observer.freed(block);
    }
    // SAFETY: passed on from the caller of `free`.
    let freed = thread::with(|heap| unsafe { heap.free_unsized(block) });
    // SAFETY: as above.
    verdict::on_free(block, freed.unwrap_or_else(|| unsafe { heap.free_unsized(at) }));
}

/// Judges what is not in the heap: null, from before there was one, or no block.
fn unknown(block: *mut u8) {
    if let Some(block) = NonNull::new(block)
        && early::size_of(block).is_none()
    {
        verdict::on_free(block, Err(FreeError::Outside));
    }
}

/// The block with where it is, if it is in the heap.
fn known(block: *mut u8) -> Option<(NonNull<u8>, &'static ProcessHeap, Offset)> {
    let block = NonNull::new(block)?;
    let heap = heap::get()?;
    Some((block, heap, heap.offset_of(block)?))
}

/// Bytes of a block that may be used; 0 for what is nobody's block.
#[inline(always)]
pub(crate) fn usable_size(block: *mut u8) -> usize {
    if let (Some(heap), Some(block)) = (place::get(), NonNull::new(block))
        // SAFETY: callers ask for live blocks.
        && let Some(size) = unsafe { heap.try_usable_size(block) }
    {
        return size;
    }
    usable_size_slow(block)
}

#[cold]
#[inline(never)]
extern "C" fn usable_size_slow(block: *mut u8) -> usize {
    let in_heap = known(block).and_then(|(_, heap, at)| heap.usable_size_of(at));
    in_heap.or_else(|| early::size_of(NonNull::new(block)?)).unwrap_or(0)
}

/// A block of `size` bytes with the contents of `block`, which is freed; null,
/// and `errno` set, where there is no room: then it is not.
///
/// # Safety
///
/// `block` is a live block that nobody uses afterwards, unless null is answered.
#[inline(always)]
pub(crate) unsafe fn resize(block: *mut u8, size: usize) -> *mut u8 {
    let usable = usable_size(block);
    if cfg!(feature = "secure") {
        // The heap has to hear of it: it knows where the user's bytes end.
        // SAFETY: passed on from the caller.
        return or_no_memory(unsafe { reallocate(block, usable, size) });
    }
    if usable <= KEPT && (usable / 2..=usable).contains(&size) {
        return block;
    }
    // SAFETY: passed on from the caller.
    unsafe { replace(block, usable, size) }
}

/// # Safety
///
/// As for [`resize`]; `block` has `usable` bytes.
#[inline(never)]
unsafe extern "C" fn replace(block: *mut u8, usable: usize, size: usize) -> *mut u8 {
    if size <= KEPT
        && let Some(new) = NonNull::new(allocate(size))
    {
        // SAFETY: both are live blocks of that many bytes; the old one is not
        // used afterwards.
        unsafe {
            new.copy_from_nonoverlapping(NonNull::new_unchecked(block), usable.min(size));
            free(block);
        }
        return new.as_ptr();
    }
    // SAFETY: passed on from the caller.
    or_no_memory(unsafe { reallocate(block, usable, size) })
}

/// # Safety
///
/// As for [`resize`].
unsafe fn reallocate(block: *mut u8, usable: usize, size: usize) -> Option<NonNull<u8>> {
    let Some((block, heap, at)) = known(block) else {
        unknown(block);
        // SAFETY: passed on from the caller.
        return unsafe { copy_out(NonNull::new(block)?, usable, size) };
    };
    // A block's own size leads to its class again.
    let layout = Layout::from_size_align(usable, PLAIN).ok()?;
    let resize = || {
        // SAFETY: passed on from the caller.
        match thread::with(|heap| unsafe { heap.reallocate(block, layout, size) }) {
            Some(moved) => verdict::on_resize(block, moved),
            None => {
                // SAFETY: as above.
                let moved = unsafe { heap.reallocate(Context::DEFAULT, at, layout, size) };
                heap.resolve(verdict::on_resize(block, moved)?, size)
            }
        }
    };
    match HEAP.observer() {
        Some(observer) => observer.resized(block, size, resize),
        None => resize(),
    }
}

/// Copies a block that is not in the heap to one that is, if that can be had.
///
/// # Safety
///
/// `block` is a live block of `usable` bytes.
unsafe fn copy_out(block: NonNull<u8>, usable: usize, size: usize) -> Option<NonNull<u8>> {
    early::size_of(block)?;
    let new = allocate_layout(Layout::from_size_align(size, PLAIN).ok()?)?;
    // SAFETY: both hold that many bytes, and the new one is nobody else's.
    unsafe { new.copy_from_nonoverlapping(block, usable.min(size)) };
    Some(new)
}
