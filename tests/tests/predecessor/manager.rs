//! Ids, kinds, and the locks.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem::backend::{MallocBackend, MemfdBackend, MmapBackend};
use anymem::container::ShmBox;
use anymem::manager::{
    BackendId, LinkedList, ManagerError, MemoryManager, ScalablePage, ThreadLocal,
};
use anymem::offset::AllocatorId;
use anymem::sync::{Acquired, RobustLock};
use anymem::thread::PthreadModel;
use anymem::{HeapError, HeapOptions, Size};
use anymem_core::allocator::{Allocator, registry};
use anymem_core::thread::{Context, ThreadModel};
use anymem_tests::heap::{free, layout};
use anymem_tests::{Peer, TestHeap, in_threads};

/// The first use was a race that could make two managers.
#[test]
fn the_first_use_is_from_many_threads() {
    for _ in 0..10 {
        Peer::start(&["first-use"]).finish();
    }
}

/// In a process that has not used its manager before.
pub(super) fn first_use() {
    const THREADS: usize = 8;
    let start = Barrier::new(THREADS);
    in_threads(THREADS, |number| {
        start.wait();
        let (manager, backend) = (MemoryManager::global(), BackendId(number as u32));
        let id = AllocatorId::new(number as u32, 0);
        manager.create_backend::<MmapBackend>(backend, Size::mib(1), "").expect("a new id");
        let heap = manager.create_allocator::<ThreadLocal>(backend, id, 0).expect("a new id");
        let at = heap.allocate(Context::DEFAULT, layout(100, 8)).expect("room");
        free(&*heap, at, layout(100, 8));
    });
    let manager = MemoryManager::global();
    assert_eq!(manager.backends().len(), THREADS);
    assert_eq!(manager.allocators().len(), THREADS);
}

/// Backend 16 overwrote the first allocator, allocator 64 the default one; ids
/// were taken modulo something, so that (1, 0), (0, 2) and the inner part of
/// (0, 1) were one.
#[test]
fn any_two_ids_are_two_heaps() {
    let manager = MemoryManager::new();
    let mut ids: Vec<_> = [(1, 1), (0, 3), (1, 0), (0, 2), (0, 1), (31, 1), (32, 0), (0, 64)]
        .into_iter()
        .chain((33..110).map(|major| (major, 7)))
        .chain([(std::process::id(), 5), (1 << 31, 5), (u32::MAX, 5), (5, u32::MAX)])
        .map(|(major, minor)| AllocatorId::new(major, minor))
        .collect();
    ids.dedup();
    let backend = |number: usize| BackendId(if number == 20 { u32::MAX } else { number as u32 });
    for (number, &id) in ids.iter().enumerate() {
        let of = backend(number);
        manager.create_backend::<MmapBackend>(of, Size::mib(1), "").expect("a new id");
        manager.create_allocator::<ThreadLocal>(of, id, 1).expect("a new id");
    }
    let values: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(number, &id)| {
            let heap = manager.allocator(id).expect("there");
            ShmBox::new_in(number, &*heap).expect("room")
        })
        .collect();
    for (number, (value, &id)) in values.iter().zip(&ids).enumerate() {
        assert_eq!(value.heap_id(), id);
        assert_eq!(value.get(), Ok(&number));
        // The heap that an address is in is that heap, not just any.
        let address: *const usize = value.get().expect("attached");
        let found = registry::find_by_address(address.cast()).expect("in a heap");
        assert_eq!(found.id(), id);
    }
    drop(values);
    for (number, &id) in ids.iter().enumerate() {
        // SAFETY: nothing in it is in use.
        unsafe { manager.unregister_allocator(id) }.expect("there");
        manager.destroy_backend(backend(number)).expect("idle");
    }
}

/// The null id was a heap like any other.
#[test]
fn the_null_id_is_refused() {
    let error = HeapOptions::new().id(AllocatorId::NULL).create_memfd("it", Size::mib(1));
    assert_eq!(error.expect_err("no id"), HeapError::NullId);
}

