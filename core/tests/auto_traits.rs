//! What may cross threads, and what must not.

use anymem_core::allocator::{
    Allocator, LentSlots, LocalHeap, ScalablePageAllocator, ThreadLocalAllocator,
};
use anymem_core::backend::ArrayBackend;
use anymem_core::memory::{AnyMemory, ArrayMemory, MemMut, MemSlice, Place, SimMemory};
use anymem_core::offset::{AllocatorId, AtomicOffsetPtr, FullPtr, Offset, OffsetPtr, ShmPtr};
use anymem_core::thread::{Bare, Context};
use static_assertions::{
    assert_eq_size, assert_impl_all, assert_not_impl_any, assert_obj_safe, const_assert_eq,
};

type Backend = ArrayBackend<'static, 65536>;

// Offsets are numbers.
assert_impl_all!(Offset: Send, Sync, Copy);
assert_impl_all!(OffsetPtr<*const u8>: Send, Sync, Copy);
assert_impl_all!(AtomicOffsetPtr<*const u8>: Send, Sync);
assert_eq_size!(OffsetPtr<u64>, AtomicOffsetPtr<u64>, usize);
const_assert_eq!(size_of::<ShmPtr<u64>>(), size_of::<AllocatorId>() + size_of::<usize>());

// An address is its process's, and its thread's to hand on.
assert_not_impl_any!(FullPtr<u64>: Send, Sync);

// A heap is everybody's, a slot is one thread's.
assert_impl_all!(ScalablePageAllocator<Backend>: Send, Sync);
assert_impl_all!(ThreadLocalAllocator<Backend>: Send, Sync);
assert_impl_all!(LentSlots<ThreadLocalAllocator<Backend>>: Send, Sync);
assert_not_impl_any!(Context: Send, Sync);
assert_not_impl_any!(LocalHeap<'static, Backend, Bare, 16>: Send, Sync);

// What lives in a memory may be used wherever the memory may.
assert_impl_all!(MemSlice<u64, &'static ArrayMemory<'static>>: Send, Sync);
assert_impl_all!(MemMut<'static, u64, SimMemory<ArrayMemory<'static>>>: Send, Sync);
assert_impl_all!(Place<'static>: Send, Sync, Copy);
assert_obj_safe!(AnyMemory);

// A lock is everybody's, a guard is one thread's.
#[cfg(feature = "containers")]
mod locks {
    use anymem_core::container::{
        MutexGuard, Participant, Permit, ReadGuard, ShmArc, ShmBarrier, ShmCondvar, ShmMutex,
        ShmOnce, ShmRwLock, ShmSemaphore, ShmWeak, WriteGuard,
    };
    use static_assertions::{assert_impl_all, assert_not_impl_any};

    assert_impl_all!(ShmMutex<u64>: Send, Sync);
    assert_impl_all!(ShmRwLock<u64>: Send, Sync);
    assert_impl_all!(ShmCondvar: Send, Sync);
    assert_not_impl_any!(MutexGuard<'static, u64>: Send);
    assert_not_impl_any!(ReadGuard<'static, u64>: Send);
    assert_not_impl_any!(WriteGuard<'static, u64>: Send);
    assert_impl_all!(ShmOnce<u64>: Send, Sync);
    assert_impl_all!(ShmSemaphore: Send, Sync);
    assert_impl_all!(ShmBarrier: Send, Sync);
    assert_not_impl_any!(Permit<'static>: Send);
    assert_not_impl_any!(Participant<'static>: Send);

    // A handle's value is everybody's.
    assert_impl_all!(ShmArc<u64>: Send, Sync);
    assert_impl_all!(ShmWeak<u64>: Send, Sync);
}

// Iterators and entries are sent as the references are that they stand for.
#[cfg(feature = "containers")]
mod ordered {
    use std::cell::Cell;

    use anymem_core::container::ShmBTreeMap;
    use anymem_core::container::btree::{Entry, Iter, IterMut, SetIter};
    use static_assertions::{assert_impl_all, assert_not_impl_any};

    assert_impl_all!(ShmBTreeMap<u8, u8>: Send, Sync);
    assert_impl_all!(Iter<'static, u8, u8>: Send, Sync);
    assert_impl_all!(IterMut<'static, u8, u8>: Send, Sync);
    assert_impl_all!(IterMut<'static, u8, Cell<u8>>: Send);
    assert_impl_all!(SetIter<'static, u8>: Send, Sync);
    assert_impl_all!(Entry<'static, u8, u8>: Send, Sync);
    assert_not_impl_any!(Iter<'static, u8, Cell<u8>>: Send, Sync);
    assert_not_impl_any!(IterMut<'static, u8, Cell<u8>>: Sync);
    assert_not_impl_any!(IterMut<'static, u8, *mut u8>: Send, Sync);
}

// The registry keeps allocators of any kind.
assert_obj_safe!(Allocator);

#[test]
fn all_of_this_is_checked_by_the_compiler() {
    assert_eq!(size_of::<Option<FullPtr<u8>>>(), size_of::<FullPtr<u8>>());
}
