//! Global allocators without an OS, used as such: this program's own heap is one.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::BTreeMap;
use std::ptr::{self, NonNull};
use std::thread;

use anymem_core::global::{AddError, ArenaAlloc, OneThread, RegionAlloc, Unlocked};
use anymem_core::tiny::TooSmall;

#[global_allocator]
static HEAP: ArenaAlloc<{ 64 << 20 }> = ArenaAlloc::new();

#[test]
fn collections_of_threads_live_in_the_array() {
    let work = |seed: u32| {
        let mut map = BTreeMap::new();
        for i in 0..1000_u32 {
            map.insert(i, format!("{:>width$}", i + seed, width = i as usize % 100));
            if i % 3 == 0 {
                map.remove(&(i / 2));
            }
        }
        assert!(HEAP.stats().used > 10_000);
        map.into_iter().all(|(i, text)| text.trim() == (i + seed).to_string())
    };
    let threads: Vec<_> = (0..4).map(|seed| thread::spawn(move || work(seed))).collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    assert!(Vec::<u8>::new().try_reserve_exact(64 << 20).is_err());
    assert_eq!(HEAP.check(), Ok(()));
}

const LAYOUT: Layout = Layout::new::<[u64; 16]>();

/// Allocates until there is no room; the blocks.
fn exhaust(allocator: &impl GlobalAlloc) -> Vec<*mut u8> {
    // SAFETY: the layout has bytes.
    let blocks = std::iter::repeat_with(|| unsafe { allocator.alloc(LAYOUT) });
    blocks.take_while(|block| !block.is_null()).collect()
}

fn free_all(allocator: &impl GlobalAlloc, blocks: Vec<*mut u8>) {
    for block in blocks {
        // SAFETY: it is live, and was asked for with this layout.
        unsafe { allocator.dealloc(block, LAYOUT) };
    }
}

#[test]
fn an_exhausted_allocator_recovers() {
    static SMALL: ArenaAlloc<4096> = ArenaAlloc::new();
    let blocks = exhaust(&SMALL);
    assert!(blocks.len() > 25, "{}", blocks.len());
    free_all(&SMALL, blocks);
    assert_eq!(SMALL.stats().used, 0);
    assert!(exhaust(&SMALL).len() > 25);
}

#[test]
fn an_array_too_small_for_a_heap_serves_nothing() {
    let none = ArenaAlloc::<100>::new();
    assert!(exhaust(&none).is_empty());
    assert_eq!(none.stats().capacity, 0);
}

#[test]
fn an_allocator_for_one_thread_needs_no_lock() {
    // SAFETY: this test is the only one to use it, in one thread.
    static ALONE: OneThread<ArenaAlloc<4096, Unlocked>> =
        unsafe { OneThread::new(ArenaAlloc::new()) };
    let blocks = exhaust(&ALONE);
    assert!(ALONE.stats().used >= blocks.len() * LAYOUT.size());
    free_all(&ALONE, blocks);
    assert_eq!(ALONE.check(), Ok(()));
}

#[test]
fn an_allocator_may_be_moved_while_nothing_is_allocated() {
    let first = Box::new(ArenaAlloc::<4096>::new());
    free_all(&*first, exhaust(&*first));
    let second = *first;
    free_all(&second, exhaust(&second));
    assert_eq!(second.check(), Ok(()));
}

#[test]
fn blocks_become_larger_where_they_stand() {
    static GROWING: ArenaAlloc<4096> = ArenaAlloc::new();
    // SAFETY: each block is live and has the layout that is said.
    unsafe {
        let block = GROWING.alloc(LAYOUT);
        block.write_bytes(7, LAYOUT.size());
        let grown = GROWING.realloc(block, LAYOUT, 2000);
        assert_eq!(grown, block, "what is behind it is free");
        let large = Layout::from_size_align(2000, 8).unwrap();
        assert!(GROWING.realloc(grown, large, 5000).is_null());
        let other = GROWING.alloc(LAYOUT);
        let shrunk = GROWING.realloc(grown, large, 100);
        assert_eq!(shrunk, block);
        let small = Layout::from_size_align(100, 8).unwrap();
        let moved = GROWING.realloc(GROWING.alloc(small), small, 300);
        assert!(![block, other, ptr::null_mut()].contains(&moved));
        assert!((0..100).all(|at| shrunk.add(at).read() == 7));
    }
    assert_eq!(GROWING.check(), Ok(()));
}

