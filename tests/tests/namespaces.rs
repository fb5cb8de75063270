//! Who lives, where process ids do not tell: peers in other PID namespaces, of
//! another boot, without `/proc`, and forked children.

use core::alloc::Layout;
use core::sync::atomic::AtomicUsize;
use std::os::fd::AsRawFd;

use anymem::allocator::Allocator;
use anymem::offset::Offset;
use anymem::sync::{Acquired, RobustLock};
use anymem::thread::{Context, Liveness, Owner, PthreadModel, ThreadModel};
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_tests::{Elsewhere, Name, Peer, View, listen, part, role, tell};

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *part(&words) {
        ["hold", name] => hold(&SharedHeap::open(name).expect("there")),
        ["hold file", path] => {
            let file = std::fs::OpenOptions::new().read(true).write(true).open(path);
            hold(&SharedHeap::attach(file.expect("there").into()).expect("a heap"));
        }
        ["fork", name] => fork(&SharedHeap::open(name).expect("there")),
        ["owner"] => {
            let Owner { pid, start } = PthreadModel.owner();
            tell(&format!("{pid} {start}"));
            let _ = listen();
        }
        _ => panic!("no such role: {words:?}"),
    }
}

fn word() -> Layout {
    Layout::new::<usize>()
}

fn allocate(heap: &SharedHeap) -> Offset {
    heap.allocate(Context::DEFAULT, word()).expect("room")
}

fn lock_at(heap: &SharedHeap, at: Offset) -> RobustLock<'_> {
    let place = heap.resolve(at, size_of::<usize>()).expect("inside").cast::<AtomicUsize>();
    // SAFETY: the block is live and zeroed, and used as a lock alone.
    RobustLock::new(unsafe { place.as_ref() })
}

/// Holds a heap slot and a lock, and tells where that is; then does as told.
fn hold(heap: &SharedHeap) {
    let at = heap.allocate_zeroed(Context::DEFAULT, word()).expect("room");
    let taken = lock_at(heap, at).acquire(heap.thread_model());
    assert_eq!(taken, Acquired::Free);
    tell(&at.get().to_string());
    while listen() == "recover" {
        tell(&heap.recover().to_string());
    }
}

/// Holds a heap slot, and has a forked child hold another.
fn fork(heap: &SharedHeap) {
    allocate(heap);
    // SAFETY: the child works with the heap, and exits.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        allocate(heap);
        tell("both");
    }
    while !listen().is_empty() {}
    if pid == 0 {
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
}

/// Every owner of a slot lives, as far as the heap knows.
fn all_live(heap: &SharedHeap) -> bool {
    heap.owners().all(|owner| heap.thread_model().is_alive(owner))
}

/// A heap with a name, and a process with another view that holds a slot and a
/// lock in it.
fn held_elsewhere(name: &Name, view: View) -> Option<(SharedHeap, Elsewhere, Offset)> {
    let heap = SharedHeap::create(name, Size::mib(16)).expect("made");
    let mut other = Elsewhere::start(view, &["hold", name])?;
    let at = Offset::new(other.peer.hear().parse().expect("an offset"));
    Some((heap, other, at))
}

