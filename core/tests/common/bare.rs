//! A heap in a system that cannot sleep.

use std::ptr::NonNull;

use anymem_core::allocator::{Allocator, Registration, ThreadLocalAllocator, registry};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::Bare;

/// A heap whose threads cannot sleep, so that nobody waits for long.
pub fn bare_heap(id: AllocatorId) -> &'static dyn Allocator {
    let memory = Box::leak(vec![0_u8; 4 << 20].into_boxed_slice());
    let config = Config::new(id);
    let heap: ThreadLocalAllocator<_> =
        ThreadLocalAllocator::create(ArrayBackend::<65536>::new(memory), Bare, &config).unwrap();
    let heap: &'static dyn Allocator = Box::leak(Box::new(heap));
    let base = heap.resolve(Offset::new(0), 0).unwrap();
    // SAFETY: the heap and its memory were leaked.
    let registration = unsafe { Registration::new(heap, base, heap.stats().reserved) };
    // SAFETY: the registration is leaked.
    unsafe { registry::register(NonNull::from(Box::leak(Box::new(registration)))) }.unwrap();
    heap
}
