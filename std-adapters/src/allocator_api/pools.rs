//! Pools of memory that the processor can use.

use core::alloc::Layout;
use core::ptr::NonNull;

use anymem_core::allocator_api::{Blocks, steps};
use anymem_core::impl_allocator_api;

use crate::memory::PoolMemory;
use crate::pool::{Pool, ScalablePagePool, ThreadLocalPool};

impl_allocator_api!([P: Pool] PoolMemory<P>, |memory| BlocksOf(memory.pool()));
impl_allocator_api!([] ThreadLocalPool, |pool| BlocksOf(pool));
impl_allocator_api!([] ScalablePagePool, |pool| BlocksOf(pool));

/// The blocks of a pool whose memory the processor can use, as whoever makes this has seen.
struct BlocksOf<'a, P>(&'a P);

/// Whether a block that a pool [resizes](Pool::reallocate) is aligned as the layout asks.
fn is_natural(layout: Layout, size: usize) -> bool {
    layout.align() <= size.min(align_of::<libc::max_align_t>())
}

// SAFETY: a pool's blocks are valid for as long as the pool, which is lent, and those of a
// handle's clones are the same.
unsafe impl<P: Pool> Blocks for BlocksOf<'_, P> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate(layout).ok()
    }

    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.0.allocate_zeroed(layout).ok()
    }

    unsafe fn resize(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<u8>> {
        if is_natural(layout, size) {
            // SAFETY: passed on from the caller.
            return unsafe { self.0.reallocate(block, size) }.ok();
        }
        let new = Layout::from_size_align(size, layout.align()).ok()?;
        // SAFETY: passed on from the caller.
        unsafe { steps::relocate(self, block, layout, new) }.ok().map(NonNull::cast)
    }

    /// By address alone: a block that was resized where it stands was asked for otherwise.
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, _layout: Layout) {
        // SAFETY: passed on from the caller, who has promised what there could be errors for.
        let _ = unsafe { self.0.free(block) };
    }
}