fn region(bytes: &mut [u64]) -> NonNull<[u8]> {
    let len = size_of_val(bytes);
    NonNull::slice_from_raw_parts(NonNull::from(bytes).cast(), len)
}

/// 8 KiB for ever, in parts that touch.
fn halves() -> [NonNull<[u8]>; 2] {
    let start = NonNull::from(Box::leak(Box::new([0_u64; 1024]))).cast::<u8>();
    // SAFETY: within the memory.
    [start, unsafe { start.add(4096) }].map(|half| NonNull::slice_from_raw_parts(half, 4096))
}

#[test]
fn regions_are_added_as_they_are_found() {
    static REGIONS: RegionAlloc = RegionAlloc::new();
    assert!(exhaust(&REGIONS).is_empty());
    // The second lies before the first.
    let [second, first] = halves();
    // SAFETY: the memory is leaked, and used by nobody else.
    unsafe { REGIONS.add(first) }.unwrap();
    let mut blocks = exhaust(&REGIONS);
    let of_first = blocks.len();
    // SAFETY: as above.
    unsafe { REGIONS.add(second) }.unwrap();
    blocks.extend(exhaust(&REGIONS));
    assert!(blocks.len() > of_first + 20);
    blocks.reverse();
    free_all(&REGIONS, blocks);
    assert_eq!(REGIONS.stats().used, 0);
    assert!(REGIONS.stats().largest < 4096, "they are two");
    assert_eq!(REGIONS.check(), Ok(()));
}

#[test]
fn a_region_that_begins_where_another_ends_becomes_one_with_it() {
    static ONE: RegionAlloc<anymem_core::global::Spin, 1> = RegionAlloc::new();
    let [first, second] = halves();
    // SAFETY: the memory is leaked, and used by nobody else.
    unsafe { ONE.add(first) }.unwrap();
    let mut blocks = exhaust(&ONE);
    let of_first = blocks.len();
    // SAFETY: as above.
    unsafe { ONE.add(second) }.unwrap();
    blocks.extend(exhaust(&ONE));
    assert!(blocks.len() > of_first + 25);
    blocks.reverse();
    free_all(&ONE, blocks);
    let large = Layout::from_size_align(ONE.stats().capacity, 8).unwrap();
    assert!(large.size() > 7500);
    // SAFETY: the layout has bytes.
    let block = unsafe { ONE.alloc(large) };
    assert!(!block.is_null(), "a block may be in both");
    // SAFETY: it is live, and has as many bytes.
    unsafe { block.write_bytes(1, large.size()) };
    // SAFETY: it is live.
    unsafe { ONE.dealloc(block, large) };
    assert_eq!(ONE.check(), Ok(()));
}

#[test]
fn a_region_that_cannot_be_added_is_told() {
    let regions = RegionAlloc::<anymem_core::global::Spin, 1>::new();
    let mut memory = [0_u64; 1024];
    let (small, rest) = memory.split_at_mut(20);
    // SAFETY: the memory outlives the allocator, and is used by nobody else.
    unsafe {
        let added = regions.add(region(small));
        assert_eq!(added, Err(AddError::TooSmall(TooSmall { len: 160 })));
        assert_eq!(regions.add(region(rest)), Ok(()));
        assert_eq!(regions.add(region(small)), Err(AddError::TooMany { regions: 1 }));
    }
}
