//! Blocks that nobody reaches are found and freed, and no others.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::Ordering;

use anymem::allocator::Allocator;
use anymem::container::message::{Overflow, ShmTopic};
use anymem::container::{
    ReclaimError, Reclaimed, RootType, ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec, Trace,
    TraceError,
};
use anymem::offset::{AtomicOffsetPtr, OffsetPtr};
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_tests::{Name, Peer, Random, listen, role, tell};

type Words = ShmHashMap<ShmString, ShmVec<ShmString>>;

/// A struct of the user's own.
#[derive(ShmSafe)]
#[repr(C)]
struct Record {
    number: u64,
    name: ShmString,
    parts: [ShmBox<u64>; 2],
    pair: (ShmVec<u8>, ShmVec<ShmString>),
    #[shm_safe(recursive)]
    further: ShmVec<Record>,
}

/// One that is linked by hand.
#[derive(ShmSafe)]
#[repr(C)]
struct Node {
    number: u64,
    name: ShmString,
    #[shm_safe(recursive)]
    next: AtomicOffsetPtr<Node>,
}

/// One whose fields have no alignment.
#[derive(ShmSafe)]
#[repr(C, packed)]
struct Packed {
    flag: u8,
    name: ShmString,
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["hold", name] => {
            let heap = SharedHeap::open(name).expect("there");
            let _held = long(&heap, 1);
            tell("held");
            let _ = listen();
        }
        ["work", name, seed] => {
            let heap = SharedHeap::open(name).expect("there");
            let map = heap.root::<Words>("words").expect("bound");
            tell("ready");
            let mut random = Random::new(seed.parse().expect("a number"));
            loop {
                work(map, &heap, &mut random);
            }
        }
        _ => panic!("no such role: {words:?}"),
    }
}

fn heap() -> SharedHeap {
    HeapOptions::new().create_memfd("unreachable", Size::mib(32)).expect("made")
}

/// A text that needs a block.
fn long(heap: &SharedHeap, number: usize) -> ShmString {
    ShmString::from_str_in(&format!("{number:050}"), heap).expect("room")
}

fn types() -> [RootType; 4] {
    [
        RootType::of::<Words>(),
        RootType::of::<Record>(),
        RootType::of::<Node>(),
        RootType::of::<ShmVec<ShmString>>(),
    ]
}

fn reclaim(heap: &SharedHeap, values: &[&dyn Trace]) -> Result<Reclaimed, ReclaimError> {
    // SAFETY: nobody else uses the heaps of these tests, or it is refused; all
    // that is used is named.
    unsafe { heap.reclaim_unreachable(&types(), values) }
}

fn record(heap: &SharedHeap, depth: usize) -> Record {
    let further = (0..depth).map(|_| record(heap, depth - 1));
    let mut made = Record {
        number: 7,
        name: long(heap, depth),
        parts: [1, 2].map(|part| ShmBox::new_in(part, heap).expect("room")),
        pair: (
            ShmVec::from_slice_in(&[1, 2, 3], heap).expect("room"),
            ShmVec::with_capacity_in(3, heap).expect("room"),
        ),
        further: ShmVec::new_in(heap),
    };
    made.pair.1.push(long(heap, 1)).expect("room");
    made.further.extend(further).expect("room");
    made
}

#[test]
fn all_that_is_reachable_is_kept() {
    let heap = heap();
    let record = ShmBox::new_in(record(&heap, 4), &heap).expect("room");
    heap.bind_root("record", record).expect("a new name");
    let map = heap.root_or_create("words", |heap| Words::with_shards_in(4, heap)).expect("made");
    for number in 0..500 {
        let mut list = ShmVec::new_in(&heap);
        (0..number % 5).for_each(|it| list.push(long(&heap, it)).expect("room"));
        drop(map.insert(long(&heap, number), list).expect("room"));
    }
    let aside = (long(&heap, 1), [ShmBox::new_in(5_u8, &heap).expect("room")]);
    let packed = Packed { flag: 1, name: long(&heap, 2) };
    let before = heap.stats().live_blocks;
    assert!(before > 1000);
    assert_eq!(reclaim(&heap, &[&aside, &packed]), Ok(Reclaimed::default()));
    assert_eq!(heap.stats().live_blocks, before);
    // Those that are not named are lost.
    mem::forget(aside);
    assert_eq!(reclaim(&heap, &[&packed]).expect("in order").blocks, 2);
    assert_eq!(packed.flag, 1);
    mem::forget(packed);
    assert_eq!(reclaim(&heap, &[]).expect("in order").blocks, 1);
    heap.check().expect("in order");
}

