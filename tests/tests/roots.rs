//! Containers that several processes find by name.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anymem::allocator::Allocator;
use anymem::container::{ContainerError, ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec, type_tag};
use anymem::segment::RootError;
use anymem::thread::{Owner, PthreadModel, ThreadModel};
use anymem::{HeapOptions, RootValueError, SharedHeap, Size};
use anymem_tests::{Directory, Name, Peer, listen, role, tell};

type Words = ShmHashMap<ShmString, u64>;

/// A struct of the user's own.
#[derive(ShmSafe)]
#[repr(C)]
struct Record {
    number: u64,
    names: ShmVec<ShmString>,
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["read", name] => {
            let heap = SharedHeap::open_read_only(name).expect("there");
            assert!(matches!(heap.root::<Record>("record"), Err(RootValueError::ReadOnly)));
            // SAFETY: a record is plain data.
            let record = unsafe { heap.root_to_read::<Record>("record") }.expect("bound");
            let names = record.names.as_slice().expect("attached");
            let names: Vec<_> = names.iter().map(|it| it.as_str().expect("attached")).collect();
            tell(&format!("{} {}", record.number, names.join(" ")));
        }
        ["race", dir] => {
            let options = HeapOptions::new().directory(dir);
            let heap = options.open_or_create("it", Size::mib(16)).expect("opened or created");
            tell("ready");
            loop {
                let name = listen();
                if name.is_empty() {
                    break;
                }
                let number = u64::from(std::process::id());
                let found = heap.root_or_create(&name, |_| Ok(number)).expect("one of ours");
                tell(&found.to_string());
            }
        }
        ["live"] => {
            tell(&PthreadModel.owner().to_word().to_string());
            let _ = listen();
        }
        _ => panic!("no such role: {words:?}"),
    }
}

/// What `work` answers, which it must do some time.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (answer, answered) = channel();
    let thread = thread::spawn(move || answer.send(work()));
    let found = answered.recv_timeout(Duration::from_secs(500)).expect("an answer in time");
    // A thread that is ending still gives its heap slot back.
    thread.join().expect("no panic").expect("somebody listens");
    found
}

/// Makes it look as if `holder` held the table of roots, whose only root is
/// `first`: its lock is the last word of the first entry, where the name is
/// preceded by six words.
fn hold_roots(heap: &Name, first: &str, holder: usize) {
    const WORD: usize = size_of::<usize>();
    const ENTRY: usize = 256;
    let bytes = fs::read(heap.path()).expect("readable");
    let name = bytes.windows(first.len()).position(|it| it == first.as_bytes()).expect("bound");
    let lock = name - 6 * WORD + ENTRY - WORD;
    let file = OpenOptions::new().write(true).open(heap.path()).expect("writable");
    file.write_all_at(&holder.to_ne_bytes(), lock as u64).expect("written");
}

fn root_error(error: RootValueError) -> RootError {
    match error {
        RootValueError::Root(error) => *error,
        other => panic!("{other}"),
    }
}

#[test]
fn another_process_finds_a_struct_by_name() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let mut names = ShmVec::new_in(&heap);
    for text in ["short", "a text that is too long to be kept in place"] {
        names.push(ShmString::from_str_in(text, &heap).expect("room")).expect("room");
    }
    let record = ShmBox::new_in(Record { number: 7, names }, &heap).expect("room");
    assert_eq!(heap.bind_root("record", record).expect("a new name").number, 7);
    let mut peer = Peer::start(&["read", &name]);
    assert_eq!(peer.hear(), "7 short a text that is too long to be kept in place");
    peer.finish();
    // SAFETY: the other process is gone, and no reference is left here.
    drop(unsafe { heap.unbind_root::<Record>("record") }.expect("bound"));
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn a_root_has_one_type_and_one_value() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let missing = heap.root::<u64>("x").expect_err("none");
    assert!(matches!(root_error(missing), RootError::Missing { .. }));
    let boxed = || ShmBox::new_in(5_u64, &heap).expect("room");
    heap.bind_root("x", boxed()).expect("a new name");
    let other = heap.root::<Words>("x").expect_err("a number");
    assert!(other.to_string().contains("u64"), "{other}");
    assert!(matches!(root_error(other), RootError::OtherType { .. }));
    let taken = heap.bind_root("x", boxed()).expect_err("taken");
    assert!(matches!(root_error(taken), RootError::Exists { .. }));
    let taken = heap.bind_root("x", ShmBox::new_in('c', &heap).expect("room")).expect_err("taken");
    assert!(matches!(root_error(taken), RootError::Exists { .. }));
    let bad = heap.bind_root("", boxed()).expect_err("no name");
    assert!(matches!(root_error(bad), RootError::BadName { .. }));
    assert_eq!(heap.stats().live_blocks, 1, "what was not bound was dropped");
    let found = heap.root_or_create("x", |_| Ok(9_u64)).expect("bound");
    assert_eq!(*found, 5);
    let no = heap.root_or_create::<u64>("y", |_| Err(ContainerError::Corrupt));
    assert_eq!(no, Err(RootValueError::Value(ContainerError::Corrupt)));
}

