//! Several processes, of several threads each, on one heap and one map.
//!
//! - a process's blocks stay apart from the others' and keep their contents;
//! - a block written by one process is read and freed by another;
//! - one map counts exactly what all processes counted, with keys of text and
//!   of numbers;
//! - at the end nothing is live but what should be, and the heap is whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem::container::{ShmBox, ShmHashMap, ShmString, ShmVec};
use anymem::{SharedHeap, Size};
use anymem_core::allocator::Allocator;
use anymem_core::offset::Offset;
use anymem_core::size_class::SEAL;
use anymem_core::thread::Context;
use anymem_tests::heap::{free, layout};
use anymem_tests::{Name, Peer, Random, ShadowHeap, in_threads, listen, role, tell};

/// How many processes there are, and how many threads in each: one process has
/// them all where the environment says so, for tools that look at one alone.
fn crowd() -> (usize, usize) {
    let one = std::env::var("ANYMEM_ONE_PROCESS").is_ok_and(|it| it == "1");
    if one { (1, ALL) } else { (ALL / 2, 2) }
}

/// Threads of all processes.
const ALL: usize = 8;

/// What each thread counts.
const COUNTS: usize = 40_000;

/// Texts that each thread makes.
const TEXTS: usize = 5000;

/// Blocks on their way from one process to another.
type Ring = [AtomicU64; 64];

/// Bytes in front of a block that is handed over: its length and its pattern.
const HEAD: usize = 16;

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let heap = SharedHeap::open(words[1]).expect("there");
    let number: usize = words[2].parse().expect("a number");
    tell("ready");
    assert_eq!(listen(), "go");
    let (_, threads) = crowd();
    in_threads(threads, |thread| {
        let seed = (number * threads + thread) as u64;
        match words[0] {
            "hammer" => hammer(&heap, seed),
            "count" => count(&heap, seed),
            "lists" => make_lists(&heap, seed),
            role => panic!("no such role: {role}"),
        }
    });
}

/// Runs processes of one kind on one heap, all at the same time.
fn together(kind: &str, name: &str) {
    let start = |number: usize| Peer::start(&[kind, name, &number.to_string()]);
    let mut peers: Vec<_> = (0..crowd().0).map(start).collect();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    peers.iter_mut().for_each(|peer| peer.say("go"));
    peers.into_iter().for_each(Peer::finish);
}

/// Checks that nothing is left, and gives the heap back.
fn is_whole(heap: SharedHeap) {
    heap.check().expect("in order");
    assert_eq!(heap.owners().filter(|owner| owner.pid != std::process::id()).count(), 0);
    let stats = heap.stats();
    assert_eq!((stats.live_blocks, stats.double_frees), (0, 0), "{stats:?}");
    heap.trim();
    assert_eq!(heap.stats().slabs, 0);
    let all = layout(stats.capacity - SEAL, 1);
    let at = heap.allocate(Context::DEFAULT, all).expect("one block of everything");
    free(&heap, at, all);
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
}

fn numbers_at(heap: &SharedHeap, at: Offset) -> [u64; 2] {
    let head = heap.resolve(at, HEAD).expect("inside");
    // SAFETY: the block is live and that long, and handed over whole.
    unsafe { head.cast::<[u64; 2]>().read_unaligned() }
}

/// Makes a block that tells what it holds.
fn write_block(heap: &SharedHeap, size: usize, seed: u64) -> Offset {
    let at = heap.allocate(Context::DEFAULT, layout(HEAD + size, 8)).expect("room");
    let start = heap.resolve(at, HEAD + size).expect("inside");
    let mut random = Random::new(seed);
    // SAFETY: the block is live, that long, and nobody else knows of it.
    unsafe {
        start.cast::<[u64; 2]>().write_unaligned([size as u64, seed]);
        (0..size).for_each(|index| start.add(HEAD + index).write(random.bits() as u8));
    }
    at
}

