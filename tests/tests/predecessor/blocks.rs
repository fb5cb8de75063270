//! What is handed out.

use anymem::HeapOptions;
use anymem_core::allocator::{AllocError, Allocator, FreeError};
use anymem_core::thread::Context;
use anymem_tests::heap::{bytes, exhaust, fill, free, layout};
use anymem_tests::{ShadowHeap, TestHeap};

/// Blocks of up to 32 bytes were never used again: 700,000 pairs of 16 bytes
/// filled 64 MiB.
#[test]
fn small_blocks_are_used_again() {
    let heap = TestHeap::new(4);
    for way in heap.ways() {
        for size in [1, 8, 16, 32] {
            for _ in 0..500_000 {
                let at = way.allocate(Context::DEFAULT, layout(size, 1)).expect("room for ever");
                free(way, at, layout(size, 1));
            }
        }
    }
    heap.is_whole();
}

/// A small request took a cached block of 4 KiB and relabelled it: 4 KiB were
/// lost each time.
#[test]
fn small_blocks_take_no_larger_ones() {
    let heap = TestHeap::new(4);
    for way in heap.ways() {
        for _ in 0..50_000 {
            for size in [4096, 16] {
                let at = way.allocate(Context::DEFAULT, layout(size, 8)).expect("room for ever");
                free(way, at, layout(size, 8));
            }
        }
    }
    heap.is_whole();
}

/// A cached block of 600 MiB served 17 MiB and was 17 MiB long from then on, or
/// was handed out whole.
#[test]
fn a_large_block_that_served_less_is_whole_again() {
    let heap = TestHeap::new(96);
    let mib = |count: usize| layout(count << 20, 8);
    for way in heap.ways() {
        for _ in 0..20 {
            let large = way.allocate(Context::DEFAULT, mib(60)).expect("an empty heap");
            free(way, large, mib(60));
            let small = way.allocate(Context::DEFAULT, mib(17)).expect("room");
            let rest = way.allocate(Context::DEFAULT, mib(40)).expect("what was not needed");
            free(way, small, mib(17));
            free(way, rest, mib(40));
        }
    }
    heap.is_whole();
}

/// One request too large made every later one fail.
#[test]
fn a_failed_request_leaves_the_heap_as_it_was() {
    let heap = TestHeap::new(64);
    for way in heap.ways() {
        for size in [1 << 30, 64 << 20, isize::MAX as usize - 7] {
            for _ in 0..1000 {
                let error = way.allocate(Context::DEFAULT, layout(size, 8)).expect_err("no room");
                let expected = AllocError::TooLarge { requested: size };
                let full = AllocError::Full { requested: size };
                assert!(error == expected || error == full, "{error:?}");
            }
        }
        let at = way.allocate(Context::DEFAULT, layout(100, 8)).expect("room for little");
        free(way, at, layout(100, 8));
        assert_eq!(heap.stats().live_blocks, 0);
    }
    heap.is_whole();
}

/// A full heap was a null pointer that was followed, or full for ever.
#[test]
fn a_full_heap_serves_again_after_frees() {
    for (size, align) in [(16, 8), (100, 4), (3000, 8), (20_000, 16), (70_000, 8), (1 << 20, 4096)]
    {
        let heap = TestHeap::new(4);
        for way in heap.ways() {
            let layout = layout(size, align);
            let (blocks, error) = exhaust(way, layout);
            assert_eq!(error, AllocError::Full { requested: size });
            let taken = blocks.len() * size;
            assert!(taken > 2 << 20 || blocks.len() > 1, "{size}: only {} blocks", blocks.len());
            for &at in blocks.iter().step_by(2) {
                free(way, at, layout);
            }
            let (again, _) = exhaust(way, layout);
            assert_eq!(again.len(), blocks.len().div_ceil(2), "blocks of {size} bytes");
            blocks.iter().skip(1).step_by(2).chain(&again).for_each(|&at| free(way, at, layout));
            heap.is_whole();
        }
    }
}

