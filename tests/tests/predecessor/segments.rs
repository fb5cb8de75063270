//! Creating, attaching and leaving shared segments.

use std::ffi::CString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anymem::container::{ContainerError, ShmBox, ShmHashMap};
use anymem::{HeapError, HeapOptions, RootValueError, SharedHeap, Size};
use anymem_core::allocator::{AllocError, Allocator};
use anymem_core::thread::Context;
use anymem_tests::heap::{exhaust, fill, free, layout};
use anymem_tests::{Directory, Name, Peer, ShadowHeap, SmallFileSystem, files, listen, maps, tell};

/// Attaches that a peer must have got before it ends.
const ATTACHES: usize = 40;

/// A second creator unlinked the segment that was in use, and nobody noticed.
#[test]
fn a_second_creator_leaves_the_first_heap_alone() {
    let name = Name::new();
    let first = SharedHeap::create(&name, Size::mib(2)).expect("a new name");
    first.bind_root("it", ShmBox::new_in(7_u64, &first).expect("room")).expect("a new root");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let error = SharedHeap::create(&name, Size::mib(4)).expect_err("it exists");
                    assert_eq!(error, HeapError::Exists { name: name.to_string() });
                    let same = SharedHeap::open_or_create(&name, Size::mib(4)).expect("opens it");
                    assert_eq!(same.size(), Size::mib(2));
                    assert_eq!(same.root::<u64>("it"), Ok(&7));
                }
            });
        }
    });
    assert!(name.path().exists());
}

/// Attachers could find a segment whose header was not written yet.
#[test]
fn a_heap_is_seen_complete_or_not_at_all() {
    let name = Name::new();
    let mut peers: Vec<_> = (0..3).map(|_| Peer::start(&["attach", &name])).collect();
    let mut made = 0;
    while peers.iter_mut().any(|peer| peer.child.try_wait().expect("a child").is_none()) {
        let heap = SharedHeap::create(&name, Size::mib(1)).expect("the name is free");
        made += 1;
        SharedHeap::unlink(&name).expect("it is there");
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
    }
    assert!(made > 1);
    peers.into_iter().for_each(Peer::finish);
}

/// Opens and uses what is there whenever there is something.
pub(super) fn attach_at_random(name: &str) {
    let mut attached = 0;
    while attached < ATTACHES {
        let heap = match SharedHeap::open(name) {
            Ok(heap) => heap,
            Err(HeapError::Missing { .. } | HeapError::StillCreating { .. }) => continue,
            Err(error) => panic!("{error}"),
        };
        let mut shadow = ShadowHeap::new();
        for size in [10, 100, 100_000] {
            shadow.allocate(&heap, Context::DEFAULT, layout(size, 8)).expect("room");
        }
        shadow.free_all(&heap, Context::DEFAULT);
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
        attached += 1;
    }
}

/// Twelve cycles of creating and destroying crashed; each attach leaked 12 KiB
/// of address space.
#[test]
fn a_thousand_cycles_leave_nothing() {
    Peer::start(&["cycles"]).finish();
}

/// In a process of its own, so that no other test opens anything.
pub(super) fn create_and_destroy() {
    let name = Name::new();
    let count = || [maps("/dev/shm"), files("/dev/shm"), files(""), maps("") / 100];
    let cycle = || {
        let heap = SharedHeap::create(&name, Size::mib(2)).expect("the name is free");
        let at = heap.allocate(Context::DEFAULT, layout(100, 8)).expect("room");
        free(&heap, at, layout(100, 8));
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
        let heap = SharedHeap::open(&name).expect("it is there");
        let at = heap.allocate(Context::DEFAULT, layout(200_000, 8)).expect("room");
        free(&heap, at, layout(200_000, 8));
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
        SharedHeap::unlink(&name).expect("it is there");
    };
    (0..50).for_each(|_| cycle());
    let before = count();
    (0..1000).for_each(|_| cycle());
    // The mappings of others, such as this process's own memory, may be more.
    let after = count();
    assert_eq!(before[..3], after[..3], "mappings and files");
    assert!(after[3] <= before[3] + 1, "mappings by the hundred: {before:?} {after:?}");
    assert!(!name.path().exists());
}