/// Checks what a block tells, and frees it.
fn take_block(heap: &SharedHeap, at: Offset) {
    let [size, seed] = numbers_at(heap, at);
    let size = usize::try_from(size).expect("in reason");
    let start = heap.resolve(at, HEAD + size).expect("inside");
    let mut random = Random::new(seed);
    for index in 0..size {
        // SAFETY: the block is live and that long.
        let found = unsafe { start.add(HEAD + index).read() };
        assert_eq!(found, random.bits() as u8, "byte {index} of {size} at {at}");
    }
    free(heap, at, layout(HEAD + size, 8));
}

/// Puts a block into the ring, or nothing; frees what was there.
fn exchange(heap: &SharedHeap, place: &AtomicU64, block: Option<Offset>) {
    let new = block.map_or(0, |at| at.get() as u64);
    // AcqRel: the contents of a block come and go with its offset.
    match place.swap(new, Ordering::AcqRel) {
        0 => {}
        old => take_block(heap, Offset::new(old as usize)),
    }
}

fn hammer(heap: &SharedHeap, seed: u64) {
    let ring = heap.root::<Ring>("ring").expect("there");
    let (mut shadow, mut random) = (ShadowHeap::new(), Random::new(seed));
    for _ in 0..30_000 {
        let size = random.size();
        match random.below(10) {
            0..3 => {
                let block = layout(size, 1 << random.below(8));
                shadow.allocate(heap, Context::DEFAULT, block).expect("room");
            }
            3 => {
                let which = random.below(100);
                shadow.reallocate_nth(heap, Context::DEFAULT, which, size).expect("room");
            }
            4..6 => {
                let block = write_block(heap, size % 4000, random.bits());
                exchange(heap, &ring[random.below(ring.len())], Some(block));
            }
            _ => {
                shadow.free_nth(heap, Context::DEFAULT, random.below(100));
            }
        }
    }
    shadow.check_all(heap);
    shadow.free_all(heap, Context::DEFAULT);
}

#[test]
fn processes_hammer_one_heap_and_free_each_others_blocks() {
    let name = Name::new();
    // Each thread keeps a run of each size class: see the test in `threads`.
    let heap = SharedHeap::create(&name, Size::mib(64)).expect("a new name");
    let ring: Ring = [const { AtomicU64::new(0) }; 64];
    let ring = ShmBox::new_in(ring, &heap).expect("room");
    let ring = heap.bind_root("ring", ring).expect("a new root");
    for _ in 0..2 {
        together("hammer", &name);
        let full = ring.iter().filter(|place| place.load(Ordering::Acquire) != 0).count();
        heap.check().expect("in order");
        assert_eq!(heap.stats().live_blocks, 1 + full, "the ring, and what is in it");
    }
    ring.iter().for_each(|place| exchange(&heap, place, None));
    // SAFETY: the other processes have ended, and `ring` is not used any more.
    drop(unsafe { heap.unbind_root::<Ring>("ring") }.expect("there"));
    is_whole(heap);
}

/// What a thread counts: words and numbers, some often, many rarely.
fn counted(seed: u64, mut one: impl FnMut(&str, u64)) {
    let mut random = Random::new(seed);
    for _ in 0..COUNTS {
        let bound = [20, 300, 5000][random.below(3)];
        let number = random.below(bound);
        // Some short enough to be kept in place, some not.
        let word = format!("word {number} {}", "x".repeat(number % 40));
        one(&word, number as u64);
    }
}

type Words = ShmHashMap<ShmString, u64>;
type Numbers = ShmHashMap<u64, u64>;

fn count(heap: &SharedHeap, seed: u64) {
    let words = heap.root::<Words>("words").expect("there");
    let numbers = heap.root::<Numbers>("numbers").expect("there");
    counted(seed, |word, number| {
        let key = |heap: &dyn Allocator| ShmString::from_str_in(word, heap);
        words.upsert(word, key, 0, |count| *count += 1).expect("room");
        numbers.upsert(&number, |_| Ok(number), 0, |count| *count += 1).expect("room");
    });
}