/// Shrinking copied the old length into the new block and overwrote its
/// neighbour.
#[test]
fn shrinking_leaves_the_neighbour_alone() {
    let heap = TestHeap::new(16);
    let sizes = [1, 15, 64, 100, 511, 4000, 9000, 40_000, 100_000, 300_000];
    for way in heap.ways() {
        let mut shadow = ShadowHeap::new();
        for &size in &sizes {
            for _ in 0..4 {
                shadow.allocate(way, Context::DEFAULT, layout(size, 8)).expect("room");
            }
        }
        for turn in 0..1000 {
            let to = sizes[turn * 7 % sizes.len()] / (1 + turn % 3);
            shadow.reallocate_nth(way, Context::DEFAULT, turn * 13, to).expect("room");
            shadow.check_all(way);
        }
        shadow.free_all(way, Context::DEFAULT);
    }
    heap.is_whole();
}

/// Reallocation always moved, even where the block was large enough.
#[test]
fn a_block_that_is_large_enough_stays() {
    let heap = TestHeap::new(16);
    for way in heap.ways() {
        for size in [10, 33, 100, 1000, 5000, 30_000, 200_000, 1 << 20] {
            let before = layout(size, 8);
            let at = way.allocate(Context::DEFAULT, before).expect("room");
            // SAFETY: the block is live.
            let usable = unsafe { way.usable_size(at, before) };
            assert!(usable >= size);
            // SAFETY: the block is live, and known by its new place only.
            let moved = unsafe { way.reallocate(Context::DEFAULT, at, before, usable) };
            assert_eq!(moved, Ok(at), "{size} bytes of {usable}");
            free(way, at, layout(usable, 8));
        }
    }
    heap.is_whole();
}

/// Blocks of another size than a power of two wasted up to half; a block of 65
/// bytes took 160.
#[test]
fn rounding_up_takes_an_eighth_at_most() {
    let heap = TestHeap::new(16);
    for way in heap.ways() {
        for size in (1..3000).chain((3000..60_000).step_by(97)) {
            let layout = layout(size, 1);
            let at = way.allocate(Context::DEFAULT, layout).expect("room");
            // SAFETY: the block is live.
            let usable = unsafe { way.usable_size(at, layout) };
            // Up to a granule of 16 bytes, and whole slabs from a certain size.
            let most = (size + size / 7 + 16).next_multiple_of(16);
            assert!(usable >= size);
            assert!(usable <= most || usable == 65536, "{size} bytes take {usable}");
            free(way, at, layout);
        }
    }
}

/// Aligned allocation did not exist, and everything was aligned to 8 bytes.
#[test]
fn blocks_are_aligned_as_asked() {
    let heap = TestHeap::new(16);
    for way in heap.ways() {
        for align in (0..=21).map(|log2| 1_usize << log2) {
            for size in [0, 1, align - 1, align, align + 1, 3 * align] {
                let mut shadow = ShadowHeap::new();
                for _ in 0..3 {
                    // At 2 MiB not every heap of this length has three places.
                    let block = shadow.allocate(way, Context::DEFAULT, layout(size, align));
                    assert!(block.is_ok() || align >= 1 << 20, "{size} at {align}: {block:?}");
                }
                assert!(!shadow.is_empty(), "{size} at {align}");
                shadow.free_all(way, Context::DEFAULT);
            }
        }
    }
    heap.is_whole();
}

/// Sizes near the end of the address space wrapped around.
#[test]
fn sizes_that_overflow_are_errors() {
    let heap = TestHeap::new(4);
    let most = isize::MAX as usize;
    for way in heap.ways() {
        for align in [1, 8, 4096, 1 << 20, 1 << 40] {
            for less in [0, 1, 15, 4095, 65_535, 65_536, 1 << 20] {
                // Rounded down, so that it is a layout.
                let size = (most + 1 - align).saturating_sub(less);
                let result = way.allocate(Context::DEFAULT, layout(size, align));
                assert!(result.is_err(), "{size} at {align}: {result:?}");
                assert!(way.allocate_zeroed(Context::DEFAULT, layout(size, align)).is_err());
            }
        }
        for held in [layout(100, 8), layout(200_000, 8)] {
            let at = way.allocate(Context::DEFAULT, held).expect("room");
            fill(way, at, held.size(), 7);
            for size in [usize::MAX, usize::MAX - 7, usize::MAX - 65_535, most + 1, most, most / 2]
            {
                // SAFETY: the block is live, and stays on an error.
                let result = unsafe { way.reallocate(Context::DEFAULT, at, held, size) };
                assert!(result.is_err(), "{size}: {result:?}");
            }
            assert_eq!(bytes(way, at, held.size()), vec![7; held.size()]);
            free(way, at, held);
        }
        assert!(way.resolve(anymem::offset::Offset::new(usize::MAX), 1).is_none());
        assert!(way.resolve(anymem::offset::Offset::new(64), usize::MAX).is_none());
    }
    heap.is_whole();
}