/// What another process gives back where one is left alone first, and then dead.
fn is_recovered_once_dead(heap: &SharedHeap, mut other: Elsewhere, at: Offset) {
    assert!(all_live(heap));
    assert_eq!(heap.owners().count(), 1);
    assert_eq!(heap.recover(), 0, "its holder lives");
    let (me, model) = (PthreadModel.owner(), heap.thread_model());
    assert_eq!(lock_at(heap, at).try_acquire(me, model), None, "its holder lives");
    other.kill();
    assert!(!all_live(heap), "a zombie is dead");
    assert!(matches!(lock_at(heap, at).try_acquire(me, model), Some(Acquired::Recovered(_))));
    assert_eq!(heap.recover(), 1);
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn a_process_of_another_pid_namespace_lives_until_it_ends() {
    for view in [View::Pids, View::PidsAndProc] {
        let name = Name::new();
        let Some((heap, other, at)) = held_elsewhere(&name, view) else { return };
        is_recovered_once_dead(&heap, other, at);
    }
}

#[test]
fn it_does_in_a_memory_file() {
    let heap = HeapOptions::new().create_memfd("handed over", Size::mib(16)).expect("made");
    let path = format!("/proc/{}/fd/{}", std::process::id(), heap.file().as_raw_fd());
    let other = Elsewhere::start(View::Pids, &["hold file", &path]);
    let Some(mut other) = other else { return };
    let at = Offset::new(other.peer.hear().parse().expect("an offset"));
    is_recovered_once_dead(&heap, other, at);
}

#[test]
fn a_process_of_another_pid_namespace_recovers_the_dead_alone() {
    for view in [View::Pids, View::PidsAndProc] {
        let name = Name::new();
        let Some((heap, mut other, _)) = held_elsewhere(&name, view) else { return };
        let mut here = Peer::start(&["hold", &name]);
        let _ = here.hear();
        allocate(&heap);
        other.peer.say("recover");
        assert_eq!(other.peer.hear(), "0", "all live");
        here.kill();
        other.peer.say("recover");
        assert_eq!(other.peer.hear(), "1");
        assert_eq!(heap.check(), Ok(()));
    }
}

#[test]
fn namespaces_whose_process_ids_are_the_same_are_told_apart() {
    let name = Name::new();
    let Some((heap, mut first, _)) = held_elsewhere(&name, View::PidsAndProc) else { return };
    let second = Elsewhere::start(View::PidsAndProc, &["hold", &name]);
    let mut second = second.expect("as the first");
    let _ = second.peer.hear();
    let pids: Vec<_> = heap.owners().map(|owner| owner.pid).collect();
    assert_eq!(pids, [1, 1]);
    second.peer.say("recover");
    assert_eq!(second.peer.hear(), "0");
    first.kill();
    second.peer.say("recover");
    assert_eq!(second.peer.hear(), "1");
}

#[test]
fn a_stopped_process_lives() {
    let name = Name::new();
    let Some((heap, other, at)) = held_elsewhere(&name, View::PidsAndProc) else { return };
    other.signal(libc::SIGSTOP);
    other.wait_stopped();
    is_recovered_once_dead(&heap, other, at);
}

#[test]
fn a_process_without_proc_lives_until_it_ends() {
    let name = Name::new();
    let Some((heap, other, at)) = held_elsewhere(&name, View::NoProc) else { return };
    is_recovered_once_dead(&heap, other, at);
}

#[test]
fn a_process_of_another_boot_is_dead_unless_it_has_the_heap_open() {
    let Some(mut other) = Elsewhere::start(View::Boot, &["owner"]) else { return };
    let said = other.peer.hear();
    let (pid, start) = said.split_once(' ').expect("two numbers");
    let owner = Owner { pid: pid.parse().expect("pid"), start: start.parse().expect("start") };
    assert_eq!(owner.pid as i32, other.pid);
    assert!(PthreadModel.is_alive(Owner { start: 0, ..owner }), "its id is in use");
    assert!(!PthreadModel.is_alive(owner));
    let name = Name::new();
    let (heap, other, at) = held_elsewhere(&name, View::Boot).expect("as before");
    is_recovered_once_dead(&heap, other, at);
}

#[test]
fn a_forked_child_does_not_keep_its_parent_alive() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(16)).expect("made");
    let mut parent = Peer::start(&["fork", &name]);
    assert_eq!(parent.hear(), "both");
    assert_eq!((heap.owners().count(), heap.recover()), (2, 0));
    parent.child.kill().expect("still there");
    parent.child.wait().expect("it ends");
    assert_eq!(heap.recover(), 1, "the parent's slot alone");
    assert_eq!(heap.owners().count(), 1);
    assert!(all_live(&heap));
}

#[test]
fn a_forked_child_lives_for_other_namespaces() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(16)).expect("made");
    let parent = Elsewhere::start(View::PidsAndProc, &["fork", &name]);
    let Some(mut parent) = parent else { return };
    assert_eq!(parent.peer.hear(), "both");
    assert_eq!((heap.owners().count(), heap.recover()), (2, 0));
    parent.kill();
    // The first process of a namespace takes all others with it.
    assert_eq!(heap.recover(), 2);
}
