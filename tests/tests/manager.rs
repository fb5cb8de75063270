//! The manager of backends and allocators.

use core::alloc::Layout;

use anymem::allocator::{Allocator, HeapKind, MallocAllocator, registry};
use anymem::backend::{Backend, MallocBackend, MemfdBackend, MmapBackend, ShmBackend};
use anymem::manager::{
    AllocatorKind, BackendId, LinkedList, ManagerError, MemoryManager, ScalablePage, ThreadLocal,
};
use anymem::offset::AllocatorId;
use anymem::segment::{AttachError, CreateError};
use anymem::thread::Context;
use anymem::{HeapError, Size};
use anymem_tests::{Name, Peer, files, maps, role};

const BACKEND: BackendId = BackendId(0);
const LAYOUT: Layout = Layout::new::<[u64; 4]>();

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let manager = MemoryManager::global();
    manager.attach_backend::<ShmBackend>(BACKEND, &words[0]).expect("there");
    let heap = manager.attach_allocator::<ThreadLocal>(BACKEND).expect("a heap");
    assert_eq!(heap.id(), AllocatorId::new(11, 1));
    heap.allocate(Context::DEFAULT, LAYOUT).expect("room");
    manager.detach_backend(BACKEND).expect_err("an allocator is in it");
}

/// Uses an allocator of kind `A` over a backend, and gives both up.
fn use_kind<A: AllocatorKind>(manager: &MemoryManager, id: AllocatorId) {
    let heap = manager.create_allocator::<A>(BACKEND, id, 0).expect("made");
    let at = heap.allocate(Context::DEFAULT, LAYOUT).expect("room");
    let block = heap.resolve(at, LAYOUT.size()).expect("inside");
    // SAFETY: the block is live, and not used after it is freed.
    unsafe {
        block.write_bytes(1, LAYOUT.size());
        heap.free(Context::DEFAULT, at, LAYOUT).expect("live");
    }
    assert_eq!(heap.stats().live_blocks, 0);
    drop(heap);
    // SAFETY: nothing in the heap is in use.
    unsafe { manager.unregister_allocator(id) }.expect("known");
    manager.destroy_backend(BACKEND).expect("vacant");
}

#[test]
fn every_kind_works_over_every_backend() {
    let manager = MemoryManager::new();
    let size = Size::mib(8);
    let id = AllocatorId::new(12, 0);
    let name = Name::new();
    macro_rules! over {
        ($backend:ty, $url:expr) => {
            manager.create_backend::<$backend>(BACKEND, size, $url).expect("made");
            use_kind::<ThreadLocal>(&manager, id);
            manager.create_backend::<$backend>(BACKEND, size, $url).expect("made");
            use_kind::<ScalablePage>(&manager, id);
            manager.create_backend::<$backend>(BACKEND, size, $url).expect("made");
            use_kind::<LinkedList>(&manager, id);
            manager.create_backend::<$backend>(BACKEND, size, $url).expect("made");
            use_kind::<MallocAllocator>(&manager, id);
        };
    }
    over!(MmapBackend, "");
    over!(MallocBackend, "");
    over!(MemfdBackend, "label");
    over!(ShmBackend, &name);
    assert!(!name.path().exists(), "destroying takes the name away");
}

#[test]
fn another_process_attaches_by_name() {
    let name = Name::new();
    let manager = MemoryManager::new();
    manager.create_backend::<ShmBackend>(BACKEND, Size::mib(8), &name).expect("made");
    assert!(!name.path().exists(), "there is nothing in it yet");
    let id = AllocatorId::new(11, 1);
    let heap = manager.create_allocator::<ThreadLocal>(BACKEND, id, 8).expect("made");
    Peer::start(&[&name]).finish();
    heap.allocator().recover();
    assert_eq!(heap.stats().live_blocks, 1);
}

#[test]
fn a_thousand_cycles_leave_nothing() {
    let manager = MemoryManager::global();
    let name = Name::new();
    let id = AllocatorId::new(13, 0);
    let cycle = || {
        manager.create_backend::<ShmBackend>(BackendId(13), Size::mib(4), &name).expect("made");
        let heap = manager.create_allocator::<ThreadLocal>(BackendId(13), id, 0).expect("made");
        heap.allocate(Context::DEFAULT, LAYOUT).expect("room");
        drop(heap);
        // SAFETY: nothing in the heap is in use.
        unsafe { manager.unregister_allocator(id) }.expect("known");
        manager.destroy_backend(BackendId(13)).expect("vacant");
    };
    cycle();
    (0..1000).for_each(|_| cycle());
    assert_eq!(maps(&name), 0);
    assert_eq!(files(&name), 0);
    assert!(registry::find(id).is_none());
}

