//! jemalloc's calls, for the blocks of one pool.

use core::ffi::c_int;
use core::ptr::NonNull;

use tikv_jemalloc_sys::{
    MALLOCX_ALIGN, MALLOCX_ARENA, MALLOCX_TCACHE_NONE, MALLOCX_ZERO, dallocx, mallocx, rallocx,
    sallocx,
};

use super::arenas::Arenas;
use crate::pool::feed::Feed;
use crate::pool::fronted::Library;
use crate::pool::lane_sizes::LaneSizes;

/// What jemalloc rounds sizes up to below 16 KiB, if pages are of 4 KiB: four for each
/// doubling, and no finer than 16 bytes.
const SIZES: [usize; 35] = {
    let (mut sizes, mut index, mut size, mut step) = ([0; 35], 0, 16, 16);
    while index < sizes.len() {
        sizes[index] = size;
        index += 1;
        step = if size == step * 8 { step * 2 } else { step };
        size += step;
    }
    sizes
};

const _: () = assert!(SIZES[0] == 16 && SIZES[7] == 128 && SIZES[8] == 160 && SIZES[34] == 14336);

/// jemalloc, for the blocks of one pool.
///
/// Its own thread caches are not asked: they would hand blocks of one pool to another.
pub(super) struct Heap {
    arenas: Arenas,
}

impl Heap {
    pub(super) fn new(arenas: Arenas) -> Self {
        Self { arenas }
    }

    fn flags(&self, align: usize) -> c_int {
        MALLOCX_ALIGN(align) | MALLOCX_ARENA(self.arenas.mine() as usize) | MALLOCX_TCACHE_NONE
    }
}

// SAFETY: jemalloc cuts slabs into blocks of one size, and every larger block is an extent
// of whole pages.
unsafe impl Library for Heap {
    const SIZES: &'static LaneSizes = &LaneSizes::new(16, &SIZES, 16 << 10);

    fn feed(&self) -> &Feed {
        self.arenas.hooks().feed()
    }

    fn allocate(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        // SAFETY: the size is not 0, and the alignment a power of two.
        NonNull::new(unsafe { mallocx(size, self.flags(align)) }.cast())
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        // SAFETY: as in `allocate`.
        NonNull::new(unsafe { mallocx(size, self.flags(align) | MALLOCX_ZERO) }.cast())
    }

    unsafe fn free(&self, block: NonNull<u8>) -> bool {
        // SAFETY: passed on from the caller.
        unsafe { dallocx(block.as_ptr().cast(), MALLOCX_TCACHE_NONE) };
        true
    }

    unsafe fn resize(&self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        // SAFETY: passed on from the caller.
        NonNull::new(unsafe { rallocx(block.as_ptr().cast(), size, self.flags(1)) }.cast())
    }

    unsafe fn size_of(&self, block: NonNull<u8>) -> usize {
        // SAFETY: passed on from the caller.
        unsafe { sallocx(block.as_ptr().cast(), 0) }
    }

    fn trim(&self) {
        self.arenas.purge();
    }
}
