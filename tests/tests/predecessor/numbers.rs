//! What is counted, kept and given back.

use std::os::fd::AsFd;

use anymem::container::{ShmBox, ShmHashMap, ShmVec};
use anymem::{HeapOptions, Size};
use anymem_core::allocator::{Allocator, Stats};
use anymem_core::size_class::SEAL;
use anymem_core::thread::Context;
use anymem_tests::heap::{exhaust, fill, free, layout};
use anymem_tests::{Random, ShadowHeap, TestHeap};

fn sums_up(stats: &Stats) {
    let live: usize = stats.classes.iter().map(|class| class.live * class.block_size).sum();
    let blocks: usize = stats.classes.iter().map(|class| class.live).sum();
    let slabs: usize = stats.classes.iter().map(|class| class.slabs).sum();
    assert_eq!(stats.live_blocks, blocks + stats.spans, "{stats:?}");
    assert_eq!(stats.slabs, slabs + stats.span_slabs, "{stats:?}");
    assert_eq!(stats.live, live + (stats.span_slabs << 16), "{stats:?}");
    assert!(stats.live <= stats.slabs << 16, "{stats:?}");
    assert!(stats.slabs << 16 <= stats.committed, "{stats:?}");
    assert!(stats.committed <= stats.reserved, "{stats:?}");
}

/// The number of allocated bytes was always 0, so no test ever saw a leak.
#[test]
fn statistics_are_not_zero_and_add_up() {
    let heap = TestHeap::new(32);
    let mut random = Random::new(1);
    for way in heap.ways() {
        let mut shadow = ShadowHeap::new();
        for turn in 0..2000 {
            if random.below(3) == 0 {
                shadow.free_nth(way, Context::DEFAULT, turn);
            } else {
                let size = random.size();
                shadow.allocate(way, Context::DEFAULT, layout(size, 8)).expect("room");
            }
        }
        let stats = heap.stats();
        sums_up(&stats);
        assert_eq!(stats.live_blocks, shadow.len());
        assert!(stats.live > 0 && stats.live >= shadow.bytes(), "{stats:?}");
        shadow.free_all(way, Context::DEFAULT);
        sums_up(&heap.stats());
        assert_eq!(heap.stats().live, 0);
    }
    heap.is_whole();
}

/// Blocks were never joined, so memory that was small stayed small.
#[test]
fn small_blocks_become_large_ones() {
    let heap = TestHeap::new(16);
    for way in heap.ways() {
        for size in [16, 64, 1000, 4096, 30_000, 100_000] {
            let (blocks, _) = exhaust(way, layout(size, 8));
            assert!(blocks.len() * (size + SEAL) > 11 << 20, "{} of {size} bytes", blocks.len());
            blocks.into_iter().for_each(|at| free(way, at, layout(size, 8)));
            // Without a call to `trim`: what is needed comes together by itself.
            let all = layout(heap.stats().capacity - SEAL, 8);
            let at = way.allocate(Context::DEFAULT, all).expect("all of it");
            free(way, at, all);
        }
    }
    heap.is_whole();
}

/// Nothing went back to the system, ever.
#[test]
fn freed_memory_goes_back_to_the_system() {
    let heap = TestHeap::new(64);
    let file = std::fs::File::from(heap.file().try_clone_to_owned().expect("another handle"));
    let resident = || {
        use std::os::unix::fs::MetadataExt;
        file.metadata().expect("open").blocks() * 512
    };
    let (empty, committed) = (resident(), heap.stats().committed);
    for way in heap.ways() {
        for size in [40, 5000, 1 << 20] {
            let (blocks, _) = exhaust(way, layout(size, 8));
            blocks.iter().for_each(|&at| fill(way, at, size, 1));
            assert!(resident() > 48 << 20, "{} of 64 MiB are there", resident());
            blocks.into_iter().for_each(|at| free(way, at, layout(size, 8)));
            // Some of it may have gone back by itself.
            heap.trim();
            // The descriptors of slabs once used stay.
            assert!(resident() < empty + (5 << 20), "{} are left", resident());
            assert!(heap.stats().committed < committed + (5 << 20));
        }
    }
    assert!(file.as_fd().try_clone_to_owned().is_ok());
    heap.is_whole();
}