#[test]
fn misuse_is_an_error() {
    let manager = MemoryManager::new();
    let (id, other) = (AllocatorId::new(14, 0), AllocatorId::new(14, 1));
    let unknown = ManagerError::UnknownBackend { id: BACKEND };
    assert_eq!(manager.backend(BACKEND).expect_err("none"), unknown);
    assert_eq!(manager.destroy_backend(BACKEND), Err(unknown.clone()));
    let made = manager.create_allocator::<ThreadLocal>(BACKEND, id, 0);
    assert_eq!(made.expect_err("no backend"), unknown);
    let unknown = ManagerError::UnknownAllocator { id };
    assert_eq!(manager.allocator(id).err(), Some(unknown.clone()));
    assert_eq!(manager.set_default_allocator(id), Err(unknown.clone()));
    // SAFETY: there is none.
    assert_eq!(unsafe { manager.unregister_allocator(id) }, Err(unknown));

    drop(manager.create_backend::<MmapBackend>(BACKEND, Size::mib(4), "").expect("made"));
    let taken = manager.create_backend::<MallocBackend>(BACKEND, Size::mib(4), "");
    assert_eq!(taken.expect_err("taken"), ManagerError::BackendTaken { id: BACKEND });
    let held = manager.backend(BACKEND).expect("there");
    let in_use = ManagerError::BackendInUse { id: BACKEND, handles: 1 };
    assert_eq!(manager.destroy_backend(BACKEND), Err(in_use));
    drop(held);

    let null = manager.create_allocator::<LinkedList>(BACKEND, AllocatorId::NULL, 0);
    assert_eq!(null.expect_err("no id"), ManagerError::Create(CreateError::NullId));
    let attached = manager.attach_allocator::<ThreadLocal>(BACKEND);
    let expected = ManagerError::Attach(AttachError::NotASegment { found: [0; 8] });
    assert_eq!(attached.expect_err("never formatted"), expected);
    let heap = manager.create_allocator::<ThreadLocal>(BACKEND, id, 0).expect("made");
    let busy = ManagerError::BackendBusy { id: BACKEND, allocator: id };
    assert_eq!(manager.destroy_backend(BACKEND), Err(busy.clone()));
    let again = manager.create_allocator::<ThreadLocal>(BACKEND, other, 0);
    assert_eq!(again.expect_err("one is in it"), busy);
    manager.create_backend::<MmapBackend>(BackendId(1), Size::mib(4), "").expect("made");
    let again = manager.create_allocator::<ThreadLocal>(BackendId(1), id, 0);
    assert_eq!(again.expect_err("the id"), ManagerError::AllocatorTaken { id });
    let small = manager.create_backend::<MmapBackend>(BackendId(2), 4096, "").expect("made");
    drop(small);
    let result = manager.create_allocator::<ThreadLocal>(BackendId(2), other, 0);
    assert!(matches!(result, Err(ManagerError::Create(_))));

    let kind = manager.allocator_as::<ScalablePage>(id);
    assert!(matches!(kind, Err(ManagerError::OtherKind { .. })));
    manager.allocator_as::<ThreadLocal>(id).expect("the right kind");
    // SAFETY: refused.
    let refused = unsafe { manager.unregister_allocator(id) };
    assert_eq!(refused, Err(ManagerError::AllocatorInUse { id, handles: 1 }));
    drop(heap);
    // SAFETY: nothing in the heap is in use.
    unsafe { manager.unregister_allocator(id) }.expect("known");
    manager.destroy_backend(BACKEND).expect("vacant");

    let private = manager.attach_backend::<MmapBackend>(BACKEND, "x").expect_err("private");
    let expected = HeapError::NotShareable { name: "x".into() };
    assert_eq!(private, ManagerError::Backend(expected));
}

#[test]
fn a_malloc_allocator_is_not_found_by_values() {
    let manager = MemoryManager::new();
    let id = AllocatorId::new(15, 0);
    manager.create_backend::<MmapBackend>(BACKEND, Size::mib(1), "").expect("made");
    let same = manager.create_allocator::<MallocAllocator>(BACKEND, id, 0).expect("made");
    assert!(registry::find(id).is_none());
    assert!(same.allocator().span().is_none());
}

#[test]
fn there_is_a_default() {
    let manager = MemoryManager::new();
    let plain = manager.default_allocator();
    let at = plain.allocate(Context::DEFAULT, LAYOUT).expect("memory");
    // SAFETY: the block is live and not used afterwards.
    unsafe { plain.free(Context::DEFAULT, at, LAYOUT) }.expect("live");
    let id = AllocatorId::new(16, 0);
    manager.create_backend::<MmapBackend>(BACKEND, Size::mib(4), "").expect("made");
    manager.create_allocator::<ThreadLocal>(BACKEND, id, 0).expect("made");
    manager.set_default_allocator(id).expect("known");
    assert_eq!(manager.default_allocator().id(), id);
    // SAFETY: nothing in the heap is in use.
    unsafe { manager.unregister_allocator(id) }.expect("known");
    assert_ne!(manager.default_allocator().id(), id);
}

#[test]
fn a_name_that_went_to_another_stays() {
    let name = Name::new();
    let manager = MemoryManager::new();
    let id = AllocatorId::new(17, 0);
    drop(manager.create_backend::<ShmBackend>(BACKEND, Size::mib(4), &name).expect("made"));
    drop(manager.create_allocator::<ThreadLocal>(BACKEND, id, 0).expect("made"));
    ShmBackend::unlink(&name).expect("there");
    let other = ShmBackend::create(&name, Size::mib(4)).expect("made");
    other.publish().expect("the name is free");
    // SAFETY: nothing in the heap is in use.
    unsafe { manager.unregister_allocator(id) }.expect("known");
    manager.destroy_backend(BACKEND).expect("vacant");
    let found = ShmBackend::open(&name).expect("the other's is still there");
    assert_eq!(found.span().id(), other.span().id());
    assert_eq!(found.len(), 4 << 20);
}
