//! Heaps that several processes share.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::collections::BTreeSet;
use std::thread;

use anymem::allocator::{AllocError, Allocator, registry};
use anymem::offset::{AllocatorId, Offset};
use anymem::segment::TypeTag;
use anymem::thread::Context;
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_tests::{Directory, Name, Peer, files, listen, maps, role, tell};

const MINE: Context = Context::DEFAULT;
const NUMBER: TypeTag<'static> =
    TypeTag { name: "u64", size: 8, align: 8, fingerprint: 64, members: &[] };

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

/// The `u64` at `at`.
fn number(heap: &SharedHeap, at: Offset) -> NonNull<u64> {
    heap.resolve(at, 8).expect("inside").cast()
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["add", name] => add(name),
        ["race", dir] => race(dir),
        ["hold", name] => hold(name),
        ["open", name, recover] => open_and_count(name, recover == "recover"),
        ["hammer", name, seed] => hammer(name, seed.parse().expect("a number")),
        _ => panic!("no such role: {words:?}"),
    }
}

/// Adds one to the number that another process left, and leaves another.
fn add(name: &str) {
    let heap = SharedHeap::open(name).expect("there");
    let at = heap.roots().unbind("number", &NUMBER).expect("bound");
    let mine = heap.allocate(MINE, layout(8)).expect("room");
    // SAFETY: the other process waits meanwhile; both blocks are live.
    unsafe {
        number(&heap, at).write(number(&heap, at).read() + 1);
        number(&heap, mine).write(7);
        heap.free(MINE, at, layout(8)).expect("the other's block");
    }
    // SAFETY: a live `u64` is there.
    unsafe { heap.roots().bind("mine", &NUMBER, mine) }.expect("a new name");
}

/// Opens a heap, and tells how many slots of it are held.
fn open_and_count(name: &str, recover: bool) {
    let heap = HeapOptions::new().recover(recover).open(name).expect("there");
    tell(&heap.owners().count().to_string());
}

fn race(dir: &str) {
    let options = HeapOptions::new().directory(dir);
    tell("ready");
    loop {
        let name = listen();
        if name.is_empty() {
            break;
        }
        let heap = options.open_or_create(&name, Size::mib(2)).expect("opened or created");
        tell(&heap.id().to_string());
        // SAFETY: nothing in the heap is in use.
        unsafe { heap.detach() }.expect("the only handle");
    }
}

/// Holds slots of three threads and blocks until it is killed.
fn hold(name: &str) {
    let heap = SharedHeap::open(name).expect("there");
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let heap = heap.clone();
            let (ready, wait) = std::sync::mpsc::channel();
            thread::spawn(move || {
                heap.allocate(MINE, layout(100)).expect("room");
                ready.send(()).expect("somebody listens");
                thread::park();
            });
            wait
        })
        .collect();
    threads.iter().for_each(|wait| wait.recv().expect("it says so"));
    tell("holding");
    let _ = listen();
}

