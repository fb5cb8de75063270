//! The C library's heap behind the allocator trait.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};

use anymem_core::allocator::{AllocError, Allocator, FreeError, Stats, TlsFull};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::{Context, ThreadModel};

use crate::attached::HeapKind;
use crate::thread::PthreadModel;

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

/// What `malloc` aligns to without being asked.
const PLAIN: usize = align_of::<libc::max_align_t>();

impl MallocAllocator {
    /// An allocator that calls itself `id`.
    #[must_use]
    pub const fn new(id: AllocatorId) -> Self {
        Self { id, live: AtomicUsize::new(0), blocks: AtomicUsize::new(0) }
    }

    /// Counts a new block and gives its offset.
    fn count(&self, block: *mut u8, requested: usize) -> Result<Offset, AllocError> {
        let block = NonNull::new(block).ok_or(AllocError::Full { requested })?;
        self.live.fetch_add(size_of_block(block), Ordering::Relaxed);
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

fn size_of_block(block: NonNull<u8>) -> usize {
    // SAFETY: this module calls it with live blocks of `malloc` only.
    unsafe { libc::malloc_usable_size(block.as_ptr().cast()) }
}

fn aligned(layout: Layout) -> *mut u8 {
    let mut block = ptr::null_mut();
    // SAFETY: the alignment is a power of two and a multiple of a pointer's.
    let result =
        unsafe { libc::posix_memalign(&raw mut block, layout.align(), layout.size().max(1)) };
    if result == 0 { block.cast() } else { ptr::null_mut() }
}

// SAFETY: blocks are those of the C library, aligned as asked for and valid
// until they are freed.
unsafe impl Allocator for MallocAllocator {
    fn id(&self) -> AllocatorId {
        self.id
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        &PthreadModel
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        Ok(Context::DEFAULT)
    }

    unsafe fn free_tls(&self, _context: Context) {}

    fn allocate(&self, _context: Context, layout: Layout) -> Result<Offset, AllocError> {
        let block = match layout.align() {
            // SAFETY: `malloc` takes any size.
            ..=PLAIN => unsafe { libc::malloc(layout.size().max(1)).cast() },
            _ => aligned(layout),
        };
        self.count(block, layout.size())
    }

    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        if layout.align() <= PLAIN {
            // SAFETY: `calloc` takes any size.
            let block = unsafe { libc::calloc(1, layout.size().max(1)) };
            return self.count(block.cast(), layout.size());
        }
        let at = self.allocate(context, layout)?;
        // SAFETY: the block is new and has that many bytes.
        unsafe { pointer(at).write_bytes(0, layout.size()) };
        Ok(at)
    }

    unsafe fn reallocate(
        &self,
        context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        let too_large = AllocError::TooLarge { requested: new_size };
        let new_layout =
            Layout::from_size_align(new_size, layout.align()).map_err(|_| too_large)?;
        let old = NonNull::new(pointer(at)).ok_or(AllocError::Corrupt)?;
        if layout.align() <= PLAIN {
            let before = size_of_block(old);
            // SAFETY: the block is live (contract), and the size is not 0.
            let new = unsafe { libc::realloc(old.as_ptr().cast(), new_size.max(1)) };
            let new = self.count(new.cast(), new_size)?;
            self.uncount(before);
            return Ok(new);
        }
        let new = self.allocate(context, new_layout)?;
        // SAFETY: both blocks are live, different, and have that many bytes.
        unsafe { pointer(new).copy_from_nonoverlapping(old.as_ptr(), layout.size().min(new_size)) };
        // SAFETY: passed on from the caller; the contents have moved.
        let _ = unsafe { self.free(context, at, layout) };
        Ok(new)
    }

    unsafe fn free(&self, _context: Context, at: Offset, _layout: Layout) -> Result<(), FreeError> {
        let block = NonNull::new(pointer(at)).ok_or(FreeError::NotABlock)?;
        self.uncount(size_of_block(block));
        // SAFETY: the block is live and not used afterwards (contract).
        unsafe { libc::free(block.as_ptr().cast()) };
        Ok(())
    }

    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        NonNull::new(pointer(at)).map_or(layout.size(), size_of_block)
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
