//! Whatever bytes are in a container or its heap: wrong values or errors, no
//! access outside the heap, no panic, no endless loop.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::Bound;

use anymem_core::allocator::Allocator;
use anymem_core::container::message::ShmQueue;
use anymem_core::container::{
    ShmBTreeMap, ShmBox, ShmDeque, ShmHashMap, ShmList, ShmMpmc, ShmSafe, ShmSlotMap, ShmSmallVec,
    ShmSpsc, ShmString, ShmVec, SlotKey,
};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::Context;
use common::TestHeap;
use common::bare::bare_heap;
use proptest::prelude::*;

#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Node {
    value: u32,
    #[shm_safe(recursive)]
    children: ShmVec<Node>,
    #[shm_safe(recursive)]
    next: ShmVec<ShmBox<Node>>,
}

/// Bytes to be written over others: (place, value), a value being a byte or,
/// more harmful, a plausible small word.
type Damage = Vec<(usize, u64, bool)>;

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop_oneof![0..4096_u64, any::<u64>(), Just(u64::MAX), Just(1 << 63)];
    prop::collection::vec((any::<usize>(), word, any::<bool>()), 1..12)
}

fn harm(bytes: &mut [u8], damage: &Damage) {
    for &(at, value, whole) in damage {
        if whole && bytes.len() >= 8 {
            let at = at % (bytes.len() / 8) * 8;
            bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        } else {
            let at = at % bytes.len();
            bytes[at] = value as u8;
        }
    }
}

/// Damages the bytes of a container itself, apart from the id of its heap.
fn harm_value<T: ShmSafe>(value: T, damage: &Damage) -> T {
    let mut value = MaybeUninit::new(value);
    let start = value.as_mut_ptr().cast::<u8>();
    let skip = size_of::<AllocatorId>();
    // SAFETY: the bytes of the value, which is plain data throughout and has no
    // padding.
    let bytes = unsafe { std::slice::from_raw_parts_mut(start.add(skip), size_of::<T>() - skip) };
    harm(bytes, damage);
    // SAFETY: any bits are a value of these types.
    unsafe { value.assume_init() }
}

fn use_string(mut text: ShmString) {
    let _ = (text.as_str().map(str::len), text.len(), text.capacity(), text.check());
    let _ = (text.push('x'), text.push_str(&"long".repeat(20)), text.pop());
    let _ = (text.replace_range(1..2, "yz"), text.retain(|it| it != 'x'), text.remove(0));
    let _ = (text.split_off(1).map(drop), text.insert(0, 'z'));
    let _ = (text.insert_str(1, "y"), text.truncate(3), text.reserve(9), text.shrink_to_fit());
    let _ = (format!("{text:?} {text}"), text.clear(), text.try_clone());
}

fn use_vec<T: ShmSafe + Copy>(mut vec: ShmVec<T>, value: T) {
    let _ = (vec.as_slice().map(<[T]>::len), vec.len(), vec.capacity(), vec.check());
    let _ = (vec.push(value), vec.insert(1, value), vec.remove(0), vec.swap_remove(0));
    let _ = (vec.pop(), vec.reserve(9), vec.shrink_to_fit(), vec.retain(|_| true));
    let _ = (vec.drain(1..).map(drop), vec.splice(..1, [value; 3]).map(drop));
    let _ = (vec.dedup_by(|_, _| true), vec.split_off(1).map(drop), vec.extend_from_within(..));
    let _ = (vec.resize(5, value), vec.first().map(drop), vec.last().map(drop));
    let _ = vec.open().map(|mut open| (open.extend([value; 20]).is_ok(), open.pop(), open.clear()));
    let _ = (vec.truncate(2), vec.extend_from_slice(&[value; 3]), vec.clear());
}

fn use_deque(mut deque: ShmDeque<u32>) {
    let _ =
        (deque.iter().map(|it| it.max().copied()), deque.len(), deque.capacity(), deque.check());
    let _ = (deque.push_back(1), deque.push_front(2), deque.insert(1, 3), deque.remove(0));
    let _ =
        (deque.pop_back(), deque.pop_front(), deque.reserve(9), deque.make_contiguous().is_ok());
    let _ = (deque.retain(|n| n % 2 == 0), deque.drain(1..).map(drop), deque.shrink_to_fit());
    let _ = (deque.extend([1; 3]), deque.truncate(2), format!("{deque:?}"), deque.clear());
}