/// Allocates and frees at random; checks that nobody writes into its blocks.
fn hammer(name: &str, seed: u64) {
    let heap = SharedHeap::open(name).expect("there");
    tell("ready");
    let _ = listen();
    let workers: Vec<_> = (0..2)
        .map(|worker| {
            let heap = heap.clone();
            thread::spawn(move || churn(&heap, seed * 2 + worker))
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().expect("no overlap"));
    tell("done");
}

fn churn(heap: &SharedHeap, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut live: Vec<(Offset, usize, u64)> = Vec::new();
    for step in 0..20_000_u64 {
        if live.len() < 200 && random(3) > 0 {
            let size = 8 + random(2000) as usize;
            let Ok(at) = heap.allocate(MINE, layout(size)) else { continue };
            let mark = seed << 32 | step;
            // SAFETY: the block is live and that long.
            unsafe {
                number(heap, at).write(mark);
                let end = heap.resolve(at, size).expect("inside").add(size - 8);
                end.cast::<u64>().write_unaligned(mark);
            }
            live.push((at, size, mark));
        } else if !live.is_empty() {
            let (at, size, mark) = live.swap_remove(random(live.len() as u64) as usize);
            check_and_free(heap, at, size, mark);
        }
    }
    live.into_iter().for_each(|(at, size, mark)| check_and_free(heap, at, size, mark));
}

fn check_and_free(heap: &SharedHeap, at: Offset, size: usize, mark: u64) {
    // SAFETY: the block is live and that long; it is not used afterwards.
    unsafe {
        let end = heap.resolve(at, size).expect("inside").add(size - 8);
        assert_eq!(end.cast::<u64>().read_unaligned(), mark);
        if size >= 16 {
            assert_eq!(number(heap, at).read(), mark);
        }
        heap.free(MINE, at, layout(size)).expect("a live block");
    }
}

#[test]
fn another_process_uses_the_same_blocks() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let at = heap.allocate(MINE, layout(8)).expect("room");
    // SAFETY: the block is live, and nobody else knows of it.
    unsafe { number(&heap, at).write(41) };
    // SAFETY: a live `u64` is there.
    unsafe { heap.roots().bind("number", &NUMBER, at) }.expect("a new name");
    Peer::start(&["add", &name]).finish();
    let mine = heap.roots().unbind("mine", &NUMBER).expect("the other bound it");
    // SAFETY: the other process is gone; it freed `at` and left `mine`.
    unsafe {
        assert_eq!(number(&heap, mine).read(), 7);
        heap.free(MINE, mine, layout(8)).expect("live");
    }
    heap.recover();
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn names_exist_once() {
    let name = Name::new();
    let missing = HeapError::Missing { name: name.to_string() };
    assert_eq!(SharedHeap::open(&name).expect_err("none"), missing);
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let exists = HeapError::Exists { name: name.to_string() };
    assert_eq!(SharedHeap::create(&name, Size::mib(8)).expect_err("taken"), exists);
    assert_eq!(SharedHeap::open(&name).expect("there").id(), heap.id());
    assert_eq!(heap.size(), Size::mib(8));
    let listed = SharedHeap::list().expect("readable");
    assert!(listed.iter().any(|it| it.name == *name && it.size == Size::mib(8)));
    SharedHeap::unlink(&name).expect("there");
    assert_eq!(SharedHeap::open(&name).expect_err("gone"), missing);
    heap.allocate(MINE, layout(8)).expect("those who have it go on");
}

#[test]
fn one_process_has_one_mapping() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let same = SharedHeap::open(&name).expect("there");
    let at = heap.allocate(MINE, layout(8)).expect("room");
    assert_eq!(heap.resolve(at, 8), same.resolve(at, 8));
    let found = registry::find(heap.id()).expect("attached");
    assert_eq!(found.resolve(at.get(), 8), heap.resolve(at, 8));
    drop((heap, same));
    assert!(registry::find(found.id()).is_some(), "it stays attached");
    assert_eq!(SharedHeap::open(&name).expect("there").stats().live_blocks, 1);
}

#[test]
fn many_open_or_create_one() {
    let dir = Directory::new("or-create");
    let path = dir.path().to_str().expect("text");
    let mut peers: Vec<_> = (0..4).map(|_| Peer::start(&["race", path])).collect();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    for round in 0..50 {
        peers.iter_mut().for_each(|peer| peer.say(&format!("round{round}")));
        let ids: BTreeSet<_> = peers.iter_mut().map(Peer::hear).collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
    peers.into_iter().for_each(Peer::finish);
}

#[test]
fn reading_only_changes_nothing() {
    let dir = Directory::new("reading");
    let options = HeapOptions::new().directory(dir.path());
    let heap = options.create("it", Size::mib(8)).expect("made");
    let at = heap.allocate(MINE, layout(8)).expect("room");
    // SAFETY: the block is live.
    unsafe { number(&heap, at).write(9) };
    // SAFETY: a live `u64` is there.
    unsafe { heap.roots().bind("number", &NUMBER, at) }.expect("a new name");
    assert!(!options.open_read_only("it").expect("there").is_read_only(), "it is mapped already");
    // SAFETY: nothing in the heap is in use.
    unsafe { heap.detach() }.expect("the only handle");

    let heap = options.open_read_only("it").expect("there");
    assert!(heap.is_read_only());
    let at = heap.roots().find("number", &NUMBER).expect("bound");
    // SAFETY: the block is live, and nobody writes to it.
    assert_eq!(unsafe { number(&heap, at).read() }, 9);
    assert_eq!(heap.allocate(MINE, layout(8)), Err(AllocError::ReadOnly));
    assert!(heap.create_tls().is_err());
    // SAFETY: refused, so nothing happens to the block.
    assert!(unsafe { heap.free(MINE, at, layout(8)) }.is_err());
    // SAFETY: a live `u64` is there.
    assert!(unsafe { heap.roots().bind("other", &NUMBER, at) }.is_err());
    assert_eq!((heap.recover(), heap.trim()), (0, 0));
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 1);
    let error = options.open("it").expect_err("attached for reading");
    assert_eq!(error, HeapError::AttachedReadOnly { name: "it".into() });
}

