//! Firmware whose heap is made for sharing, in 40 KiB of an array, with slabs of 1 KiB.
//!
//! No lock and no interrupts held off: the handler comes in the midst of an allocation, and
//! allocates and frees.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use anymem_core::allocator::{Allocator, ScalablePageAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::{Bare, Context};

#[path = "../scenarios.rs"]
mod scenarios;

const SIZE: usize = 40 << 10;
const SHIFT: u32 = 10;
const SLAB: usize = 1 << SHIFT;

type Pages = ScalablePageAllocator<ArrayBackend<'static, SLAB>, Bare, SHIFT>;

#[global_allocator]
static HEAP: LockFree = LockFree(UnsafeCell::new(None));

#[repr(align(1024))]
struct Memory(UnsafeCell<MaybeUninit<[u8; SIZE]>>);

// SAFETY: its one user is the heap.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new(MaybeUninit::uninit()));

/// A heap that is there once `main` has begun.
struct LockFree(UnsafeCell<Option<Pages>>);

// SAFETY: it is written once, before there are interrupts; and the heap is `Sync`.
unsafe impl Sync for LockFree {}

impl LockFree {
    /// Makes the heap.
    ///
    /// # Safety
    ///
    /// Called once, before any other call of this.
    unsafe fn begin(&self) {
        let memory = NonNull::from(&MEMORY.0).cast();
        // SAFETY: the array is nobody else's.
        let backend = unsafe { ArrayBackend::from_raw(memory, SIZE) };
        let made = Pages::create(backend, Bare, &Config::new(AllocatorId::new(0, 1)).slots(1));
        // SAFETY: nobody looks yet.
        unsafe { *self.0.get() = Some(made.expect("an array of the right size")) };
    }

    fn pages(&self) -> Option<&Pages> {
        // SAFETY: it is written no more.
        unsafe { (*self.0.get()).as_ref() }
    }
}

// SAFETY: the heap hands out disjoint blocks of the array, as large and as aligned as the
// layouts ask.
unsafe impl GlobalAlloc for LockFree {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.pages().and_then(|pages| {
            let at = pages.allocate(Context::DEFAULT, layout).ok()?;
            pages.resolve(at, layout.size())
        });
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(pages) = self.pages() else { return };
        if let Some(at) = NonNull::new(block).and_then(|block| pages.offset_of(block)) {
            // SAFETY: passed on from the caller. What it complains of, it has left alone.
            let _ = unsafe { pages.free(Context::DEFAULT, at, layout) };
        }
    }
}

#[unsafe(no_mangle)]
fn main() {
    // SAFETY: the first that happens.
    unsafe { HEAP.begin() };
    scenarios::run(&scenarios::Heap {
        capacity: HEAP.pages().map_or(0, |pages| pages.stats().capacity),
        used: || HEAP.pages().map_or(0, |pages| pages.stats().live),
        sound: || HEAP.pages().is_some_and(|pages| pages.check().is_ok()),
    });
}
