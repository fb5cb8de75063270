//! The containers on the default allocator rather than the tests' own.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::collections::HashMap;
use std::ptr::NonNull;

use anymem_core::allocator::{Allocator, Registration, ThreadLocalAllocator, registry};
use anymem_core::backend::ArrayBackend;
use anymem_core::container::{ContainerError, ShmBox, ShmHashMap, ShmString, ShmVec};
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::Bare;

/// A heap that stays attached.
fn heap(id: AllocatorId, len: usize) -> &'static dyn Allocator {
    let memory = Box::leak(vec![0_u8; len].into_boxed_slice());
    let heap: ThreadLocalAllocator<_> =
        ThreadLocalAllocator::create(ArrayBackend::<65536>::new(memory), Bare, &Config::new(id))
            .unwrap();
    let heap: &'static dyn Allocator = Box::leak(Box::new(heap));
    let base = heap.resolve(anymem_core::offset::Offset::new(0), 0).unwrap();
    let len = heap.stats().reserved;
    // SAFETY: the heap and its memory were leaked.
    let registration = Box::leak(Box::new(unsafe { Registration::new(heap, base, len) }));
    // SAFETY: the registration was leaked.
    unsafe { registry::register(NonNull::from(registration)) }.unwrap();
    heap
}

#[test]
fn words_are_counted_and_given_back() {
    let heap = heap(AllocatorId::new(900, 1), 32 << 20);
    let before = heap.stats().live_blocks;
    let map: ShmHashMap<ShmString, ShmVec<u32>> = ShmHashMap::new_in(heap).unwrap();
    let mut model: HashMap<String, Vec<u32>> = HashMap::new();
    for round in 0..50_000_u32 {
        let number = round.wrapping_mul(0x9e37_79b1) >> 20;
        let word = if number % 3 == 0 { format!("{number:040}") } else { number.to_string() };
        let places = ShmVec::new_in(heap);
        map.upsert(
            word.as_str(),
            |heap| ShmString::from_str_in(&word, heap),
            places,
            |places| places.push(round),
        )
        .unwrap()
        .unwrap();
        model.entry(word).or_default().push(round);
    }
    map.check().unwrap();
    assert_eq!(map.len(), Ok(model.len()));
    for (word, places) in &model {
        assert_eq!(map.with(word.as_str(), |found| *found == **places), Ok(Some(true)), "{word}");
    }
    drop(map);
    assert_eq!(heap.stats().live_blocks, before);
    assert_eq!(heap.stats().double_frees, 0);
}

#[test]
fn a_full_heap_is_an_error_and_goes_on_after_drops() {
    let heap = heap(AllocatorId::new(900, 2), 2 << 20);
    let before = heap.stats().live_blocks;
    let fill = || -> Vec<ShmBox<[u64; 100]>> {
        std::iter::from_fn(|| ShmBox::new_in([7; 100], heap).ok()).collect()
    };
    let boxes = fill();
    assert!(boxes.len() > 1000);
    assert!(matches!(ShmBox::new_in([7_u64; 100], heap), Err(ContainerError::Alloc(_))));
    let count = boxes.len();
    drop(boxes);
    assert_eq!(fill().len(), count);
    assert_eq!(heap.stats().live_blocks, before);
}

/// Each step goes as far as the gap is long.
#[test]
fn many_elements_are_taken_out_and_put_in() {
    let heap = heap(AllocatorId::new(900, 4), 4 << 20);
    let mut model: Vec<u32> = (0..50_000).collect();
    let mut vec = ShmVec::from_slice_in(&model, heap).unwrap();
    for (start, end) in [(10, 40_000), (0, 7), (5000, 5001), (9000, 9000), (100, 10_000)] {
        let new: Vec<u32> = (0..(end - start) / 3).collect();
        let gone = vec.splice(start as usize..end as usize, new.iter().copied()).unwrap();
        let expected: Vec<u32> = model.splice(start as usize..end as usize, new).collect();
        assert_eq!(gone, *expected);
        assert_eq!(vec, *model);
        model.truncate(20_000);
        model.extend(0..20_000);
        vec.truncate(20_000).unwrap();
        vec.extend(0..20_000).unwrap();
    }
}

/// Copying it each time would take longer than all the pushes.
#[test]
#[cfg_attr(feature = "secure", ignore = "hardened blocks do not grow where they stand")]
fn a_large_vector_grows_where_it_stands() {
    let heap = heap(AllocatorId::new(900, 3), 32 << 20);
    let before = heap.stats().live_blocks;
    let mut plain = ShmVec::new_in(heap);
    let mut places = Vec::new();
    for number in 0..300_000_u64 {
        plain.push(number).unwrap();
        if plain.capacity() >= 1 << 13 {
            places.push(plain.shm_ptr().ptr.offset());
        }
    }
    places.dedup();
    // It is placed where there is room for eight times as much.
    assert!(places.len() <= 2, "{places:?}");
    // In the heap itself, and opened; another one is in its way.
    let mut boxed = ShmBox::new_in(ShmVec::new_in(heap), heap).unwrap();
    let mut open = boxed.get_mut().unwrap().open().unwrap();
    let mut other = ShmVec::new_in(heap);
    for number in 0..300_000_u64 {
        open.push(number).unwrap();
        other.push(number).unwrap();
    }
    assert!(open.iter().copied().eq(0..300_000));
    assert!(open[..] == plain.as_slice().unwrap()[..] && open[..] == other.as_slice().unwrap()[..]);
    drop((plain, boxed, other));
    assert_eq!(heap.stats().live_blocks, before);
    assert_eq!(heap.stats().double_frees, 0);
}