#[test]
fn processes_count_into_one_map() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(64)).expect("a new name");
    let words = Words::new_in(&heap).expect("room");
    let words = heap.bind_root("words", ShmBox::new_in(words, &heap).expect("room"));
    let words = words.expect("a new root");
    let numbers = Numbers::new_in(&heap).expect("room");
    let numbers = heap.bind_root("numbers", ShmBox::new_in(numbers, &heap).expect("room"));
    let numbers = numbers.expect("a new root");
    together("count", &name);

    let mut expected = (HashMap::<String, u64>::new(), HashMap::<u64, u64>::new());
    for seed in 0..ALL as u64 {
        counted(seed, |word, number| {
            *expected.0.entry(word.to_owned()).or_default() += 1;
            *expected.1.entry(number).or_default() += 1;
        });
    }
    words.check().expect("in order");
    numbers.check().expect("in order");
    assert_eq!(words.len(), Ok(expected.0.len()));
    assert_eq!(numbers.len(), Ok(expected.1.len()));
    for (word, count) in &expected.0 {
        assert_eq!(words.get(word.as_str()), Ok(Some(*count)), "{word}");
    }
    let mut sum = 0;
    numbers
        .for_each(|number, count| {
            assert_eq!(expected.1.get(number), Some(count), "{number}");
            sum += count;
        })
        .expect("in order");
    assert_eq!(sum as usize, ALL * COUNTS);
    // SAFETY: the other processes have ended, and no reference is used any more.
    unsafe {
        drop(heap.unbind_root::<Words>("words").expect("there"));
        drop(heap.unbind_root::<Numbers>("numbers").expect("there"));
    }
    is_whole(heap);
}

type Lists = ShmHashMap<u64, ShmVec<ShmString>>;

const LISTS: u64 = 40;

/// Appends to lists of texts that other processes append to as well, and moves
/// lists from one key to another.
fn make_lists(heap: &SharedHeap, seed: u64) {
    let lists = heap.root::<Lists>("lists").expect("there");
    let mut random = Random::new(seed);
    for turn in 0..TEXTS {
        let key = random.bits() % LISTS;
        let text = format!("{seed}/{turn} {}", "y".repeat(random.below(60)));
        let text = ShmString::from_str_in(&text, heap).expect("room");
        lists
            .upsert(&key, |_| Ok(key), ShmVec::new_in(heap), |list| list.push(text))
            .expect("in order")
            .expect("room");
        if turn % 50 == 0
            && let Some(taken) = lists.remove(&key).expect("in order")
        {
            // Another process may have begun a list of that key meanwhile.
            let mut taken = taken;
            lists
                .upsert(
                    &key,
                    |_| Ok(key),
                    ShmVec::new_in(heap),
                    |list| {
                        while let Ok(Some(text)) = taken.pop() {
                            list.push(text)?;
                        }
                        Ok::<_, anymem::container::ContainerError>(())
                    },
                )
                .expect("in order")
                .expect("room");
        }
    }
}

#[test]
fn processes_share_lists_of_texts_in_a_map() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(64)).expect("a new name");
    let lists = Lists::new_in(&heap).expect("room");
    let lists = heap.bind_root("lists", ShmBox::new_in(lists, &heap).expect("room"));
    let lists = lists.expect("a new root");
    together("lists", &name);
    lists.check().expect("in order");
    let mut found: Vec<String> = Vec::new();
    for key in 0..LISTS {
        lists
            .with(&key, |list| {
                let texts = list.as_slice().expect("attached").iter();
                found.extend(texts.map(|text| text.as_str().expect("attached").to_owned()));
            })
            .expect("in order");
    }
    let label = |text: &String| text.split_once(' ').expect("as made").0.to_owned();
    let mut labels: Vec<_> = found.iter().map(label).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(found.len(), ALL * TEXTS, "no text is lost, none is there twice");
    assert_eq!(labels.len(), found.len());
    // SAFETY: the other processes have ended, and no reference is used any more.
    drop(unsafe { heap.unbind_root::<Lists>("lists") }.expect("there"));
    is_whole(heap);
}