#[test]
fn leaks_of_each_kind_are_found() {
    let heap = heap();
    let leak = |value: &dyn Fn() -> usize| {
        let before = heap.stats();
        let blocks = value();
        let freed = reclaim(&heap, &[]).expect("in order");
        assert_eq!(freed.blocks, blocks);
        assert!(freed.bytes > 0);
        assert_eq!(heap.stats().live_blocks, before.live_blocks);
        assert_eq!(heap.stats().double_frees, 0);
    };
    let kept = heap.root_or_create("kept", |heap| Ok(record(heap, 2))).expect("made");
    let forget = |blocks, value: Box<dyn Trace>| {
        mem::forget(value);
        blocks
    };
    leak(&|| forget(1, Box::new(long(&heap, 3))));
    leak(&|| forget(1, Box::new(ShmBox::new_in([0_u8; 200 << 10], &heap).expect("room"))));
    leak(&|| forget(2, Box::new(ShmBox::new_in(long(&heap, 3), &heap).expect("room"))));
    leak(&|| forget(1, Box::new(ShmVec::from_slice_in(&[7_u64; 50_000], &heap).expect("room"))));
    leak(&|| {
        let map = Words::with_shards_in(2, &heap).expect("room");
        for number in 0..40 {
            let list = ShmVec::new_in(&heap);
            drop(map.insert(long(&heap, number), list).expect("room"));
        }
        forget(1 + 2 + 40, Box::new(map))
    });
    assert_eq!(kept.further.len(), 2);
    assert_eq!(*kept.name.as_str().expect("intact"), *format!("{:050}", 2));
}

#[test]
fn circles_are_no_obstacle() {
    let heap = heap();
    let node = |number| {
        let node =
            Node { number, name: long(&heap, 1), next: AtomicOffsetPtr::new(OffsetPtr::NULL) };
        ShmBox::new_in(node, &heap).expect("room").into_shm_ptr().ptr
    };
    let get = |at: OffsetPtr<Node>| {
        let place = heap.resolve(at.offset(), size_of::<Node>()).expect("inside");
        // SAFETY: a node is there, and changes through its atomic only.
        unsafe { place.cast::<Node>().as_ref() }
    };
    // A ring that a root leads into, and one that nothing leads into.
    for ring in [[1, 2, 3], [4, 5, 6]] {
        let nodes = ring.map(node);
        for (index, &at) in nodes.iter().enumerate() {
            get(at).next.store(nodes[(index + 1) % 3], Ordering::Relaxed);
        }
        if ring[0] == 1 {
            let first = Node {
                number: 0,
                name: ShmString::new_in(&heap),
                next: AtomicOffsetPtr::new(nodes[0]),
            };
            heap.bind_root("ring", ShmBox::new_in(first, &heap).expect("room")).expect("new");
        }
    }
    assert_eq!(reclaim(&heap, &[]).expect("in order").blocks, 6);
    let mut at = heap.root::<Node>("ring").expect("bound");
    for number in [0, 1, 2, 3, 1] {
        assert_eq!(at.number, number);
        at = get(at.next.load(Ordering::Relaxed));
    }
    assert_eq!(
        *get(at.next.load(Ordering::Relaxed)).name.as_str().expect("kept"),
        *format!("{:050}", 1)
    );
}

/// A list that is longer than any stack is deep.
#[test]
fn a_long_list_takes_no_stack() {
    let heap = heap();
    let mut list = ShmVec::<Record>::new_in(&heap);
    for number in 0..100_000 {
        let mut record = Record {
            number,
            name: ShmString::new_in(&heap),
            parts: [1, 2].map(|part| ShmBox::new_in(part, &heap).expect("room")),
            pair: (ShmVec::new_in(&heap), ShmVec::new_in(&heap)),
            further: ShmVec::new_in(&heap),
        };
        mem::swap(&mut record.further, &mut list);
        list = ShmVec::with_capacity_in(1, &heap).expect("room");
        list.push(record).expect("room");
    }
    assert_eq!(reclaim(&heap, &[&list]), Ok(Reclaimed::default()));
    mem::forget(list);
    assert_eq!(reclaim(&heap, &[]).expect("in order").blocks, 300_000);
    assert_eq!(heap.stats().live_blocks, 0);
}

