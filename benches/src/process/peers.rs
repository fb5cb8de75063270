//! Peers whose crate needs a few lines before it can be measured fairly.

use core::alloc::{GlobalAlloc, Layout};
use std::alloc::System;

use spinning_top::RawSpinlock;
use talc::{
    TalcLock,
    base::{Talc, binning::Binning},
    source::Source,
};

/// The alignment of every block, whose size is at least that, of the C peers.
/// jemalloc's crate makes the same distinction.
const NATURAL_ALIGN: usize = 16;

#[inline(always)]
fn is_natural(layout: Layout, size: usize) -> bool {
    layout.align() <= NATURAL_ALIGN && layout.align() <= size
}

/// mimalloc through its plain entry points where they do.
///
/// The `mimalloc` crate sends every request through the aligned ones, which take
/// up to a fifth longer.
#[derive(Debug)]
pub(super) struct MiMalloc;

// SAFETY: mimalloc gives blocks of at least the size and alignment asked for,
// keeps them until they are freed, and may be called from any thread.
unsafe impl GlobalAlloc for MiMalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: both take any size; the alignment is a power of two.
        unsafe {
            if is_natural(layout, size) {
                libmimalloc_sys::mi_malloc(size).cast()
            } else {
                libmimalloc_sys::mi_malloc_aligned(size, align).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller got `block` from this allocator.
        unsafe { libmimalloc_sys::mi_free(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller got `block` from this allocator with `layout`.
        unsafe {
            if is_natural(layout, new_size) {
                libmimalloc_sys::mi_realloc(block.cast(), new_size).cast()
            } else {
                libmimalloc_sys::mi_realloc_aligned(block.cast(), new_size, layout.align()).cast()
            }
        }
    }
}

/// rpmalloc, with its own `realloc`.
///
/// The `rpmalloc` crate leaves `realloc` to the trait's default (allocate, copy,
/// free) and sends every request through the aligned entry point.
#[derive(Debug)]
pub(super) struct RpMalloc;

// SAFETY: rpmalloc gives blocks of at least the size and alignment asked for,
// keeps them until they are freed, and may be called from any thread.
unsafe impl GlobalAlloc for RpMalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: both take any size; the alignment is a power of two.
        unsafe {
            if is_natural(layout, size) {
                rpmalloc_sys::rpmalloc(size).cast()
            } else {
                rpmalloc_sys::rpaligned_alloc(align, size).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the caller got `block` from this allocator.
        unsafe { rpmalloc_sys::rpfree(block.cast()) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let (size, align) = (layout.size(), layout.align());
        // SAFETY: the caller got `block` from this allocator with `layout`.
        unsafe {
            if is_natural(layout, new_size) {
                rpmalloc_sys::rprealloc(block.cast(), new_size).cast()
            } else {
                rpmalloc_sys::rpaligned_realloc(block.cast(), align, new_size, size, 0).cast()
            }
        }
    }
}

/// talc behind the spin lock that its documentation uses, over a growing arena.
pub(super) static TALC: TalcLock<RawSpinlock, Arena> = TalcLock::new(Arena);

/// Claims fresh memory by the piece and never gives it back.
///
/// talc's own `GlobalAllocSource` returns its memory whenever the heap is empty,
/// which would make every pair a round trip to the operating system.
#[derive(Debug)]
pub(super) struct Arena;

impl Arena {
    /// Large enough that glibc maps it: untouched pages cost nothing.
    const PIECE: usize = 64 << 20;
    /// More than talc's own structures and rounding take of a piece.
    const SLACK: usize = 64 << 10;
}

// SAFETY: `acquire` uses only the `Talc` that it was given, and `System`.
unsafe impl Source for Arena {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let needed = layout.size().checked_add(layout.align()).ok_or(())?;
        let size = needed.checked_add(Self::SLACK).ok_or(())?.max(Self::PIECE);
        let piece = Layout::from_size_align(size, 4096).map_err(|_| ())?;
        // SAFETY: `piece` has a size.
        let start = unsafe { System.alloc(piece) };
        if start.is_null() {
            return Err(());
        }
        // SAFETY: the piece is fresh, used by nobody else and never freed.
        unsafe { talc.claim(start, size) }.map(|_| ()).ok_or(())
    }
}