#[test]
fn a_value_of_another_heap_is_refused() {
    let (name, other) = (Name::new(), Name::new());
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let second = SharedHeap::create(&other, Size::mib(8)).expect("made");
    let value = ShmBox::new_in(1_u8, &second).expect("room");
    let expected = RootValueError::OtherHeap { found: second.id(), expected: heap.id() };
    assert_eq!(heap.bind_root("x", value), Err(expected));
}

#[test]
fn many_create_one_value() {
    let dir = Directory::new("root-race");
    let path = dir.path().to_str().expect("text");
    let mut peers: Vec<_> = (0..4).map(|_| Peer::start(&["race", path])).collect();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    for round in 0..50 {
        peers.iter_mut().for_each(|peer| peer.say(&format!("round{round}")));
        let mut said: Vec<_> = peers.iter_mut().map(Peer::hear).collect();
        said.dedup();
        assert_eq!(said.len(), 1, "{said:?}");
    }
    peers.into_iter().for_each(Peer::finish);
}

#[test]
fn a_table_that_the_living_hold_says_who_does() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let boxed = |heap: &SharedHeap| ShmBox::new_in(5_u64, heap).expect("room");
    heap.bind_root("the first", boxed(&heap)).expect("a new name");

    // A process that lives and never touched the heap.
    let mut peer = Peer::start(&["live"]);
    let other: usize = peer.hear().parse().expect("a word");
    hold_roots(&name, "the first", other);
    let second = heap.clone();
    let bound = in_time(move || second.bind_root("x", boxed(&second)).copied());
    let busy = RootError::Busy { holder: Owner::from_word(other) };
    assert_eq!(root_error(bound.expect_err("held")), busy);
    assert!(busy.to_string().contains(&peer.pid().to_string()), "{busy}");
    assert_eq!(heap.root::<u64>("the first"), Ok(&5), "finding takes no lock");
    assert_eq!(heap.stats().live_blocks, 1, "what was not bound was dropped");

    // This process, which does not hold it either.
    let own = PthreadModel.owner();
    hold_roots(&name, "the first", own.to_word());
    let second = heap.clone();
    // SAFETY: nobody has a reference to the value.
    let unbound = in_time(move || unsafe { second.unbind_root::<u64>("the first") }.map(|_| ()));
    let busy = RootError::Busy { holder: Owner::from_word(own.to_word()) };
    assert_eq!(root_error(unbound.expect_err("held")), busy);

    hold_roots(&name, "the first", other);
    peer.finish();
    heap.bind_root("x", boxed(&heap)).expect("the holder is dead");
}

#[test]
fn a_name_that_changes_its_type_is_never_mistaken() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let tags = [type_tag::<u64>(), type_tag::<[char; 2]>()];
    let places = [0, 1].map(|_| ShmBox::new_in(0_u64, &heap).expect("room").into_shm_ptr());
    let at = places.map(|place| place.ptr.offset());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for kind in [0, 1] {
            let (heap, stop, tag, at) = (&heap, &stop, &tags[kind], at[kind]);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match heap.roots().find("x", tag) {
                        Ok(found) => assert_eq!(found, at),
                        Err(RootError::Missing { .. } | RootError::OtherType { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        for round in 0..20_000 {
            let kind = round % 2;
            // SAFETY: eight bytes that may be either type are there.
            unsafe { heap.roots().bind("x", &tags[kind], at[kind]) }.expect("a free name");
            assert_eq!(heap.roots().unbind("x", &tags[kind]), Ok(at[kind]));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(heap.roots().iter().count(), 0);
}

#[test]
fn a_value_whose_heap_is_gone_says_so() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    let value = ShmBox::new_in(3_u64, &heap).expect("room");
    let id = heap.id();
    // SAFETY: no reference to anything in the heap is alive.
    unsafe { heap.detach() }.expect("the only handle");
    assert_eq!(value.get(), Err(ContainerError::NotAttached(id)));
    let _again = SharedHeap::open(&name).expect("there");
    assert_eq!(value.get(), Ok(&3));
}
