//! Blocks freed by their address alone, as C does it.

use std::alloc::Layout;
use std::ptr::NonNull;

use anymem_core::allocator::{Allocator, FreeError, LocalHeap, ThreadLocalAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::Bare;

type Heap<'a> = ThreadLocalAllocator<ArrayBackend<'a, 4096>, Bare, 12>;

fn heap(memory: &mut [u8]) -> Heap<'_> {
    let config = Config::new(AllocatorId::new(0, 79)).slots(2);
    Heap::create(ArrayBackend::new(memory), Bare, &config).unwrap()
}

fn allocate(heap: &LocalHeap<'_, ArrayBackend<'_, 4096>, Bare, 12>, size: usize) -> NonNull<u8> {
    heap.allocate(Layout::from_size_align(size, 8).unwrap()).unwrap()
}

#[test]
fn every_size_is_freed_by_address() {
    let mut memory = vec![0_u8; 4 << 20];
    let heap = heap(&mut memory);
    let local = heap.local(heap.create_tls().unwrap()).unwrap();
    for size in [0, 1, 16, 17, 500, 513, 3000, 4096, 4097, 100_000] {
        for round in 0..300 {
            let block = allocate(&local, size);
            assert!(local.usable_size_of(block).unwrap() >= size, "{size} in round {round}");
            // SAFETY: just allocated.
            unsafe { local.free_unsized(block) }.unwrap();
        }
    }
    let stats = heap.stats();
    assert_eq!((stats.live_blocks, stats.double_frees), (0, 0));
    heap.check().unwrap();
}

#[test]
fn another_threads_blocks_are_freed_by_address() {
    let mut memory = vec![0_u8; 4 << 20];
    let heap = heap(&mut memory);
    let [one, other] = [0; 2].map(|_| heap.local(heap.create_tls().unwrap()).unwrap());
    for size in [16, 700, 9000] {
        let blocks: Vec<_> = (0..100).map(|_| allocate(&one, size)).collect();
        // SAFETY: each was just allocated.
        blocks.into_iter().for_each(|block| unsafe { other.free_unsized(block) }.unwrap());
    }
    assert_eq!(heap.stats().live_blocks, 0);
    heap.check().unwrap();
}

/// A block that is shorter than a cache line is not handed to a thread whose
/// other blocks are elsewhere.
#[test]
fn tiny_blocks_go_back_to_their_owner() {
    let mut memory = vec![0_u8; 4 << 20];
    let heap = heap(&mut memory);
    let [one, other] = [0; 2].map(|_| heap.local(heap.create_tls().unwrap()).unwrap());
    for size in [8, 40] {
        let given: Vec<_> = (0..100).map(|_| allocate(&one, size)).collect();
        for &block in &given {
            // SAFETY: just allocated.
            unsafe { other.free_unsized(block) }.unwrap();
            let own = allocate(&other, size);
            assert!(!given.contains(&own), "{size} bytes of the other's");
            // SAFETY: as above.
            unsafe { other.free_unsized(own) }.unwrap();
        }
    }
    let stats = heap.stats();
    assert_eq!((stats.live_blocks, stats.double_frees), (0, 0));
    heap.check().unwrap();
}

#[test]
fn what_is_no_block_is_refused() {
    let mut memory = vec![0_u8; 4 << 20];
    let heap = heap(&mut memory);
    let local = heap.local(heap.create_tls().unwrap()).unwrap();
    let large = allocate(&local, 10_000);
    // SAFETY: still inside the block.
    let inside = unsafe { large.add(64) };
    let mut elsewhere = 0_u8;
    assert_eq!(local.usable_size_of(inside), None);
    // SAFETY: what is no block is never handed out afterwards, nor is it here.
    unsafe {
        assert_eq!(local.free_unsized(inside), Err(FreeError::NotABlock));
        assert_eq!(local.free_unsized(NonNull::from(&mut elsewhere)), Err(FreeError::Outside));
        local.free_unsized(large).unwrap();
        assert_eq!(local.free_unsized(large), Err(FreeError::NotABlock));
    }
    assert_eq!(heap.stats().double_frees, 2);
}