fn use_list(mut list: ShmList<ShmString>, heap: &TestHeap) {
    let text = |text: &str| ShmString::from_str_in(text, &**heap).unwrap();
    let _ = (list.check(), list.iter().map(|it| it.rev().count()), list.len());
    let _ = (list.push_back(text("a")), list.push_front(text("b")), format!("{list:?}"));
    let _ = list.iter_mut().map(|it| it.for_each(|text| _ = text.push('x')));
    if let Ok(mut cursor) = list.cursor_front_mut() {
        let _ = (cursor.move_next(), cursor.insert_before(text("c")), cursor.remove_current());
        let _ = (cursor.move_prev(), cursor.split_after().and_then(|it| cursor.splice_before(it)));
    }
    let _ = (list.retain(|text| text.len() > 2), list.split_off(1), list.pop_back().map(drop));
    let _ = (list.pop_front().map(drop), list.clear());
}

fn list(len: u32, heap: &TestHeap) -> ShmList<ShmString> {
    let texts = (0..len).map(|n| ShmString::from_str_in(&n.to_string(), &**heap).unwrap());
    ShmList::from_iter_in(texts, &**heap).unwrap()
}

fn use_slots(mut map: ShmSlotMap<u64>, keys: &[SlotKey]) {
    let _ = (map.check(), map.len(), map.capacity(), format!("{map:?}"));
    let _ = (map.insert(1), map.insert(2), map.reserve(30), map.iter().map(Iterator::count));
    for &key in keys {
        let _ = (map.get(key).map(|it| it.copied()), map.get_mut(key).is_ok(), map.remove(key));
    }
    let _ = (map.insert(3), map.retain(|_, n| *n % 2 == 0), map.insert(4), map.clear());
    let _ = map.drain().map(drop);
}

fn slots(len: u64, heap: &TestHeap) -> (ShmSlotMap<u64>, Vec<SlotKey>) {
    let mut map = ShmSlotMap::new_in(&**heap);
    let keys: Vec<_> = (0..len).map(|n| map.insert(n).unwrap()).collect();
    keys.iter().step_by(3).for_each(|&key| _ = map.remove(key).unwrap());
    (map, keys)
}

fn use_small_vec(mut vec: ShmSmallVec<u32, 6>) {
    let _ = (vec.as_slice().map(<[u32]>::len), vec.len(), vec.capacity(), vec.check());
    let _ = (vec.push(1), vec.insert(1, 2), vec.remove(0), vec.retain(|n| *n % 2 == 0));
    let _ = (vec.pop(), vec.reserve(9), vec.drain(1..).map(drop), vec.shrink_to_fit());
    let _ = (vec.extend_from_slice(&[3; 9]), vec.truncate(2), vec.shrink_to_fit(), vec.clear());
}

fn use_map(map: &ShmHashMap<ShmString, u64>, heap: &TestHeap) {
    let key = |text: &str| ShmString::from_str_in(text, &**heap);
    for text in ["a", "b", "a key that is too long to stand in place", "new"] {
        let _ = (map.get(text), map.contains_key(text), map.update(text, |n| *n += 1));
        let _ = map.upsert(text, |_| key(text), 0, |n| *n += 1);
        let _ = key(text).and_then(|made| map.insert(made, 7));
    }
    let _ = (map.remove("a"), map.remove("new"), map.len(), map.capacity(), map.check());
    let _ = (map.for_each(|key, _| drop(format!("{key}"))), map.recoveries());
    let _ = (map.retain(|_, n| *n != 7), map.reserve(40), format!("{map:?}"));
    let _ = map.clear();
}