#[test]
fn what_cannot_be_told_is_refused() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(8)).expect("made");
    mem::forget(long(&heap, 1));
    heap.root_or_create("strange", |_| Ok(5_u16)).expect("made");
    let error = reclaim(&heap, &[]).expect_err("an unknown type");
    assert!(matches!(error, ReclaimError::UnknownRoot { name } if name.as_str() == "strange"));
    // SAFETY: nobody has a reference.
    drop(unsafe { heap.unbind_root::<u16>("strange") });

    let other = HeapOptions::new().create_memfd("other", Size::mib(8)).expect("made");
    let elsewhere = ShmBox::new_in(1_u8, &other).expect("room");
    let found = TraceError::OtherHeap { heap: other.id() };
    assert_eq!(reclaim(&heap, &[&elsewhere]), Err(ReclaimError::Trace(found)));

    let mut peer = Peer::start(&["hold", &name]);
    assert_eq!(peer.hear(), "held");
    let error = reclaim(&heap, &[]).expect_err("another process");
    assert!(matches!(error, ReclaimError::InUse { by } if by.pid == peer.pid()), "{error}");
    peer.kill();
    assert_eq!(reclaim(&heap, &[]).expect("in order").blocks, 2);
    assert_eq!(heap.stats().live_blocks, 0);
}

// By the words of a vector as 64-bit machines have them.
#[cfg(target_pointer_width = "64")]
#[test]
fn damage_is_told_and_nothing_is_freed() {
    let heap = heap();
    let list = ShmVec::from_slice_in(&[3_u64; 20], &heap).expect("room");
    mem::forget(long(&heap, 1));
    // Heap id, place, capacity, length, and two of elements on the move.
    let words: [usize; 6] = {
        // SAFETY: a vector is plain data, and the copy takes its place.
        unsafe { mem::transmute_copy(&mem::ManuallyDrop::new(list)) }
    };
    let before = heap.stats().live_blocks;
    let with = |index: usize, word| {
        let mut words = words;
        words[index] = word;
        words
    };
    // Outside, in the tables, inside a block, where no block is.
    let places = [usize::MAX - 15, 1 << 40, 64, words[1] + 16, (16 << 20) + 64];
    let damaged = places.iter().map(|&place| with(1, place));
    let long = [with(2, 1 << 20), with(3, 1 << 40), with(3, 1 << 63 | 30)];
    for words in damaged.chain(long) {
        // SAFETY: any bits are a vector.
        let list: mem::ManuallyDrop<ShmVec<u64>> = unsafe { mem::transmute(words) };
        let error = reclaim(&heap, &[&*list]).expect_err("damaged");
        assert!(matches!(error, ReclaimError::Trace(TraceError::Damaged { .. })), "{error}");
        assert_eq!(heap.stats().live_blocks, before);
    }
    assert_eq!(reclaim(&heap, &[]).expect("in order").blocks, 2);
}

/// A block that is free is owned by nobody, also where a magazine has it.
#[test]
fn an_owner_of_a_free_block_is_told() {
    let heap = heap();
    let text = long(&heap, 1);
    // SAFETY: a string is plain data; the copy is not used but to be looked at.
    let copy: mem::ManuallyDrop<ShmString> = unsafe { mem::transmute_copy(&text) };
    drop(text);
    let error = reclaim(&heap, &[&*copy]).expect_err("free");
    assert!(matches!(error, ReclaimError::Trace(TraceError::Damaged { .. })), "{error}");
}