/// Zeroed memory that was used before, or given back, must be zero again.
#[test]
fn zeroed_blocks_are_zero_though_they_were_used() {
    let heap = TestHeap::new(16);
    for way in heap.ways() {
        for size in [16, 1000, 20_000, 300_000] {
            for trim in [false, true] {
                let (blocks, _) = exhaust(way, layout(size, 8));
                blocks.iter().for_each(|&at| fill(way, at, size, 0xff));
                blocks.iter().for_each(|&at| free(way, at, layout(size, 8)));
                if trim {
                    heap.trim();
                }
                let mut shadow = ShadowHeap::new();
                for _ in 0..20 {
                    shadow.allocate_zeroed(way, Context::DEFAULT, layout(size, 8)).expect("room");
                }
                shadow.free_all(way, Context::DEFAULT);
            }
        }
    }
    heap.is_whole();
}

/// A custom header moved the thread table, so that ordinary blocks came to lie
/// in the header. Roots are what a custom header was for.
#[test]
fn named_values_lie_apart_from_blocks() {
    let heap = TestHeap::with(&HeapOptions::new().roots(64), Size::mib(8));
    for number in 0..60_u64 {
        let value = ShmBox::new_in([number; 1000], &*heap).expect("room");
        heap.bind_root(&format!("value {number}"), value).expect("room for its name");
    }
    for way in heap.ways() {
        for size in [16, 64, 1000, 70_000] {
            let (blocks, _) = exhaust(way, layout(size, 8));
            blocks.iter().for_each(|&at| fill(way, at, size, 0xff));
            blocks.into_iter().for_each(|at| free(way, at, layout(size, 8)));
        }
    }
    assert_eq!(heap.check(), Ok(()));
    for number in 0..60_u64 {
        let value = heap.root::<[u64; 1000]>(&format!("value {number}")).expect("still there");
        assert!(value.iter().all(|&it| it == number), "value {number} was overwritten");
    }
}

/// The map kept its 20 buckets for ever.
#[test]
fn a_map_grows_with_what_is_in_it() {
    let heap = TestHeap::new(32);
    {
        let map = ShmHashMap::<u64, u64>::new_in(&*heap).expect("room");
        let before = map.capacity().expect("attached");
        for key in 0..50_000 {
            map.insert(key, key * 3).expect("room");
        }
        assert_eq!(map.len(), Ok(50_000));
        assert!(map.capacity().expect("attached") >= 50_000.max(before + 1));
        map.check().expect("in order");
        for key in 0..50_000 {
            assert_eq!(map.get(&key), Ok(Some(key * 3)));
        }
    }
    heap.is_whole();
}

/// Containers had no way to say that there was no room.
#[test]
fn containers_say_that_there_is_no_room() {
    let heap = TestHeap::new(2);
    {
        let mut list = ShmVec::<u64>::new_in(&*heap);
        let mut pushed = 0_u64;
        while list.push(pushed).is_ok() {
            pushed += 1;
        }
        assert_eq!(list.len() as u64, pushed);
        assert!(list.as_slice().expect("attached").iter().copied().eq(0..pushed));
        let map = ShmHashMap::<u64, u64>::new_in(&*heap);
        if let Ok(map) = map {
            let mut inserted = 0;
            while map.insert(inserted, inserted).is_ok() {
                inserted += 1;
            }
            assert_eq!(map.len(), Ok(inserted as usize));
            map.check().expect("in order");
            list.clear().expect("attached");
            list.shrink_to_fit().expect("less is needed");
            map.insert(inserted, 0).expect("there is room again");
        }
    }
    heap.is_whole();
}
