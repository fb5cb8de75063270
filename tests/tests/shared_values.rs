//! Values with several owners, and owners that are killed.
//!
//! - no value goes while somebody alive has a handle, whoever dies when;
//! - what the dead had is counted off when the heap's blocks are reclaimed;
//! - a handle that may be one counts as one.

use std::mem;
use std::process;

use anymem::allocator::Allocator;
use anymem::container::{
    ReclaimError, Reclaimed, RootType, ShmArc, ShmBox, ShmMutex, ShmSafe, ShmString, ShmVec,
    ShmWeak, Trace, TraceError,
};
use anymem::offset::OffsetPtr;
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_tests::{Name, Peer, Random, role, tell};

/// What the processes of a test share.
#[derive(ShmSafe)]
#[repr(C)]
struct Shelf {
    values: ShmMutex<ShmVec<ShmArc<ShmString>>>,
    watched: ShmMutex<ShmVec<ShmWeak<ShmString>>>,
}

/// A value that leads to others of its kind.
#[derive(ShmSafe)]
#[repr(C)]
struct Node {
    name: ShmString,
    #[shm_safe(recursive)]
    to: ShmMutex<ShmVec<ShmArc<Node>>>,
}

/// A handle, and one that nothing tells to be one.
#[derive(ShmSafe)]
#[repr(C)]
struct Hidden {
    known: ShmArc<u64>,
    block: OffsetPtr<ShmArc<u64>>,
}

type Handles = ShmVec<ShmArc<ShmString>>;
type Links = ShmVec<Option<ShmArc<ShmString>>>;

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let ["change", name, seed] = words[..] else { panic!("no such role: {words:?}") };
    let heap = SharedHeap::open(name).expect("there");
    let shelf = heap.root::<Shelf>("shelf").expect("bound");
    tell("ready");
    let mut random = Random::new(seed.parse().expect("a number"));
    let mut hands = Vec::new();
    loop {
        change(shelf, &heap, &mut random, &mut hands);
    }
}

/// A text that needs a block, and tells whether it is intact.
fn long(heap: &SharedHeap, number: usize) -> ShmString {
    ShmString::from_str_in(&format!("{number:050}"), heap).expect("room")
}

fn is_intact(text: &ShmString) -> bool {
    text.as_str().is_ok_and(|text| text.len() == 50 && text.bytes().all(|it| it.is_ascii_digit()))
}

/// The guard, whatever became of who had it.
macro_rules! taken {
    ($mutex:expr) => {
        match $mutex.lock() {
            Ok(guard) => guard,
            Err(error) => {
                let mut guard = error.into_guard().expect("told");
                guard.mark_consistent();
                guard
            }
        }
    };
}

/// Moves a handle between hands and the shelf, makes one, or drops one.
fn change(
    shelf: &Shelf,
    heap: &SharedHeap,
    random: &mut Random,
    hands: &mut Vec<ShmArc<ShmString>>,
) {
    let mut values = taken!(shelf.values);
    let at = random.below(values.len().max(1));
    let there = values.get(at).expect("in order");
    match (random.below(7), there) {
        (0, _) if values.len() < 40 => {
            let made = ShmArc::new_in(long(heap, at), heap).expect("room");
            values.push(made).expect("room");
        }
        (1, Some(value)) => hands.push(value.try_clone().expect("counted")),
        (2, Some(value)) => {
            let mut watched = taken!(shelf.watched);
            watched.push(value.downgrade().expect("counted")).expect("room");
            if watched.len() > 40 {
                drop(watched.swap_remove(at).expect("in order"));
            }
        }
        (3, Some(_)) => hands.push(values.swap_remove(at).expect("in order")),
        (4, _) if values.len() < 40 => values.extend(hands.pop()).expect("room"),
        (5, _) => {
            let watched = taken!(shelf.watched);
            let weak = watched.get(at.min(watched.len().saturating_sub(1))).expect("in order");
            hands.extend(weak.and_then(|weak| weak.upgrade().expect("counted")));
        }
        _ => drop(hands.pop()),
    }
    drop(values);
    hands.truncate(20);
    for value in hands {
        assert!(is_intact(value.get().expect("inside")), "it went too early");
    }
}