/// Adds, changes and removes what is in a map.
fn work(map: &Words, heap: &SharedHeap, random: &mut Random) {
    let key = random.below(200);
    let text = format!("{key:050}");
    match random.below(8) {
        0 => drop(map.remove(text.as_str()).expect("works")),
        1 => {
            let mut list = ShmVec::new_in(heap);
            (0..random.below(4)).for_each(|it| list.push(long(heap, it)).expect("room"));
            drop(map.insert(long(heap, key), list).expect("works"));
        }
        2 => drop(map.update(text.as_str(), |list| drop(list.pop())).expect("works")),
        _ => {
            let item = long(heap, key);
            let empty = ShmVec::new_in(heap);
            let make = |_: &dyn Allocator| ShmString::from_str_in(&text, heap);
            let add = |list: &mut ShmVec<ShmString>| {
                if list.len() > 20 {
                    list.truncate(2).expect("works");
                }
                list.push(item)
            };
            map.upsert(text.as_str(), make, empty, add).expect("works").expect("room");
        }
    }
}

#[test]
fn leaks_among_many_changes_are_found() {
    let heap = heap();
    let map = heap.root_or_create("words", |heap| Words::with_shards_in(2, heap)).expect("made");
    let mut random = Random::new(23);
    for _ in 0..60 {
        let mut leaked = 0;
        for _ in 0..random.below(200) {
            work(map, &heap, &mut random);
            if random.below(5) == 0 {
                let size = 1 + random.below(5000);
                mem::forget(ShmVec::from_slice_in(&vec![1_u8; size], &heap).expect("room"));
                leaked += 1;
            }
        }
        let contents = || {
            let mut all = BTreeMap::new();
            let note = |key: &ShmString, list: &ShmVec<ShmString>| {
                all.insert(key.to_string(), format!("{list:?}"));
            };
            map.for_each(note).expect("intact");
            all
        };
        let before = contents();
        assert_eq!(reclaim(&heap, &[]).expect("in order").blocks, leaked);
        assert_eq!(contents(), before);
        map.check().expect("intact");
        heap.check().expect("intact");
    }
}

/// The block of a message that was dropped stays with its topic, with nothing in it.
#[test]
fn blocks_that_a_topic_keeps_are_kept() {
    let heap = heap();
    let topic = ShmTopic::<[ShmString]>::for_one_in(3, &heap).expect("room");
    let reader = topic.join(3, Overflow::Block).expect("a place");
    for number in 0..2 {
        let loan = topic.loan_slice(4).expect("room");
        loan.fill_with(|_| long(&heap, number)).publish().expect("open");
    }
    drop(reader.receive().expect("there"));
    mem::forget(topic.loan_slice(100).expect("room"));
    let before = heap.stats().live_blocks;
    assert_eq!(before, 1 + 3 + 4);
    assert_eq!(reclaim(&heap, &[&topic]), Ok(Reclaimed::default()));
    assert_eq!(reader.receive().expect("there")[3], *format!("{:050}", 1));
    assert_eq!(reclaim(&heap, &[&topic]), Ok(Reclaimed::default()));
    drop(reader);
    drop(topic);
    assert_eq!(heap.stats().live_blocks, 0);
}

/// What was in the hands of those who were killed comes back.
#[test]
fn a_heap_comes_back_from_a_storm_of_kills() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(32)).expect("made");
    let map = heap.root_or_create("words", |heap| Words::with_shards_in(4, heap)).expect("made");
    let (mut random, mut lost) = (Random::new(5), 0);
    for round in 0..25 {
        let mut peers =
            [0, 1].map(|it| Peer::start(&["work", &name, &(round * 2 + it).to_string()]));
        peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
        for _ in 0..random.below(3000) {
            work(map, &heap, &mut random);
        }
        peers.into_iter().for_each(Peer::kill);
        // Their locks are taken from the dead.
        map.check().expect("whole");
        lost += reclaim(&heap, &[]).expect("in order").blocks;
        assert_eq!(reclaim(&heap, &[]), Ok(Reclaimed::default()));
        map.for_each(|key, list| {
            assert_eq!(key.len(), 50);
            assert!(
                list.iter()
                    .expect("intact")
                    .all(|text| text.as_str().is_ok_and(|it| it.len() == 50))
            );
        })
        .expect("intact");
        heap.check().expect("intact");
    }
    println!("{lost} blocks were lost and found");
    // SAFETY: the others are dead, and no reference is left here.
    drop(unsafe { heap.unbind_root::<Words>("words") }.expect("bound"));
    assert_eq!(heap.stats().live_blocks, 0, "nothing but what was reached was left");
    assert_eq!(heap.stats().double_frees, 0);
}
