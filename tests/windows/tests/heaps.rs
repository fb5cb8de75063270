//! Heaps of several threads and processes, in whatever memory they are.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anymem::allocator::{Allocator, MallocAllocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem::backend::{
    BackendKind, MallocBackend, SectionBackend, ShmBackend, ShmOptions, VirtualBackend,
};
use anymem::container::{LockError, ShmBox, ShmMutex, ShmVec};
use anymem::manager::{
    AllocatorKind, BackendId, LinkedList, MemoryManager, ScalablePage, ThreadLocal,
};
use anymem::offset::AllocatorId;
use anymem::segment::Config;
use anymem::thread::{Context, Liveness, WindowsModel};
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_tests::heap::layout;
use anymem_tests::{Name, Peer, Random, ShadowHeap, in_threads, listen, role, tell};

const THREADS: usize = 4;

/// What another process of these tests does.
#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["count", name] => count(&SharedHeap::open(name).expect("there")),
        ["die", name] => die(&SharedHeap::open(name).expect("there")),
        ["leave", name] => leave(&SharedHeap::open(name).expect("there")),
        ["section", name] => take_over(name),
        _ => panic!("no such role: {words:?}"),
    }
}

/// Allocates, resizes and frees at random, and looks that nobody else has the blocks.
fn hammer(heap: &dyn Allocator, context: Context, seed: u64) {
    let (mut random, mut shadow) = (Random::new(seed), ShadowHeap::new());
    for _ in 0..5000 {
        let (size, which) = (random.size(), random.below(100));
        match random.below(8) {
            0..2 => {
                let block = layout(size, 1 << random.below(10));
                shadow.allocate(heap, context, block).expect("room");
            }
            2 => {
                shadow.allocate_zeroed(heap, context, layout(size, 8)).expect("room");
            }
            3 => {
                shadow.reallocate_nth(heap, context, which, size).expect("room");
            }
            _ => {
                shadow.free_nth(heap, context, which);
            }
        }
    }
    shadow.check_all(heap);
    shadow.free_all(heap, context);
}

fn config(number: u32) -> Config {
    Config::new(AllocatorId::new(9, number))
}

fn pages() -> VirtualBackend {
    VirtualBackend::new(Size::gib(4)).expect("address space")
}

#[test]
fn threads_with_slots_hammer_private_pages() {
    type Heap = ThreadLocalAllocator<VirtualBackend, WindowsModel>;
    let heap = Heap::create(pages(), WindowsModel, &config(1)).expect("room");
    in_threads(THREADS, |number| {
        let context = heap.create_tls().expect("a slot");
        hammer(&heap, context, number as u64);
        // SAFETY: the context is not used any more.
        unsafe { heap.free_tls(context) };
    });
    heap.check().expect("in order");
    assert_eq!(heap.stats().live_blocks, 0);
    assert!(heap.trim(Context::DEFAULT) > 0, "it was committed");
    assert_eq!(heap.stats().slabs, 0);
}

#[test]
fn threads_without_slots_hammer_private_pages() {
    type Heap = ScalablePageAllocator<VirtualBackend, WindowsModel>;
    let heap = Heap::create(pages(), WindowsModel, &config(2)).expect("room");
    in_threads(THREADS, |number| hammer(&heap, Context::DEFAULT, number as u64));
    heap.check().expect("in order");
    assert_eq!(heap.stats().live_blocks, 0);
}

/// Where no block is, tables are looked at that have no memory yet.
#[test]
fn what_is_no_block_is_told_also_far_from_all_that_was_used() {
    type Heap = ThreadLocalAllocator<VirtualBackend, WindowsModel>;
    let heap = Heap::create(pages(), WindowsModel, &config(3)).expect("room");
    let mut random = Random::new(3);
    for _ in 0..10_000 {
        let at = anymem::offset::Offset::new(random.below(4 << 30));
        assert_eq!(heap.usable_size_of(at), None);
    }
}

/// Makes a backend, and a heap in it that every thread uses by its own slot, if it has any.
fn over<B: BackendKind, A: AllocatorKind>(manager: &MemoryManager, url: &str, number: u32) {
    let (backend, id) = (BackendId(number), AllocatorId::new(8, number));
    manager.create_backend::<B>(backend, Size::mib(64), url).expect("a backend");
    manager.create_allocator::<A>(backend, id, 0).expect("an allocator");
    let heap = manager.allocator(id).expect("there");
    in_threads(THREADS, |seed| hammer(&*heap, Context::DEFAULT, seed as u64));
    assert_eq!(heap.stats().live_blocks, 0);
    drop(heap);
    // SAFETY: nothing in it is in use.
    unsafe { manager.unregister_allocator(id) }.expect("no other handle");
    manager.destroy_backend(backend).expect("idle");
}