#[test]
fn an_id_is_attached_once() {
    let dir = Directory::new("ids");
    let options = HeapOptions::new().directory(dir.path()).id(AllocatorId::new(77, 1));
    let first = options.create("first", Size::mib(2)).expect("made");
    let taken = |name: &str| HeapError::IdTaken { name: name.into(), id: first.id() };
    assert_eq!(options.create("second", Size::mib(2)).expect_err("taken"), taken("second"));
    assert_eq!(dir.names(), ["anymem.first"], "nothing is left of the second");
    // A heap of the same id that another process made.
    std::fs::copy(dir.path().join("anymem.first"), dir.path().join("anymem.copy")).expect("copied");
    assert_eq!(options.open("copy").expect_err("taken"), taken("copy"));
    let null = options.clone().id(AllocatorId::NULL);
    assert_eq!(null.create("null", Size::mib(2)).expect_err("no id"), HeapError::NullId);
}

#[test]
fn ids_differ_by_themselves() {
    let dir = Directory::new("random");
    let options = HeapOptions::new().directory(dir.path());
    let make = |count| options.create(&format!("heap{count}"), Size::mib(1)).expect("made");
    let heaps: Vec<_> = (0..20).map(make).collect();
    let ids: BTreeSet<_> = heaps.iter().map(Allocator::id).collect();
    assert_eq!(ids.len(), 20);
}

#[test]
fn a_heap_in_use_stays_attached() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(2)).expect("made");
    let id = heap.id();
    let other = heap.clone();
    // SAFETY: nothing in the heap is in use.
    let error = unsafe { heap.detach() }.expect_err("another handle is alive");
    assert_eq!(error, HeapError::InUse { name: name.to_string(), handles: 1 });
    assert!(registry::find(id).is_some());
    // SAFETY: nothing in the heap is in use.
    unsafe { other.detach() }.expect("the only handle");
    assert!(registry::find(id).is_none());
    assert_eq!(SharedHeap::open(&name).expect("still has its name").id(), id);
}

#[test]
fn a_thousand_heaps_leave_nothing() {
    let dir = Directory::new("thousand");
    let options = HeapOptions::new().directory(dir.path());
    let cycle = || {
        let heap = options.create("again", Size::mib(4)).expect("made");
        heap.allocate(MINE, layout(64)).expect("room");
        let other = heap.clone();
        thread::spawn(move || other.allocate(MINE, layout(64)).expect("room")).join().expect("ok");
        options.unlink("again").expect("there");
        // SAFETY: nothing in the heap is in use.
        unsafe { heap.detach() }.expect("the only handle");
    };
    cycle();
    let before = [maps("anymem.thousand"), files("anymem.thousand")];
    (0..1000).for_each(|_| cycle());
    assert_eq!([maps("anymem.thousand"), files("anymem.thousand")], before);
}

#[test]
fn sizes_and_slots_are_checked() {
    let dir = Directory::new("checked");
    let options = HeapOptions::new().directory(dir.path());
    assert_eq!(options.create("x", 0).expect_err("nothing"), HeapError::ZeroSize);
    for size in [1, 4096, 65536] {
        let error = options.create("x", size).expect_err("too small");
        assert!(matches!(error, HeapError::TooSmall { .. }), "{error}");
    }
    let error = options.clone().slots(1 << 20).create("x", Size::mib(8)).expect_err("too many");
    assert!(matches!(error, HeapError::TooManySlots { .. }), "{error}");
    let error = options.create("x", usize::MAX).expect_err("absurd");
    assert!(matches!(error, HeapError::AbsurdSize { .. }), "{error}");
    assert_eq!(dir.names(), Vec::<String>::new());
}

#[test]
fn a_thread_gives_its_slot_back() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(4).create(&name, Size::mib(16)).expect("made");
    for _ in 0..3000 {
        let heap = heap.clone();
        let worker = thread::spawn(move || {
            let at = heap.allocate(MINE, layout(48)).expect("room");
            assert!(heap.owners().count() <= 2);
            // SAFETY: the block is live and not used afterwards.
            unsafe { heap.free(MINE, at, layout(48)) }.expect("live");
        });
        worker.join().expect("it ends");
    }
    assert_eq!(heap.owners().count(), 0);
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn a_thread_outlives_a_heap() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let (worker_heap, (said, wait)) = (heap.clone(), std::sync::mpsc::channel());
    let (go, end) = std::sync::mpsc::channel::<()>();
    let worker = thread::spawn(move || {
        worker_heap.allocate(MINE, layout(8)).expect("room");
        drop(worker_heap);
        said.send(()).expect("somebody listens");
        let _ = end.recv();
    });
    wait.recv().expect("it says so");
    assert_eq!(heap.owners().count(), 1);
    // SAFETY: nothing in the heap is in use.
    unsafe { heap.detach() }.expect("the only handle");
    let again = SharedHeap::open(&name).expect("there");
    assert_eq!(again.owners().count(), 0, "detaching gave the slot back");
    let held = again.create_tls().expect("a slot");
    drop(go);
    worker.join().expect("it ends");
    assert_eq!(again.owners().count(), 1, "its end gave nobody else's slot back");
    // SAFETY: the context is not used afterwards.
    unsafe { again.free_tls(held) };
    assert_eq!(again.check(), Ok(()));
}