/// An alignment larger than the heap is an error, not a block elsewhere.
#[test]
fn alignments_beyond_the_heap_are_errors_or_met() {
    let heap = TestHeap::new(4);
    for way in heap.ways() {
        for log2 in 17..62 {
            let layout = layout(1, 1 << log2);
            if let Ok(at) = way.allocate(Context::DEFAULT, layout) {
                let address = way.resolve(at, 1).expect("inside").addr().get();
                assert_eq!(address % layout.align(), 0);
                free(way, at, layout);
            }
        }
    }
    heap.is_whole();
}

/// Nothing was said about blocks of no bytes.
#[test]
fn blocks_of_no_bytes_are_blocks() {
    let heap = TestHeap::new(4);
    for way in heap.ways() {
        let mut shadow = ShadowHeap::new();
        for align in [1, 16, 4096] {
            for _ in 0..100 {
                shadow.allocate(way, Context::DEFAULT, layout(0, align)).expect("room");
            }
        }
        assert_eq!(heap.stats().live_blocks, 300);
        for turn in 0..300 {
            shadow.reallocate_nth(way, Context::DEFAULT, turn, turn % 3 * 50).expect("room");
        }
        for turn in 0..300 {
            shadow.reallocate_nth(way, Context::DEFAULT, turn, 0).expect("room");
        }
        shadow.free_all(way, Context::DEFAULT);
    }
    heap.is_whole();
}

/// Whether a block was free was one bit that two threads could miss.
#[test]
fn a_block_is_freed_once() {
    let heap = TestHeap::new(4);
    let way = heap.allocator();
    for size in [24, 200_000] {
        for _ in 0..500 {
            let layout = layout(size, 8);
            let at = way.allocate(Context::DEFAULT, layout).expect("room");
            let results = std::thread::scope(|scope| {
                let free = || {
                    // SAFETY: not sound by the contract, which is what is
                    // tried: the block is not used, and nothing else is
                    // allocated meanwhile.
                    unsafe { way.free(Context::DEFAULT, at, layout) }
                };
                let other = scope.spawn(free);
                [free(), other.join().expect("no panic")]
            });
            let good = results.iter().filter(|result| result.is_ok()).count();
            assert_eq!(good, 1, "{results:?}");
            assert!(
                results.contains(&Err(FreeError::DoubleFree))
                    || results.contains(&Err(FreeError::NotABlock)),
                "{results:?}"
            );
        }
    }
    heap.is_whole();
}

/// Through a slot a double free is seen when the block leaves the magazine.
#[test]
fn a_double_free_through_a_slot_is_counted() {
    let heap = TestHeap::new(4);
    let layout = layout(24, 8);
    let blocks: Vec<_> =
        (0..1000).map(|_| heap.allocate(Context::DEFAULT, layout).expect("room")).collect();
    for &at in blocks.iter().chain(&blocks[..10]) {
        // SAFETY: not sound by the contract for the first ten, which is what is
        // tried; nothing is allocated afterwards.
        let _ = unsafe { heap.free(Context::DEFAULT, at, layout) };
    }
    heap.trim();
    assert_eq!(heap.stats().double_frees, 10);
    heap.is_whole();
}

/// A heap without the two megabytes of the thread table crashed.
#[test]
fn a_heap_of_any_size_works_or_is_an_error() {
    let mut made = 0;
    for kib in (4..200).chain((200..3000).step_by(25)) {
        let Ok(heap) = HeapOptions::new().create_memfd("small", anymem::Size::kib(kib)) else {
            assert!(kib < 300, "{kib} KiB should do");
            continue;
        };
        made += 1;
        for way in [&heap as &dyn Allocator, heap.allocator()] {
            let (blocks, _) = exhaust(way, layout(48, 8));
            assert!(!blocks.is_empty(), "{kib} KiB");
            blocks.into_iter().for_each(|at| free(way, at, layout(48, 8)));
            // The only slab may be in this thread's slot.
            heap.trim();
        }
        assert_eq!(heap.check(), Ok(()));
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
    }
    assert!(made > 100, "{made}");
}