fn use_tree(mut map: ShmBTreeMap<ShmString, u64>, heap: &TestHeap) {
    let key = |text: &str| ShmString::from_str_in(text, &**heap);
    let _ = (map.check(), map.len(), map.first_key_value(), map.last_key_value());
    let _ = (map.iter().map(Iterator::count), map.iter().map(|it| it.rev().count()));
    let _ = map.range::<str>((Bound::Included("1"), Bound::Excluded("7"))).map(Iterator::count);
    let _ = map.iter_mut().map(|all| all.for_each(|(_, n)| *n ^= 1));
    for text in ["a", "b", "a key that is too long to stand in place", "new", "3", "12"] {
        let _ = (map.get(text).map(drop), map.get_mut(text).map(drop), map.remove(text));
        let _ = key(text).and_then(|made| map.insert(made, 7));
    }
    let _ = (map.retain(|_, n| *n % 3 != 0), map.pop_first(), map.pop_last());
    let _ = (map.split_off("4").map(drop), format!("{map:?}"), map.clear());
}

fn filled_queue(heap: &TestHeap) -> ShmMpmc<ShmString> {
    let queue = ShmMpmc::new_in(8, &**heap).unwrap();
    for n in 0..5 {
        queue.try_push(ShmString::from_str_in(&"x".repeat(n * 10), &**heap).unwrap()).unwrap();
    }
    queue
}

/// As much as there is room for, and twice round.
fn use_queue(queue: &ShmMpmc<ShmString>, heap: &TestHeap) {
    let _ = (queue.len(), queue.is_closed(), queue.check(), queue.capacity());
    for _ in 0..3 {
        let texts = (0..6).map_while(|_| ShmString::from_str_in("new", &**heap).ok());
        let _ = (queue.try_push_many(texts), queue.try_pop(), format!("{queue:?}"));
        let _ = queue.try_pop_many(9, |text| drop(format!("{text:?}")));
    }
    let _ = (queue.close(), queue.try_pop_many(9, drop));
}

fn use_lane(lane: &ShmSpsc<u64>) {
    for _ in 0..3 {
        let _ = lane.producer().map(|mut end| end.try_push_many(0..6).is_ok());
        let _ = lane.consumer().map(|mut end| end.try_pop_many(5, |_| ()));
    }
    let _ = (lane.len(), lane.close(), lane.consumer().map(|mut end| end.try_pop()));
}

fn filled_tree(len: u64, heap: &TestHeap) -> ShmBTreeMap<ShmString, u64> {
    let mut map = ShmBTreeMap::new_in(&**heap);
    for n in 0..len {
        let text = if n % 2 == 0 { n.to_string() } else { n.to_string().repeat(20) };
        map.insert(ShmString::from_str_in(&text, &**heap).unwrap(), n).unwrap();
    }
    map
}

fn filled_map(shards: usize, heap: &TestHeap) -> ShmHashMap<ShmString, u64> {
    let map = ShmHashMap::with_shards_in(shards, &**heap).unwrap();
    for n in 0..20 {
        let text = if n % 2 == 0 { n.to_string() } else { n.to_string().repeat(20) };
        map.insert(ShmString::from_str_in(&text, &**heap).unwrap(), n).unwrap();
    }
    map
}

fn tree(depth: u32, heap: &TestHeap) -> Node {
    let mut node =
        Node { value: depth, children: ShmVec::new_in(&**heap), next: ShmVec::new_in(&**heap) };
    if depth > 0 {
        node.children.push(tree(depth - 1, heap)).unwrap();
        node.children.push(tree(depth - 1, heap)).unwrap();
        node.next.push(ShmBox::new_in(tree(0, heap), &**heap).unwrap()).unwrap();
    }
    node
}