fn reclaim(heap: &SharedHeap, values: &[&dyn Trace]) -> Result<Reclaimed, ReclaimError> {
    let types = [
        RootType::of::<Shelf>(),
        RootType::of::<Node>(),
        RootType::of::<Handles>(),
        RootType::of::<Hidden>(),
        RootType::of::<Links>(),
    ];
    // SAFETY: nobody else uses the heaps of these tests, or it is refused; all
    // that is used is named.
    unsafe { heap.reclaim_unreachable(&types, values) }
}

fn heap() -> SharedHeap {
    HeapOptions::new().create_memfd("shared", Size::mib(32)).expect("made")
}

#[test]
fn what_the_dead_had_is_counted_off() {
    let heap = heap();
    let handles = heap.root_or_create("handles", |heap| {
        let value = ShmArc::new_in(long(heap, 1), heap)?;
        let mut handles = Handles::new_in(heap);
        handles.push(value.try_clone()?)?;
        handles.push(value)?;
        Ok(handles)
    });
    let first = handles.expect("made").get(0).expect("in order").expect("there");
    assert_eq!(reclaim(&heap, &[]), Ok(Reclaimed::default()), "all is in order");
    (0..3).for_each(|_| mem::forget(first.try_clone().expect("counted")));
    mem::forget(first.downgrade().expect("counted"));
    let mine = (first.try_clone().expect("counted"), first.downgrade().expect("counted"));
    assert_eq!((first.strong_count(), first.weak_count()), (Ok(6), Ok(2)));
    let right = Reclaimed { recounted: 1, ..Reclaimed::default() };
    assert_eq!(reclaim(&heap, &[&mine]), Ok(right), "mine are counted as well");
    assert_eq!((first.strong_count(), first.weak_count()), (Ok(3), Ok(1)));
    assert_eq!(reclaim(&heap, &[&mine]), Ok(Reclaimed::default()));
    drop(mine);
    // SAFETY: no reference is used any more.
    drop(unsafe { heap.unbind_root::<Handles>("handles") }.expect("bound"));
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn links_that_may_lead_nowhere_are_counted() {
    let heap = heap();
    let links = heap.root_or_create("links", |heap| {
        let value = ShmArc::new_in(long(heap, 1), heap)?;
        mem::forget(value.try_clone()?);
        Links::from_iter_in([None, Some(value)], heap)
    });
    let link = |at| links.as_ref().expect("made").get(at).expect("in order").expect("there");
    let right = Reclaimed { recounted: 1, ..Reclaimed::default() };
    assert_eq!(reclaim(&heap, &[]), Ok(right));
    let value = link(1).as_ref().expect("there");
    assert_eq!((link(0).is_none(), value.strong_count()), (true, Ok(1)));
    // SAFETY: no reference is used any more.
    drop(unsafe { heap.unbind_root::<Links>("links") }.expect("bound"));
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn a_value_that_only_the_dead_had_is_gone() {
    let heap = heap();
    let value = ShmArc::new_in(long(&heap, 1), &heap).expect("room");
    let weak = value.downgrade().expect("counted");
    mem::forget(value);
    let freed = reclaim(&heap, &[&weak]).expect("in order");
    assert_eq!((freed.blocks, freed.recounted), (1, 1), "its text, and its count");
    assert!(weak.upgrade().expect("in order").is_none());
    drop(weak);
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn circles_that_nobody_reaches_are_freed() {
    let heap = heap();
    let node = |number| {
        let to = ShmMutex::new_in(ShmVec::new_in(&heap), &heap);
        ShmArc::new_in(Node { name: long(&heap, number), to }, &heap).expect("room")
    };
    let link = |from: &ShmArc<Node>, to: &ShmArc<Node>| {
        let mut list = from.get().expect("inside").to.lock().expect("free");
        list.push(to.try_clone().expect("counted")).expect("room");
    };
    let (one, two, kept) = (node(1), node(2), node(3));
    link(&one, &two);
    link(&two, &one);
    link(&one, &kept);
    link(&kept, &kept);
    drop((one, two));
    assert_eq!(kept.strong_count(), Ok(3));
    let freed = reclaim(&heap, &[&kept]).expect("in order");
    assert_eq!((freed.blocks, freed.recounted), (6, 1), "two nodes, texts and lists");
    assert_eq!(kept.strong_count(), Ok(2));
    taken!(kept.get().expect("inside").to).clear().expect("in order");
    assert_eq!(kept.strong_count(), Ok(1));
    drop(kept);
    assert_eq!(heap.stats().live_blocks, 0);
}

/// A word that may be a handle keeps what it names, and its count.
#[test]
fn a_count_is_not_set_too_low() {
    for pointer_first in [false, true] {
        let heap = heap();
        let value = ShmArc::new_in(7_u64, &heap).expect("room");
        let boxed = ShmBox::new_in(value.try_clone().expect("counted"), &heap).expect("room");
        let block = boxed.into_shm_ptr().ptr;
        // What is noted last is looked at first.
        let hidden = Hidden { known: value, block };
        let other = (hidden.block, hidden.known.try_clone().expect("counted"));
        let values: [&dyn Trace; 2] =
            if pointer_first { [&other, &hidden] } else { [&hidden, &other] };
        mem::forget(hidden.known.try_clone().expect("counted"));
        assert_eq!(reclaim(&heap, &values), Ok(Reclaimed::default()));
        assert_eq!(hidden.known.strong_count(), Ok(4), "rather too high");
    }
}

#[test]
fn a_handle_of_a_value_that_was_dropped_is_told() {
    let heap = heap();
    let value = ShmArc::new_in(7_u64, &heap).expect("room");
    let weak = value.downgrade().expect("counted");
    // SAFETY: a handle is plain data; the copy is not used but to be looked at.
    let copy: mem::ManuallyDrop<ShmArc<u64>> = unsafe { mem::transmute_copy(&value) };
    drop(value);
    let error = reclaim(&heap, &[&*copy, &weak]).expect_err("dropped");
    assert!(matches!(error, ReclaimError::Trace(TraceError::Damaged { .. })), "{error}");
}

#[test]
fn values_outlive_a_storm_of_kills() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(32)).expect("made");
    let shelf = heap.root_or_create("shelf", |heap| {
        Ok(Shelf {
            values: ShmMutex::new_in(ShmVec::new_in(heap), heap),
            watched: ShmMutex::new_in(ShmVec::new_in(heap), heap),
        })
    });
    let shelf = shelf.expect("made");
    let (mut random, mut hands) = (Random::new(u64::from(process::id())), Vec::new());
    let (mut blocks, mut recounted) = (0, 0);
    for round in 0..20 {
        let mut peers =
            [0, 1].map(|it| Peer::start(&["change", &name, &(round * 2 + it).to_string()]));
        peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
        for _ in 0..random.below(3000) {
            change(shelf, &heap, &mut random, &mut hands);
        }
        peers.into_iter().for_each(Peer::kill);
        let mine: Vec<&dyn Trace> = hands.iter().map(|it| it as &dyn Trace).collect();
        // Their locks are taken from the dead.
        drop((taken!(shelf.values), taken!(shelf.watched)));
        let freed = reclaim(&heap, &mine).expect("in order");
        (blocks, recounted) = (blocks + freed.blocks, recounted + freed.recounted);
        assert_eq!(reclaim(&heap, &mine), Ok(Reclaimed::default()));
        heap.check().expect("intact");
    }
    println!("{blocks} blocks were lost and found, {recounted} counts set right");
    assert!(recounted > 0, "nobody died with a handle: this shows nothing");
    drop(hands);
    // SAFETY: the others are dead, and no reference is left here.
    drop(unsafe { heap.unbind_root::<Shelf>("shelf") }.expect("bound"));
    assert_eq!(heap.stats().live_blocks, 0, "every value went with its last handle");
    assert_eq!(heap.stats().double_frees, 0);
}
