//! The calls of [`Allocator`](super::Allocator), by way of [`Blocks`].
//!
//! For [`impl_allocator_api!`](crate::impl_allocator_api); collections call the trait.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use super::{AllocError, Blocks};

/// A block with its length, or none.
pub type Made = Result<NonNull<[u8]>, AllocError>;

/// A block of `layout`.
///
/// # Errors
///
/// There is no room.
#[inline]
pub fn allocate(blocks: &(impl Blocks + ?Sized), layout: Layout) -> Made {
    if layout.size() == 0 {
        return nothing(layout);
    }
    sized(blocks.allocate(layout), layout)
}

/// A block of `layout` whose bytes are zero.
///
/// # Errors
///
/// There is no room.
#[inline]
pub fn allocate_zeroed(blocks: &(impl Blocks + ?Sized), layout: Layout) -> Made {
    if layout.size() == 0 {
        return nothing(layout);
    }
    sized(blocks.allocate_zeroed(layout), layout)
}

/// Frees a block.
///
/// # Safety
///
/// `block` is a live block of these that has `layout`, and is not used afterwards.
#[inline]
pub unsafe fn deallocate(blocks: &(impl Blocks + ?Sized), block: NonNull<u8>, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: passed on from the caller.
        unsafe { blocks.free(block, layout) };
    }
}

/// Makes a block larger or smaller, or otherwise aligned.
///
/// # Errors
///
/// There is no room; the block is untouched.
///
/// # Safety
///
/// As for [`deallocate`].
#[inline]
pub unsafe fn resize(
    blocks: &(impl Blocks + ?Sized),
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Made {
    if old.size() == 0 || new.size() == 0 || old.align() != new.align() {
        // SAFETY: passed on from the caller.
        return unsafe { relocate(blocks, block, old, new) };
    }
    // SAFETY: passed on from the caller; the new size is a layout's, and not 0.
    sized(unsafe { blocks.resize(block, old, new.size()) }, new)
}

/// Makes a block larger, by zeroes.
///
/// # Errors
///
/// There is no room; the block is untouched.
///
/// # Safety
///
/// As for [`deallocate`]; `new` is not smaller than `old`.
#[inline]
pub unsafe fn grow_zeroed(
    blocks: &(impl Blocks + ?Sized),
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Made {
    // SAFETY: passed on from the caller.
    let grown = unsafe { resize(blocks, block, old, new) }?;
    // SAFETY: it has as many bytes as `new`, which are as many as those of `old` or more.
    let rest = unsafe { grown.cast::<u8>().add(old.size()) };
    // SAFETY: as above; nobody else has the block.
    unsafe { rest.write_bytes(0, new.size() - old.size()) };
    Ok(grown)
}

/// Makes a block larger or smaller, or otherwise aligned, by moving it.
///
/// # Errors
///
/// There is no room; the block is untouched.
///
/// # Safety
///
/// As for [`deallocate`].
pub unsafe fn relocate(
    blocks: &(impl Blocks + ?Sized),
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Made {
    let moved = allocate(blocks, new)?;
    // SAFETY: both blocks have that many bytes.
    unsafe { moved.cast::<u8>().copy_from(block, old.size().min(new.size())) };
    // SAFETY: passed on from the caller.
    unsafe { deallocate(blocks, block, old) };
    Ok(moved)
}

/// The block of no bytes, which takes no memory.
fn nothing(layout: Layout) -> Made {
    sized(NonNull::new(ptr::without_provenance_mut(layout.align())), layout)
}

#[inline]
fn sized(block: Option<NonNull<u8>>, layout: Layout) -> Made {
    let block = block.ok_or(AllocError)?;
    Ok(NonNull::slice_from_raw_parts(block, layout.size()))
}