proptest! {
    // A failure here may abort; there is no file to keep its seed in.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_strings(text in "\\PC{0,60}", damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        let text = ShmString::from_str_in(&text, &*heap).unwrap();
        use_string(harm_value(text, &damage));
    }

    #[test]
    fn damaged_vectors(len in 0..40_usize, damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        let vec = ShmVec::from_slice_in(&vec![7_u32; len], &*heap).unwrap();
        use_vec(harm_value(vec, &damage), 9);
    }

    /// Somebody writes to the vector while it is open.
    #[test]
    fn vectors_damaged_while_open(len in 0..40_usize, damage in damage(), pushes in 0..100_u32) {
        let heap = TestHeap::new(1 << 13);
        let vec = ShmVec::from_slice_in(&vec![7_u32; len], &*heap).unwrap();
        let layout = std::alloc::Layout::new::<ShmVec<u32>>();
        let place = heap.allocate_ptr(Context::DEFAULT, layout).unwrap().ptr;
        let (vec_at, skip) = (place.cast::<ShmVec<u32>>(), size_of::<AllocatorId>());
        // SAFETY: the block is as large.
        unsafe { vec_at.write(vec) };
        // SAFETY: written just now, and nobody else's but for the damage.
        let mut open = unsafe { &mut *vec_at.as_ptr() }.open().unwrap();
        // SAFETY: the bytes of the vector, but for the id of its heap; what follows
        // looks at them as it would if another process had written there.
        harm(unsafe { std::slice::from_raw_parts_mut(place.as_ptr().add(skip), layout.size() - skip) }, &damage);
        prop_assert_eq!(open.len(), len);
        for value in 0..pushes {
            let (len, room) = (open.len(), open.capacity() - open.len());
            let pushed = open.push(value);
            prop_assert!(pushed.is_ok() || room == 0);
            if room > 0 {
                // It does not look at what was damaged.
                prop_assert_eq!((open.len(), open[len]), (len + 1, value));
            }
        }
        let _ = (open.extend(0..9), open.extend_from_slice(&[5; 9]), open.reserve(100));
        let _ = (open.iter().copied().max(), open.pop(), open.truncate(2));
        // SAFETY: any bits are a vector.
        use_vec(unsafe { vec_at.read() }, 9);
    }

    #[test]
    fn damaged_deques(len in 0..40_u32, damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        let mut deque = ShmDeque::from_iter_in(0..len, &*heap).unwrap();
        deque.push_front(7).unwrap();
        use_deque(harm_value(deque, &damage));
    }

    #[test]
    fn damaged_lists(len in 0..20_u32, damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        use_list(harm_value(list(len, &heap), &damage), &heap);
    }

    #[test]
    fn lists_in_damaged_heaps(len in 0..20_u32, damage in damage()) {
        let mut heap = TestHeap::new(1 << 13);
        let list = list(len, &heap);
        harm(&mut heap.bytes()[..2048], &damage);
        use_list(list, &heap);
    }

    #[test]
    fn damaged_slot_maps(len in 0..20_u64, damage in damage()) {
        let mut heap = TestHeap::new(1 << 13);
        let (map, keys) = slots(len, &heap);
        use_slots(harm_value(map, &damage), &keys);
        let (map, keys) = slots(len, &heap);
        harm(&mut heap.bytes()[..1024], &damage);
        use_slots(map, &keys);
    }

    #[test]
    fn damaged_small_vectors(len in 0..20_u32, damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        let mut vec = ShmSmallVec::from_iter_in(0..len, &*heap).unwrap();
        // All of it has a value.
        vec.extend(len..6).unwrap();
        use_small_vec(harm_value(vec, &damage));
    }

    #[test]
    fn damaged_boxes(damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        let boxed = harm_value(ShmBox::new_in(7_u64, &*heap).unwrap(), &damage);
        let _ = (boxed.get().copied(), boxed.check(), format!("{boxed:?}"));
        let _ = boxed.into_inner();
        let boxed = ShmBox::new_in(ShmString::from_str_in(&"x".repeat(50), &*heap).unwrap(), &*heap);
        drop(harm_value(boxed.unwrap(), &damage));
    }

    #[test]
    fn damaged_maps(shards in 1..5_usize, damage in damage()) {
        let heap = TestHeap::new(1 << 16);
        let map = harm_value(filled_map(shards, &heap), &damage);
        use_map(&map, &heap);
    }

    #[test]
    fn maps_in_damaged_heaps(shards in 1..3_usize, damage in damage()) {
        let mut heap = TestHeap::new(1 << 13);
        let map = filled_map(shards, &heap);
        harm(&mut heap.bytes()[..4096], &damage);
        use_map(&map, &heap);
        harm(&mut heap.bytes()[..4096], &damage);
    }

    #[test]
    fn damaged_ordered_maps(len in 0..150_u64, damage in damage()) {
        let heap = TestHeap::new(1 << 17);
        use_tree(harm_value(filled_tree(len, &heap), &damage), &heap);
    }

    #[test]
    fn ordered_maps_in_damaged_heaps(len in 0..150_u64, damage in damage()) {
        let mut heap = TestHeap::new(1 << 15);
        let map = filled_tree(len.min(60), &heap);
        harm(&mut heap.bytes()[..8192], &damage);
        use_tree(map, &heap);
        harm(&mut heap.bytes()[..8192], &damage);
    }

    #[test]
    fn damaged_queues(damage in damage()) {
        let heap = TestHeap::new(1 << 13);
        use_queue(&harm_value(filled_queue(&heap), &damage), &heap);
        let lane = ShmSpsc::new_in(4, &*heap).unwrap();
        use_lane(&harm_value(lane, &damage));
    }

    #[test]
    fn queues_in_damaged_heaps(damage in damage(), words in damage()) {
        let mut heap = TestHeap::new(1 << 13);
        let (queue, lane) = (filled_queue(&heap), ShmSpsc::new_in(4, &*heap).unwrap());
        harm(&mut heap.bytes()[..4096], &damage);
        // The words that count: the ends, and the slots of the first queue.
        harm(&mut heap.bytes()[128..512], &words);
        harm(&mut heap.bytes()[1536..1536 + 256], &words);
        use_queue(&queue, &heap);
        use_lane(&lane);
        harm(&mut heap.bytes()[..4096], &damage);
    }

    #[test]
    fn trees_in_damaged_heaps(damage in damage()) {
        let mut heap = TestHeap::new(1 << 13);
        let tree = tree(3, &heap);
        harm(&mut heap.bytes()[..4096], &damage);
        // Dropping visits all that can be reached.
        drop(tree);
    }
}