#[test]
fn a_manager_has_all_allocators_over_all_backends() {
    let manager = MemoryManager::new();
    let name = Name::new();
    over::<VirtualBackend, ThreadLocal>(&manager, "", 10);
    over::<VirtualBackend, ScalablePage>(&manager, "", 11);
    over::<VirtualBackend, LinkedList>(&manager, "", 12);
    over::<VirtualBackend, MallocAllocator>(&manager, "", 13);
    over::<MallocBackend, ThreadLocal>(&manager, "", 14);
    over::<SectionBackend, ThreadLocal>(&manager, &name, 15);
    over::<SectionBackend, ScalablePage>(&manager, &name, 16);
    over::<ShmBackend, ThreadLocal>(&manager, &name, 17);
}

#[test]
fn a_thread_that_ends_gives_its_slot_back() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(1).create(&name, Size::mib(16)).expect("a new name");
    for _ in 0..50 {
        in_threads(1, |_| {
            let block = ShmBox::new_in(7_u64, &heap).expect("room");
            assert_eq!(heap.owners().count(), 1, "it has the slot");
            drop(block);
        });
        assert_eq!(heap.owners().count(), 0, "it has ended");
    }
    heap.check().expect("in order");
}

/// A directory of the test's own, removed when it goes.
struct Directory(PathBuf);

impl Directory {
    fn new(tag: &str) -> Self {
        let path = std::env::temp_dir().join(format!("test.anymem.{tag}.{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn files(&self) -> usize {
        fs::read_dir(&self.0).expect("readable").count()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_segment_has_its_name_once_it_is_published() {
    let directory = Directory::new("drafts");
    let options = ShmOptions::new().directory(&directory.0);
    let missing = || matches!(options.open("it"), Err(HeapError::Missing { .. }));
    let draft = options.create("it", Size::mib(1)).expect("room");
    assert!(missing());
    drop(draft);
    assert_eq!(directory.files(), 0, "what was not published leaves nothing");
    let [first, second] = [(); 2].map(|()| options.create("it", Size::mib(1)).expect("room"));
    first.publish().expect("the name is free");
    first.publish().expect("it has it");
    assert!(matches!(second.publish(), Err(HeapError::Exists { .. })));
    drop(second);
    let found = options.open("it").expect("there");
    assert_eq!(found.span().id(), first.span().id());
    assert_eq!(directory.files(), 1);
    let listed = options.list().expect("readable");
    assert_eq!((listed.len(), &*listed[0].name, listed[0].size), (1, "it", Size::mib(1)));
    assert!(matches!(options.create("it", Size::mib(1)), Err(HeapError::Exists { .. })));
    options.unlink("it").expect("there");
    assert!(missing() && matches!(options.unlink("it"), Err(HeapError::Missing { .. })));
}

#[test]
fn what_is_no_segment_is_refused() {
    let directory = Directory::new("refused");
    let options = HeapOptions::new().directory(&directory.0);
    fs::write(directory.0.join("anymem.short"), [1; 100]).expect("written");
    fs::write(directory.0.join("anymem.other"), [1; 100_000]).expect("written");
    fs::create_dir(directory.0.join("anymem.folder")).expect("made");
    let short = options.open("short").expect_err("100 bytes");
    assert!(matches!(short, HeapError::Truncated { length: 100, .. }), "{short}");
    let other = options.open("other").expect_err("something else");
    assert!(matches!(other, HeapError::NotASegment { .. }), "{other}");
    assert!(options.open("folder").is_err());
    let nowhere = HeapOptions::new().directory(directory.0.join("there"));
    let nowhere = nowhere.create("it", Size::mib(1)).expect_err("no directory");
    assert!(matches!(nowhere, HeapError::NoDirectory { .. }), "{nowhere}");
    let name = options.create("a:b", Size::mib(1)).expect_err("no file name");
    assert!(matches!(name, HeapError::BadName { .. }), "{name}");
}

#[test]
fn a_heap_outlives_its_handles_and_not_its_name() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(16)).expect("a new name");
    let list = ShmVec::from_slice_in(&[1_u32, 2, 3], &heap).expect("room");
    heap.bind_root("list", ShmBox::new_in(list, &heap).expect("room")).expect("a new root");
    let same = SharedHeap::open(&name).expect("there");
    assert_eq!(same.root::<ShmVec<u32>>("list").expect("there").as_slice().unwrap(), [1, 2, 3]);
    drop(same);
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
    let reader = SharedHeap::open_read_only(&name).expect("still there");
    // SAFETY: reading a vector changes nothing.
    let list = unsafe { reader.root_to_read::<ShmVec<u32>>("list") }.expect("there");
    assert_eq!(list.as_slice().unwrap(), [1, 2, 3]);
    assert!(ShmBox::new_in(1, &reader).is_err(), "it can't be written");
    // SAFETY: as above.
    unsafe { reader.detach() }.expect("the only handle");
    SharedHeap::unlink(&name).expect("there");
    assert!(matches!(SharedHeap::open(&name), Err(HeapError::Missing { .. })));
}

const COUNTS: u64 = 2000;

/// Counts under a lock, and looks that nobody else is there.
fn count(heap: &SharedHeap) {
    let pair = heap.root::<ShmMutex<[u64; 2]>>("pair").expect("there");
    tell("ready");
    assert_eq!(listen(), "go");
    in_threads(2, |_| {
        for _ in 0..COUNTS {
            let mut pair = pair.lock().expect("nobody dies");
            pair[0] += 1;
            pair[1] += 1;
            assert_eq!(pair[0], pair[1]);
        }
    });
}

#[test]
fn processes_take_turns_with_a_lock() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(16)).expect("a new name");
    let pair = ShmBox::new_in(ShmMutex::new_in([0; 2], &heap), &heap).expect("room");
    let pair = heap.bind_root("pair", pair).expect("a new root");
    let mut peers = [(); 3].map(|()| Peer::start(&["count", &name]));
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    peers.iter_mut().for_each(|peer| peer.say("go"));
    peers.into_iter().for_each(Peer::finish);
    assert_eq!(*pair.lock().expect("nobody died"), [3 * 2 * COUNTS; 2]);
    heap.check().expect("in order");
}