/// There was no magic number, no version and no length to check.
#[test]
fn what_is_no_heap_is_refused() {
    let dir = Directory::new("refused");
    let options = HeapOptions::new().directory(dir.path());
    let contents: [&[u8]; 6] =
        [b"", b"a", &[0; 5000], &[0xff; 100_000], b"#!/bin/sh\necho no heap\n", &[0; 1 << 20]];
    for (number, content) in contents.iter().enumerate() {
        let path = dir.path().join("anymem.it");
        fs::write(&path, content).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner");
        let error = options.open("it").expect_err("no heap");
        let expected = matches!(
            error,
            HeapError::Truncated { .. } | HeapError::NotASegment { .. } | HeapError::Damaged { .. }
        );
        assert!(expected, "{number}: {error:?}");
        fs::remove_file(&path).expect("there");
    }
}

/// Everybody could read and write every segment.
#[test]
fn a_heap_is_for_its_owner() {
    let name = Name::new();
    SharedHeap::create(&name, Size::mib(1)).expect("a new name");
    let mode = fs::metadata(name.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

fn free_space(path: &Path) -> u64 {
    let path = CString::new(path.to_str().expect("text")).expect("text");
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the string ends in a zero byte, and the structure is writable.
    let found = unsafe {
        assert_eq!(libc::statvfs(path.as_ptr(), found.as_mut_ptr()), 0);
        found.assume_init()
    };
    found.f_bfree * found.f_frsize
}

/// Segments and their memory stayed when everybody had gone.
#[test]
fn the_last_to_leave_takes_the_memory_along() {
    let Some(small) = SmallFileSystem::mount("leave", "size=16m") else { return };
    let options = HeapOptions::new().directory(small.path());
    let before = free_space(small.path());
    let heap = options.create("it", Size::mib(8)).expect("room");
    let (blocks, _) = exhaust(&heap, layout(5000, 8));
    blocks.iter().for_each(|&at| fill(&heap, at, 5000, 1));
    assert!(free_space(small.path()) < before - (6 << 20));
    let mut peer = Peer::start(&["leave", small.path().to_str().expect("text")]);
    assert_eq!(peer.hear(), "attached");
    options.unlink("it").expect("there");
    // SAFETY: nothing in it is used here.
    unsafe { heap.detach() }.expect("the only handle");
    assert!(free_space(small.path()) < before - (6 << 20), "the peer has it still");
    assert!(fs::read_dir(small.path()).expect("readable").next().is_none(), "the name is gone");
    peer.say("leave");
    peer.finish();
    assert_eq!(free_space(small.path()), before);
}

/// Ends with the heap attached and full of blocks.
pub(super) fn leave_blocks(dir: &str) {
    let heap = HeapOptions::new().directory(dir).open("it").expect("there");
    tell("attached");
    assert_eq!(listen(), "leave");
    assert_eq!(heap.check(), Ok(()));
}

/// There was no way to look without the right to change.
#[test]
fn a_heap_opened_for_reading_is_not_changed() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(2)).expect("a new name");
    let map = ShmHashMap::<u64, u64>::new_in(&heap).expect("room");
    map.insert(1, 10).expect("room");
    heap.bind_root("map", ShmBox::new_in(map, &heap).expect("room")).expect("a new root");
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
    let before = fs::read(name.path()).expect("readable");

    let heap = SharedHeap::open_read_only(&name).expect("there");
    for way in [&heap as &dyn Allocator, heap.allocator()] {
        assert!(way.read_only());
        let error = way.allocate(Context::DEFAULT, layout(10, 1)).expect_err("read-only");
        assert_eq!(error, AllocError::ReadOnly);
    }
    assert_eq!(heap.root::<ShmHashMap<u64, u64>>("map").map(|_| ()), Err(RootValueError::ReadOnly));
    // SAFETY: the map knows that its heap is read-only, which is what is tried.
    let map = unsafe { heap.root_to_read::<ShmHashMap<u64, u64>>("map") }.expect("there");
    let read_only = ContainerError::Alloc(AllocError::ReadOnly);
    assert_eq!(map.insert(2, 20), Err(read_only));
    assert_eq!((map.get(&1), map.get(&2)), (Ok(Some(10)), Ok(None)));
    assert!(heap.bind_root("other", map_box(&heap)).is_err());
    assert_eq!((heap.trim(), heap.recover()), (0, 0));
    assert_eq!(heap.check(), Ok(()));
    assert!(heap.stats().live_blocks > 0);
    assert_eq!(fs::read(name.path()).expect("readable"), before);
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
}

/// A box of another heap, for none can be made in a heap that is read-only.
fn map_box(heap: &SharedHeap) -> ShmBox<u64> {
    assert!(ShmBox::new_in(1_u64, heap).is_err());
    let other = HeapOptions::new().create_memfd("other", Size::mib(1)).expect("room");
    ShmBox::new_in(1, &other).expect("room")
}