/// An allocator was handed out as whatever type was asked for.
#[test]
fn an_allocator_is_of_one_kind() {
    let manager = MemoryManager::new();
    let id = AllocatorId::new(900, 1);
    manager.create_backend::<MallocBackend>(BackendId(1), Size::mib(1), "").expect("a new id");
    manager.create_allocator::<ScalablePage>(BackendId(1), id, 0).expect("a new id");
    assert!(manager.allocator_as::<ScalablePage>(id).is_ok());
    let error = manager.allocator_as::<ThreadLocal>(id).expect_err("another kind");
    assert!(matches!(error, ManagerError::OtherKind { .. }), "{error}");
    let error = manager.allocator_as::<LinkedList>(id).expect_err("another kind");
    assert!(matches!(error, ManagerError::OtherKind { .. }), "{error}");
    // SAFETY: nothing in it is in use.
    unsafe { manager.unregister_allocator(id) }.expect("there");
    manager.destroy_backend(BackendId(1)).expect("idle");
}

/// Twelve cycles of creating and destroying were a crash; a backend of
/// `malloc` was freed twice or not at all.
#[test]
fn a_thousand_cycles_through_the_manager() {
    let manager = MemoryManager::new();
    let id = AllocatorId::new(901, 1);
    for turn in 0..1000 {
        let backend = BackendId(turn);
        let made = match turn % 3 {
            0 => manager.create_backend::<MmapBackend>(backend, Size::mib(1), ""),
            1 => manager.create_backend::<MallocBackend>(backend, Size::mib(1), ""),
            _ => manager.create_backend::<MemfdBackend>(backend, Size::mib(1), "it"),
        };
        drop(made.expect("a new id"));
        let heap = manager.create_allocator::<ThreadLocal>(backend, id, 0).expect("a new id");
        let at = heap.allocate(Context::DEFAULT, layout(64, 8)).expect("room");
        free(&*heap, at, layout(64, 8));
        drop(heap);
        // SAFETY: nothing in it is in use.
        unsafe { manager.unregister_allocator(id) }.expect("there");
        manager.destroy_backend(backend).expect("idle");
    }
    assert!(manager.backends().is_empty() && manager.allocators().is_empty());
}

/// A private mapping was offered as a way to share.
#[test]
fn private_memory_cannot_be_attached() {
    let manager = MemoryManager::new();
    let error = manager.attach_backend::<MmapBackend>(BackendId(1), "it").expect_err("private");
    assert!(matches!(error, ManagerError::Backend(HeapError::NotShareable { .. })), "{error}");
    let error = manager.attach_backend::<MallocBackend>(BackendId(1), "it").expect_err("private");
    assert!(matches!(error, ManagerError::Backend(HeapError::NotShareable { .. })), "{error}");
}

/// Trying a lock worked once in its life.
#[test]
fn a_lock_can_be_tried_any_number_of_times() {
    let word = AtomicUsize::new(0);
    let lock: RobustLock<'_> = RobustLock::new(&word);
    let me = PthreadModel.owner();
    for _ in 0..100_000 {
        assert_eq!(lock.try_acquire(me, &PthreadModel), Some(Acquired::Free));
        assert_eq!(lock.try_acquire(me, &PthreadModel), None, "it is held");
        lock.release();
    }
    let (counter, tries) = (AtomicUsize::new(0), 2000);
    in_threads(4, |_| {
        for _ in 0..tries {
            while lock.try_acquire(me, &PthreadModel).is_none() {
                PthreadModel.yield_now();
            }
            // Not an atomic addition: the lock must make it one.
            let seen = counter.load(Ordering::Relaxed);
            counter.store(seen + 1, Ordering::Relaxed);
            lock.release();
        }
    });
    assert_eq!(counter.load(Ordering::Relaxed), 4 * tries);
}

/// Two busy holders kept others out for ever, and a waiter kept its processor
/// busy; here everybody who waits gets it.
#[test]
fn who_waits_for_a_lock_gets_it() {
    let heap = TestHeap::new(1);
    let word = heap.root_or_create("lock", |_| Ok(AtomicUsize::new(0))).expect("room");
    let lock: RobustLock<'_> = RobustLock::new(word);
    let total = AtomicUsize::new(0);
    in_threads(8, |_| {
        for _ in 0..500 {
            assert_eq!(lock.acquire(&PthreadModel), Acquired::Free);
            total.store(total.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            lock.release();
        }
    });
    assert_eq!(total.load(Ordering::Relaxed), 8 * 500);
}