#[test]
fn more_threads_than_slots_work() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(2).create(&name, Size::mib(64)).expect("made");
    // Joined one by one: a scope would not wait for their slots to come back.
    let start = |seed| {
        let heap = heap.clone();
        thread::spawn(move || churn(&heap, seed))
    };
    let workers: Vec<_> = (0..8).map(start).collect();
    workers.into_iter().for_each(|worker| worker.join().expect("no overlap"));
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn one_thread_uses_more_heaps_than_it_has_places() {
    let dir = Directory::new("many");
    let options = HeapOptions::new().directory(dir.path());
    let make = |count| options.create(&format!("heap{count}"), Size::mib(2)).expect("made");
    let heaps: Vec<_> = (0..40).map(make).collect();
    for round in 0..5 {
        for heap in &heaps {
            let at = heap.allocate(MINE, layout(32)).expect("room");
            if round % 2 == 0 {
                // SAFETY: the block is live and not used afterwards.
                unsafe { heap.free(MINE, at, layout(32)) }.expect("live");
            }
        }
    }
    for heap in &heaps {
        assert_eq!(heap.check(), Ok(()));
        assert_eq!(heap.stats().live_blocks, 2);
    }
    let held: usize = heaps.iter().map(|heap| heap.owners().count()).sum();
    assert!(held <= 16, "{held}");
}

#[test]
fn a_context_claimed_by_hand_works() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let context = heap.create_tls().expect("a slot");
    let at = heap.allocate(context, layout(24)).expect("room");
    assert_eq!(heap.owners().count(), 1);
    // SAFETY: the block is live; neither it nor the context is used afterwards.
    unsafe {
        heap.free(context, at, layout(24)).expect("live");
        heap.free_tls(context);
    }
    assert_eq!(heap.owners().count(), 0);
}

/// Whoever opens a heap takes back what the dead held, unless it says not to.
#[test]
fn what_the_dead_held_comes_back_when_a_heap_is_opened() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(4).create(&name, Size::mib(16)).expect("made");
    let mut peer = Peer::start(&["hold", &name]);
    assert_eq!(peer.hear(), "holding");
    peer.kill();
    for (recover, left) in [("leave", "3"), ("recover", "0")] {
        let mut peer = Peer::start(&["open", &name, recover]);
        assert_eq!(peer.hear(), left);
        peer.finish();
    }
    assert_eq!(heap.recover(), 0);
}

#[test]
fn what_the_dead_held_comes_back() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(4).create(&name, Size::mib(16)).expect("made");
    for _ in 0..5 {
        let mut peer = Peer::start(&["hold", &name]);
        assert_eq!(peer.hear(), "holding");
        assert_eq!(heap.owners().count(), 3);
        assert_eq!(heap.recover(), 0, "it lives");
        peer.kill();
        assert_eq!(heap.recover(), 3);
    }
    assert_eq!(heap.owners().count(), 0);
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 15, "what was in use stays");
}

#[test]
fn slots_of_the_dead_are_taken_when_none_are_left() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(3).create(&name, Size::mib(16)).expect("made");
    let mut peer = Peer::start(&["hold", &name]);
    assert_eq!(peer.hear(), "holding");
    let at = heap.allocate(MINE, layout(8)).expect("without a slot");
    // SAFETY: the block is live and not used afterwards.
    unsafe { heap.free(MINE, at, layout(8)) }.expect("live");
    peer.kill();
    let other = heap.clone();
    thread::spawn(move || {
        other.allocate(MINE, layout(8)).expect("room");
        let own = std::process::id();
        assert_eq!(other.owners().filter(|owner| owner.pid == own).count(), 1);
    })
    .join()
    .expect("it got one of the dead's");
}

#[test]
fn processes_hammer_one_heap() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(64)).expect("made");
    let seeds = ["1", "2", "3"];
    let mut peers = seeds.map(|seed| Peer::start(&["hammer", &name, seed]));
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    peers.iter_mut().for_each(|peer| peer.say("go"));
    churn(&heap, 0);
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "done"));
    peers.into_iter().for_each(Peer::finish);
    heap.recover();
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 0);
}
