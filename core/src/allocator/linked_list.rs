//! A first-fit list for heaps of a few KiB, where slabs would waste.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use linked_list_allocator::Heap;
use spin::Mutex;

use super::{AllocError, Allocator, FreeError, Stats, TlsFull};
use crate::backend::Backend;
use crate::offset::{AllocatorId, Offset};
use crate::thread::{Bare, Context, ThreadModel};

/// The `linked_list_allocator` crate behind the [`Allocator`] trait.
///
/// Its list threads through free memory by address, and a spin lock guards it:
/// it serves the threads of one process, cannot be attached by another, and
/// trusts what is written in free blocks.
///
/// ```
/// use anymem_core::allocator::{Allocator, LinkedListAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::offset::AllocatorId;
/// use anymem_core::thread::{Bare, Context};
/// use core::alloc::Layout;
///
/// let mut memory = [0_u8; 2048];
/// let backend = ArrayBackend::<16>::new(&mut memory);
/// let heap = LinkedListAllocator::new(backend, Bare, AllocatorId::new(0, 3));
/// assert!(heap.allocate(Context::DEFAULT, Layout::new::<[u8; 1000]>()).is_ok());
/// assert!(heap.allocate(Context::DEFAULT, Layout::new::<[u8; 2000]>()).is_err());
/// ```
pub struct LinkedListAllocator<B, T = Bare> {
    heap: Mutex<Heap>,
    backend: B,
    model: T,
    id: AllocatorId,
}

impl<B, T> fmt::Debug for LinkedListAllocator<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkedListAllocator({})", self.id)
    }
}

/// Bytes kept free at the start, so that no block is at offset 0, which is
/// null.
const FIRST: usize = 16;

impl<B: Backend, T: ThreadModel> LinkedListAllocator<B, T> {
    /// A heap in `backend`; whatever was in it is lost.
    pub fn new(backend: B, model: T, id: AllocatorId) -> Self {
        let mut heap = Heap::empty();
        let len = backend.len().saturating_sub(FIRST);
        if len > 4 * size_of::<usize>()
            && !backend.read_only()
            && backend.commit(Offset::NULL, backend.len()).is_ok()
        {
            // SAFETY: `FIRST..len` lies within the backend's span, which is
            // writable, lives as long as this allocator, and is nobody else's.
            unsafe { heap.init(backend.base().add(FIRST).as_ptr(), len) };
        }
        Self { heap: Mutex::new(heap), backend, model, id }
    }

    /// Where the bytes come from.
    pub fn backend(&self) -> &B {
        &self.backend
    }
}

// SAFETY: the crate hands out disjoint blocks of the span it was given, sized
// and aligned as the layout asks; the lock makes its calls exclusive.
unsafe impl<B: Backend, T: ThreadModel> Allocator for LinkedListAllocator<B, T> {
    fn id(&self) -> AllocatorId {
        self.id
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        &self.model
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        Ok(Context::DEFAULT)
    }

    unsafe fn free_tls(&self, _context: Context) {}

    fn allocate(&self, _context: Context, layout: Layout) -> Result<Offset, AllocError> {
        let requested = layout.size();
        // The crate rounds sizes up without checking for overflow.
        if requested > self.backend.len() || layout.align() > self.backend.len() {
            return Err(AllocError::TooLarge { requested });
        }
        let block = self.heap.lock().allocate_first_fit(layout);
        let block = block.map_err(|()| AllocError::Full { requested })?;
        self.offset_of(block).ok_or(AllocError::Corrupt)
    }

    unsafe fn free(&self, _context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        let block = self.resolve(at, layout.size()).ok_or(FreeError::Outside)?;
        // SAFETY: passed on from the caller.
        unsafe { self.heap.lock().deallocate(block, layout) };
        Ok(())
    }

    unsafe fn usable_size(&self, _at: Offset, layout: Layout) -> usize {
        layout.size()
    }

    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        let end = at.get().checked_add(size)?;
        // SAFETY: `at..end` lies within the backend's span.
        (end <= self.backend.len()).then(|| unsafe { self.backend.base().add(at.get()) })
    }

    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        let at = ptr.addr().get().wrapping_sub(self.backend.base().addr().get());
        (at < self.backend.len()).then_some(Offset::new(at))
    }

    fn stats(&self) -> Stats {
        let heap = self.heap.lock();
        Stats {
            reserved: self.backend.len(),
            committed: self.backend.len(),
            live: heap.used(),
            capacity: heap.size(),
            ..Stats::EMPTY
        }
    }
}
