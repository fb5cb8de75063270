//! What processes leave behind: no descriptor, no mapping, no heap slot.
//!
//! What is counted is the whole process's, so each test is a process of its own.

use core::alloc::Layout;
use std::fs;
use std::os::fd::AsRawFd;
use std::process::Command;

use anymem::allocator::Allocator;
use anymem::backend::ShmBackend;
use anymem::manager::{BackendId, MemoryManager, ThreadLocal};
use anymem::thread::Context;
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_tests::{Name, Peer, in_threads, role};

/// How often a heap is attached and detached.
const ROUNDS: usize = 100_000;

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["by name", name] => rounds(ROUNDS, || SharedHeap::open(name).expect("there")),
        ["for reading", name] => {
            rounds(ROUNDS, || SharedHeap::open_read_only(name).expect("there"))
        }
        ["by file", path] => rounds(ROUNDS / 10, || {
            let file = fs::OpenOptions::new().read(true).write(true).open(path);
            SharedHeap::attach(file.expect("there").into()).expect("a heap")
        }),
        ["anew"] => rounds(ROUNDS / 10, || {
            HeapOptions::new().create_memfd("anew", Size::mib(2)).expect("made")
        }),
        ["managed", name] => managed(name),
        ["threads", name] => threads(name),
        ["children", name] => children(&SharedHeap::open(name).expect("there")),
        _ => panic!("no such role: {words:?}"),
    }
}

/// Descriptors and address ranges of this process.
fn held() -> [usize; 2] {
    let maps = fs::read_to_string("/proc/self/maps").expect("readable");
    let named = maps.lines().filter(|line| !line.ends_with(' ') && line.contains('/'));
    [fs::read_dir("/proc/self/fd").expect("readable").count(), named.count()]
}

/// Uses a heap through a slot, unless it is there for reading only.
fn touch(heap: &SharedHeap) {
    let layout = Layout::new::<u64>();
    if let Ok(at) = heap.allocate(Context::DEFAULT, layout) {
        // SAFETY: the block is live and not used afterwards.
        unsafe { heap.free(Context::DEFAULT, at, layout) }.expect("live");
    }
}

fn use_and_detach(heap: SharedHeap) {
    touch(&heap);
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
}

/// Attaches, uses and detaches; what is held afterwards is what was before.
fn rounds(count: usize, attach: impl Fn() -> SharedHeap) {
    (0..10).for_each(|_| use_and_detach(attach()));
    let before = held();
    (0..count).for_each(|_| use_and_detach(attach()));
    assert_eq!(held(), before);
}

/// The same through a manager.
fn managed(name: &str) {
    let manager = MemoryManager::new();
    let id = BackendId(1);
    let round = || {
        manager.attach_backend::<ShmBackend>(id, name).expect("there");
        let heap = manager.attach_allocator::<ThreadLocal>(id).expect("a heap");
        let (at, layout) = (heap.id(), Layout::new::<u64>());
        let block = heap.allocate(Context::DEFAULT, layout).expect("room");
        // SAFETY: the block is live and not used afterwards, nor is the heap.
        unsafe {
            heap.free(Context::DEFAULT, block, layout).expect("live");
            drop(heap);
            manager.unregister_allocator(at).expect("the only handle");
        }
        manager.detach_backend(id).expect("nobody uses it");
    };
    round();
    let before = held();
    (0..ROUNDS / 10).for_each(|_| round());
    assert_eq!(held(), before);
}

/// Threads that come and go, each with a slot.
fn threads(name: &str) {
    let heap = SharedHeap::open(name).expect("there");
    in_threads(4, |_| touch(&heap));
    let before = held();
    for _ in 0..1000 {
        in_threads(4, |_| touch(&heap));
    }
    assert_eq!(held()[0], before[0]);
}

/// Children that end in all the ways there are, none of which unmaps anything.
fn children(heap: &SharedHeap) {
    touch(heap);
    let slots = heap.owners().count();
    let before = held();
    for round in 0..400 {
        // SAFETY: the child works with the heap, and ends or is another program.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0);
        if pid == 0 {
            touch(heap);
            end(round);
        }
        let mut status = 0;
        // SAFETY: waits for the child made above.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(status, if round % 4 == 0 { libc::SIGKILL } else { 0 }, "round {round}");
        if round % 50 == 49 {
            heap.recover();
            assert_eq!(heap.owners().count(), slots);
        }
    }
    assert_eq!(held(), before);
    assert_eq!(heap.check(), Ok(()));
}

fn end(round: usize) -> ! {
    // SAFETY: each ends the process, or makes it another program.
    unsafe {
        match round % 4 {
            0 => libc::raise(libc::SIGKILL),
            1 => libc::execl(c"/bin/true".as_ptr(), c"true".as_ptr(), core::ptr::null::<u8>()),
            2 => libc::_exit(0),
            // What was registered for the exit gives the slot back.
            _ => libc::exit(0),
        };
    }
    unreachable!()
}

/// Plays a part with a heap, to which nothing may stick.
fn leaves_nothing(part: &str) {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    Peer::start(&[part, &name]).finish();
    assert_eq!((heap.owners().count(), heap.recover()), (0, 0));
    let stats = heap.stats();
    assert_eq!((stats.live_blocks, stats.double_frees), (0, 0));
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn attached_by_name() {
    leaves_nothing("by name");
}

#[test]
fn attached_for_reading() {
    leaves_nothing("for reading");
}

#[test]
fn attached_by_a_manager() {
    leaves_nothing("managed");
}

#[test]
fn used_by_threads() {
    leaves_nothing("threads");
}

#[test]
fn used_by_children() {
    leaves_nothing("children");
}

#[test]
fn attached_by_file() {
    let heap = HeapOptions::new().create_memfd("handed over", Size::mib(8)).expect("made");
    let path = format!("/proc/{}/fd/{}", std::process::id(), heap.file().as_raw_fd());
    Peer::start(&["by file", &path]).finish();
    assert_eq!((heap.owners().count(), heap.recover()), (0, 0));
}

#[test]
fn made_anew() {
    Peer::start(&["anew"]).finish();
}

/// A program that was started has neither the heap's file nor its lock.
#[test]
fn programs_inherit_nothing() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let file = fs::read_link(format!("/proc/self/fd/{}", heap.file().as_raw_fd())).expect("open");
    let list = Command::new("ls").args(["-l", "/proc/self/fd"]).output().expect("a program");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("/proc") && !list.contains(&*file.to_string_lossy()), "{list}");
}