#[test]
fn a_circle_is_dropped_once() {
    let heap = TestHeap::new(1 << 13);
    let mut a = ShmBox::new_in(tree(0, &heap), &*heap).unwrap();
    let place = a.shm_ptr();
    // SAFETY: wrong on purpose, as damage would be: the box owns itself.
    let again = unsafe { ShmBox::from_shm_ptr(place) }.unwrap();
    a.get_mut().unwrap().next.push(again).unwrap();
    drop(a);
    assert!(heap.bad_frees() <= 1);
}

/// Links that lead back: the walk ends, and so does dropping the list.
#[test]
fn a_list_in_a_circle_is_visited_once() {
    let mut heap = TestHeap::new(1 << 13);
    let mut circle = ShmList::from_iter_in(0..5_u64, &*heap).unwrap();
    // The heap's first blocks are its nodes: `next`, `prev` and the number.
    let word = size_of::<usize>();
    let (first, last) = (64_usize, 64 + 4 * (2 * word + 8 + 16));
    assert_eq!(heap.bytes()[last + 2 * word..][..8], 4_u64.to_ne_bytes());
    heap.bytes()[last..][..word].copy_from_slice(&first.to_ne_bytes());
    assert_eq!(circle.iter().unwrap().count(), 5);
    assert!(circle.check().is_err());
    circle.iter_mut().unwrap().for_each(|number| *number += 1);
    drop(circle);
}

/// The elements of a vector that stands among them overwrite its length.
#[test]
fn a_vector_in_its_own_block_stays_in_the_heap() {
    let heap = TestHeap::new(1 << 13);
    let layout = std::alloc::Layout::new::<[u64; 64]>();
    let block = heap.allocate_ptr(Context::DEFAULT, layout).unwrap();
    let words = block.ptr.cast::<u64>();
    let mut vec = ShmVec::from_slice_in(&[1_u64; 4], &*heap).unwrap();
    // SAFETY: both are as large as is written: the id, place, capacity and
    // length, and elements behind them that would be a length far outside.
    let vec = unsafe {
        words.copy_from(std::ptr::NonNull::from(&mut vec).cast::<u64>(), 4);
        std::mem::forget(vec);
        words.add(1).write(block.shm.ptr.offset().get() as u64);
        words.add(2).write(64);
        words.add(3).write(64);
        (4..64).for_each(|index| words.add(index).write(1 << 40));
        words.cast::<ShmVec<u64>>().as_mut()
    };
    let mut seen = 0;
    let _ = vec.retain(|_| {
        seen += 1;
        seen > 1
    });
    let _ = (vec.push(1), vec.pop(), vec.truncate(2), vec.check());
}

