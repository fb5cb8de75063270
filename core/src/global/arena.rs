//! A global allocator with its memory inside.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use lock_api::{Mutex, RawMutex};

use super::Spin;
use super::resize::reallocate;
use crate::tiny::{TinyHeap, TinyStats};

/// An array of `N` bytes, and a heap in it.
///
/// ```
/// use anymem_core::global::ArenaAlloc;
///
/// // #[global_allocator]
/// static HEAP: ArenaAlloc<{ 32 << 10 }> = ArenaAlloc::new();
/// assert!(HEAP.stats().used == 0);
/// ```
pub struct ArenaAlloc<const N: usize, L: RawMutex = Spin> {
    memory: UnsafeCell<Bytes<N>>,
    heap: Mutex<L, TinyHeap>,
}

#[repr(C, align(16))]
struct Bytes<const N: usize>(MaybeUninit<[u8; N]>);

// SAFETY: the memory is used by the heap only, under the lock, and by who has a block of it.
unsafe impl<const N: usize, L: RawMutex + Sync> Sync for ArenaAlloc<N, L> {}

impl<const N: usize, L: RawMutex> ArenaAlloc<N, L> {
    /// An allocator with all of its memory free.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            memory: UnsafeCell::new(Bytes(MaybeUninit::uninit())),
            heap: Mutex::from_raw(L::INIT, TinyHeap::empty()),
        }
    }

    /// What the heap holds.
    #[must_use]
    pub fn stats(&self) -> TinyStats {
        self.with(|heap| heap.stats())
    }

    fn with<R>(&self, f: impl FnOnce(&mut TinyHeap) -> R) -> R {
        let mut heap = self.heap.lock();
        let Some(start) = NonNull::new(self.memory.get().cast::<u8>()) else { return f(&mut heap) };
        if heap.is_empty() {
            let memory = NonNull::slice_from_raw_parts(start, N);
            // SAFETY: the array is this heap's alone, under the lock.
            *heap = unsafe { TinyHeap::new(memory) }.unwrap_or(TinyHeap::empty());
        } else {
            // SAFETY: whoever moved this allocator moved the array along.
            unsafe { heap.move_to(start) };
        }
        f(&mut heap)
    }
}

impl<const N: usize, L: RawMutex> Default for ArenaAlloc<N, L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, L: RawMutex> fmt::Debug for ArenaAlloc<N, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArenaAlloc({N} bytes)")
    }
}

// SAFETY: the heap hands out disjoint blocks of the array, as large and as aligned as the
// layouts ask; the lock makes its calls exclusive.
unsafe impl<const N: usize, L: RawMutex> GlobalAlloc for ArenaAlloc<N, L> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.with(|heap| heap.allocate(layout)).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: passed on from the caller.
        let _ = self.with(|heap| unsafe { heap.free(block, layout) });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(at) = NonNull::new(block) else { return block };
        // SAFETY: passed on from the caller.
        let resized = self.with(|heap| unsafe { heap.resize(at, layout, new_size) });
        if resized {
            return block;
        }
        // SAFETY: passed on from the caller.
        unsafe { reallocate(self, at, layout, new_size) }
    }
}
