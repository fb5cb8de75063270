//! The C library's heap behind the allocator trait.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};

use anymem_core::allocator::{AllocError, Allocator, FreeError, Stats, TlsFull};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::{Context, ThreadModel};

use crate::attached::HeapKind;
use crate::sys::c_heap;
use crate::thread::SystemModel;

/// Blocks of `malloc`; an offset is an address.
///
/// For code that takes any allocator and needs no sharing: the offsets mean
/// nothing in another process, and containers cannot find it by its id. What it
/// is given to free is not checked.
#[derive(Debug)]
pub struct MallocAllocator {
    id: AllocatorId,
    live: AtomicUsize,
    blocks: AtomicUsize,
}

impl MallocAllocator {
    /// An allocator that calls itself `id`.
    #[must_use]
    pub const fn new(id: AllocatorId) -> Self {
        Self { id, live: AtomicUsize::new(0), blocks: AtomicUsize::new(0) }
    }

    /// Counts a new block and gives its offset.
    fn count(&self, block: *mut u8, layout: Layout) -> Result<Offset, AllocError> {
        let requested = layout.size();
        let block = NonNull::new(block).ok_or(AllocError::Full { requested })?;
        // SAFETY: the block is new.
        let size = unsafe { c_heap::usable_size(block, layout) };
        self.live.fetch_add(size, Ordering::Relaxed);
        self.blocks.fetch_add(1, Ordering::Relaxed);
        Ok(Offset::new(block.as_ptr().expose_provenance()))
    }

    fn uncount(&self, size: usize) {
        self.live.fetch_sub(size, Ordering::Relaxed);
        self.blocks.fetch_sub(1, Ordering::Relaxed);
    }
}

fn pointer(at: Offset) -> *mut u8 {
    ptr::with_exposed_provenance_mut(at.get())
}

// SAFETY: blocks are those of the C library, aligned as asked for and valid
// until they are freed.
unsafe impl Allocator for MallocAllocator {
    fn id(&self) -> AllocatorId {
        self.id
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        &SystemModel
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        Ok(Context::DEFAULT)
    }

    unsafe fn free_tls(&self, _context: Context) {}

    fn allocate(&self, _context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.count(c_heap::allocate(layout), layout)
    }

    fn allocate_zeroed(&self, _context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.count(c_heap::allocate_zeroed(layout), layout)
    }

    unsafe fn reallocate(
        &self,
        _context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        let too_large = AllocError::TooLarge { requested: new_size };
        let new_layout =
            Layout::from_size_align(new_size, layout.align()).map_err(|_| too_large)?;
        let old = NonNull::new(pointer(at)).ok_or(AllocError::Corrupt)?;
        // SAFETY: the block is live (contract).
        let before = unsafe { c_heap::usable_size(old, layout) };
        // SAFETY: passed on from the caller.
        let new = self.count(unsafe { c_heap::reallocate(old, layout, new_size) }, new_layout)?;
        self.uncount(before);
        Ok(new)
    }

    unsafe fn free(&self, _context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        let block = NonNull::new(pointer(at)).ok_or(FreeError::NotABlock)?;
        // SAFETY: the block is live and not used afterwards (contract).
        unsafe {
            self.uncount(c_heap::usable_size(block, layout));
            c_heap::free(block, layout);
        }
        Ok(())
    }

    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        // SAFETY: passed on from the caller.
        NonNull::new(pointer(at))
            .map_or(layout.size(), |block| unsafe { c_heap::usable_size(block, layout) })
    }

    /// The address that `at` is. Whether it is one of `malloc` is not known.
    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        at.get().checked_add(size)?;
        NonNull::new(pointer(at))
    }

    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        Some(Offset::new(ptr.as_ptr().expose_provenance()))
    }

    /// Live bytes and blocks; everything else is the C library's affair.
    fn stats(&self) -> Stats {
        let live = self.live.load(Ordering::Relaxed);
        let live_blocks = self.blocks.load(Ordering::Relaxed);
        Stats { live, live_blocks, committed: live, ..Stats::EMPTY }
    }
}

impl HeapKind for MallocAllocator {
    fn has_slots(&self) -> bool {
        false
    }

    fn span(&self) -> Option<(NonNull<u8>, usize)> {
        None
    }
}