/// Holds a slot, blocks and a lock until it is killed.
fn die(heap: &SharedHeap) {
    let lock = heap.root::<ShmMutex<u64>>("lock").expect("there");
    let mut held = lock.lock().expect("nobody has it");
    *held = 1;
    let kept: Vec<_> = (0..100_u64).map(|it| ShmBox::new_in(it, heap).expect("room")).collect();
    tell("holding");
    let _ = listen();
    panic!("it should not live on with {} blocks", kept.len());
}

#[test]
fn what_a_killed_process_held_is_taken_back() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(64)).expect("a new name");
    let lock = ShmBox::new_in(ShmMutex::new_in(0_u64, &heap), &heap).expect("room");
    let lock = heap.bind_root("lock", lock).expect("a new root");
    let mut peer = Peer::start(&["die", &name]);
    assert_eq!(peer.hear(), "holding");
    let other = lock.holder().expect("the peer");
    assert_eq!(other.pid, peer.pid());
    assert!(WindowsModel.is_alive(other));
    assert!(lock.lock_timeout(Duration::from_millis(50)).is_err(), "the peer lives");
    assert_eq!(heap.recover(), 0, "nobody is dead");
    peer.kill();
    assert!(!WindowsModel.is_alive(other));
    match lock.lock() {
        Err(LockError::Inconsistent { mut guard, .. }) => {
            assert_eq!(*guard, 1, "what it wrote last");
            guard.mark_consistent();
        }
        other => panic!("a dead process does not hold it: {other:?}"),
    }
    let lost = heap.recover();
    assert!(lost <= 1, "{lost} slots");
    assert!(heap.owners().all(|owner| owner.pid == std::process::id()), "its slot is free");
    heap.check().expect("in order");
    in_threads(THREADS, |seed| hammer(&heap, Context::DEFAULT, seed as u64));
}

/// Ends without a word while it has a slot.
fn leave(heap: &SharedHeap) {
    let block = ShmBox::new_in(1_u64, heap).expect("room");
    drop(block);
    std::process::exit(0);
}

#[test]
fn the_slots_of_a_process_that_ends_come_back() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(2).create(&name, Size::mib(16)).expect("a new name");
    for _ in 0..3 {
        Peer::start(&["leave", &name]).finish();
    }
    in_threads(1, |_| drop(ShmBox::new_in(1_u64, &heap).expect("room")));
    heap.recover();
    assert_eq!(heap.owners().count(), 0);
    heap.check().expect("in order");
}

/// Uses a heap that another process made in a named section.
fn take_over(name: &str) {
    let manager = MemoryManager::new();
    manager.attach_backend::<SectionBackend>(BackendId(1), name).expect("there");
    let heap = manager.attach_allocator::<ThreadLocal>(BackendId(1)).expect("a heap");
    assert_eq!(heap.id(), AllocatorId::new(7, 1));
    hammer(&*heap, Context::DEFAULT, 1);
}

#[test]
fn a_heap_in_a_named_section_is_other_processes_too() {
    let (name, manager) = (Name::new(), MemoryManager::new());
    let id = AllocatorId::new(7, 1);
    manager.create_backend::<SectionBackend>(BackendId(1), Size::mib(64), &name).expect("room");
    let heap = manager.create_allocator::<ThreadLocal>(BackendId(1), id, 0).expect("room");
    let kept = ShmBox::new_in([7_u8; 1000], &*heap).expect("room");
    let peers = [(); 2].map(|()| Peer::start(&["section", &name]));
    let _ = peers.map(Peer::finish);
    assert_eq!(heap.stats().live_blocks, 1, "peers have freed theirs");
    assert_eq!(*kept.get().expect("there"), [7; 1000]);
    heap.allocator().check().expect("in order");
}