/// The text that is put into a string overwrites its length, which is in the way
/// of it.
#[test]
fn a_string_in_its_own_block_is_no_panic() {
    let heap = TestHeap::new(1 << 13);
    let layout = std::alloc::Layout::new::<[u64; 64]>();
    let block = heap.allocate_ptr(Context::DEFAULT, layout).unwrap();
    let words = block.ptr.cast::<u64>();
    let at = block.shm.ptr.offset().get() as u64;
    let mut text = ShmString::from_str_in("", &*heap).unwrap();
    // SAFETY: the block is larger than what is written: the id, place, length
    // and capacity. The text is the highest bytes of the length.
    let text = unsafe {
        words.copy_from(std::ptr::NonNull::from(&mut text).cast::<u64>(), 4);
        words.add(1).write(at + 20);
        words.add(2).write(4);
        words.add(3).write(if cfg!(target_endian = "little") {
            400 | 0xff << 56
        } else {
            400 << 8 | 0xff
        });
        words.cast::<ShmString>().as_mut()
    };
    let _ = (text.insert_str(0, &"x".repeat(257)), text.check());
}

/// Children that lead back up: the levels end.
#[test]
fn a_tree_that_goes_in_circles_is_left() {
    let mut heap = TestHeap::new(1 << 15);
    let map = filled_tree(60, &heap);
    // The words of nodes that may name others.
    let nodes: Vec<u64> = (0..heap.bytes().len() as u64).step_by(64).collect();
    for at in (0..heap.bytes().len()).step_by(8) {
        let word = u64::from_ne_bytes(heap.bytes()[at..at + 8].try_into().unwrap());
        if word != 0 && nodes.contains(&word) {
            heap.bytes()[at..at + 8].copy_from_slice(&nodes[1 + at % 5].to_ne_bytes());
        }
    }
    use_tree(map, &heap);
}

#[test]
fn nonsense_ids_are_not_attached() {
    let heap = TestHeap::new(1 << 12);
    let mut vec = ManuallyDrop::new(ShmVec::from_slice_in(&[1_u8], &*heap).unwrap());
    let start = (&raw mut *vec).cast::<AllocatorId>();
    // SAFETY: the id is the first field.
    unsafe { start.write(AllocatorId::new(u32::MAX, 3)) };
    assert!(vec.as_slice().is_err());
    assert!(vec.push(1).is_err());
    assert_ne!(heap.id().major, u32::MAX);
}

/// What was moved from one came back to it, for ever.
#[test]
fn maps_that_share_their_nodes_are_appended_once() {
    let heap = TestHeap::new(1 << 15);
    let mut map = ShmBTreeMap::from_iter_in((0..60_u64).map(|n| (n, n)), &*heap).unwrap();
    // SAFETY: wrong on purpose, as damage would be: both own the same nodes.
    let mut other = unsafe { std::ptr::read(&raw const map) };
    let _ = (map.append(&mut other), map.check(), other.check());
    drop((map, other));
}

/// The chunk was walked to again and again.
#[test]
fn a_queue_whose_chunk_leads_to_itself_is_left() {
    let heap = bare_heap(AllocatorId::new(903, 1));
    let queue = ShmQueue::<u64>::new_in(heap).unwrap();
    (0..600).for_each(|n| queue.push(n).unwrap());
    let word = |at: Offset| heap.resolve(at, size_of::<usize>()).unwrap().cast::<usize>();
    // SAFETY: an id, and the place of the ends, are the fields; the head's lock is
    // followed by its chunk, and a chunk begins with its link.
    unsafe {
        let ends = (&raw const queue).byte_add(size_of::<AllocatorId>()).cast::<Offset>().read();
        let first = word(ends.add(2 * 128 + size_of::<usize>())).read();
        word(Offset::new(first)).write(first);
    }
    assert!((0..600).any(|_| queue.try_pop().is_err()));
    drop(queue);
}
