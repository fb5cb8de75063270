//! The pool of jemalloc.
#![cfg(feature = "jemalloc")]

mod pools;

use std::alloc::Layout;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem::Size;
use anymem::pool::{self, JemallocOptions, Pool, PoolError, PoolHandle, Tracked};
use anymem::provider::{
    CoarseOptions, CoarseProvider, MallocProvider, OsOptions, Provider, ProviderError, Span,
    Visibility,
};
use pools::{Pages, tracked};

mod with_caches {
    use super::*;

    whole_pool_tests!(|pages| Box::new(
        JemallocOptions::new().build(tracked(pages)).expect("a pool")
    ));
}

mod without_caches {
    use super::*;

    whole_pool_tests!(|pages| {
        let options = JemallocOptions::new().thread_cache(0).arenas(1);
        Box::new(options.build(tracked(pages)).expect("a pool"))
    });
}

mod untracked {
    use super::*;

    whole_pool_tests!(|pages| Box::new(
        JemallocOptions::new().build(Tracked::untracked(pages).expect("a map")).expect("a pool")
    ));
}

/// (UMF defect D14: three pools took all of jemalloc's arenas.)
#[test]
fn pools_come_and_go_and_there_can_be_many() {
    let pages = Pages::new();
    for round in 0..6 {
        let pools: Vec<_> = (0..32)
            .map(|_| JemallocOptions::new().build(tracked(pages.clone())).expect("a pool"))
            .collect();
        for pool in &pools {
            let block = pool.allocate(Layout::new::<[u64; 100]>()).expect("memory");
            // SAFETY: the block is live.
            unsafe { block.write_bytes(round, 800) };
        }
    }
    for _ in 0..64 {
        let pool = JemallocOptions::new().build(tracked(pages.clone())).expect("a pool");
        pool.allocate(Layout::new::<[u64; 1000]>()).expect("memory");
    }
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

#[test]
fn threads_have_arenas_of_their_own_as_they_need_them() {
    let pages = Pages::new();
    let pool = JemallocOptions::new()
        .arenas(4)
        .name("four")
        .build(tracked(pages.clone()))
        .expect("a pool");
    assert_eq!(pool.name(), "four");
    let first = pages.usage().current;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                let block = pool.allocate(Layout::new::<u64>()).expect("memory");
                // SAFETY: the block is live and not used afterwards.
                unsafe { pool.free(block) }.expect("live");
            });
        }
    });
    assert!(pages.usage().current > first, "more than one arena");
    drop(pool);
    assert_eq!(pages.usage().current, 0);
}

#[test]
fn trimming_gives_back_what_no_block_is_in() {
    let pages = Pages::new();
    let pool = JemallocOptions::new().build(tracked(pages.clone())).expect("a pool");
    let layout = Layout::new::<[u8; 1 << 20]>();
    let blocks: Vec<_> = (0..32).map(|_| pool.allocate(layout).expect("memory")).collect();
    for block in blocks {
        // SAFETY: the block is live and not used afterwards.
        unsafe { pool.free(block) }.expect("live");
    }
    let before = pages.usage().current;
    assert!(before >= 32 << 20, "jemalloc keeps {before} bytes for a while");
    assert_eq!(pool.trim(before), 0);
    let went = pool.trim(0);
    assert!(went >= 30 << 20, "{went} bytes went");
    assert_eq!(pages.usage().current, before - went);
}

#[test]
fn what_a_page_was_cut_into_before_does_not_matter() {
    let pages = Pages::up_to(24 << 20);
    let pool = JemallocOptions::new().arenas(1).build(tracked(pages.clone())).expect("a pool");
    for round in 0..4 {
        for size in [16, 48, 5000, 14_336, 16_384, 100_000, 300_000, 1 << 20] {
            fill(&pool, size, round);
            pool.trim(0);
        }
    }
    drop(pool);
    assert_eq!(pages.usage().current, 0);
}

/// Takes blocks up to 6 MiB in all, checks what is known of them, and frees them.
fn fill(pool: &dyn Pool, size: usize, mark: u8) {
    let layout = Layout::from_size_align(size, 8).expect("a layout");
    let blocks: Vec<NonNull<u8>> =
        (0..(6 << 20) / size).map(|_| pool.allocate(layout).expect("memory")).collect();
    for block in &blocks {
        let usable = pool.usable_size(*block).expect("live");
        assert!((size..=size.max(16) * 2).contains(&usable), "{usable} of {size}");
        // SAFETY: the block is live, and so long.
        unsafe { block.write_bytes(mark, usable) };
    }
    for block in blocks {
        // SAFETY: the block is live and not used afterwards.
        unsafe { pool.free(block) }.expect("live");
    }
}

#[test]
fn over_any_provider_that_splits() {
    let error = JemallocOptions::new().build(tracked(Pages::whole())).expect_err("no split");
    let unsupported = PoolError::Provider(ProviderError::Unsupported {
        provider: "pages".to_owned(),
        operation: "split at 4 KiB",
    });
    assert_eq!(error, unsupported);
    let large = CoarseOptions::new().page_size(Size::mib(2)).over(Pages::new()).expect("a layer");
    JemallocOptions::new().build(tracked(Arc::new(large))).expect_err("no split at 4 KiB");
    let wholes: [Arc<dyn Provider>; 2] = [Pages::whole(), Arc::new(MallocProvider::new())];
    for whole in wholes {
        let coarse = Arc::new(CoarseProvider::new(whole));
        let pool = JemallocOptions::new().build(tracked(coarse)).expect("a pool");
        fill(&pool, 1000, 1);
    }
    let error = JemallocOptions::new().build(tracked(Pages::untouchable())).expect_err("not there");
    assert!(matches!(error, PoolError::Provider(ProviderError::Unsupported { .. })));
}

#[test]
fn blocks_are_found_by_address() {
    let pool = JemallocOptions::new().build(tracked(Pages::new())).expect("a pool");
    let pool = PoolHandle::new(pool);
    for layout in [Layout::new::<[u8; 100]>(), Layout::new::<[u8; 1 << 20]>()] {
        let block = pool.allocate(layout).expect("memory");
        assert_eq!(pool::of(block).map(|found| found.id()), Some(pool.id()));
        assert!(pool::usable_size(block).expect("live") >= layout.size());
        // SAFETY: the block is live and not used afterwards.
        unsafe { pool::free(block) }.expect("live");
    }
    let other = NonNull::from(&0_u8);
    assert!(matches!(pool.usable_size(other), Err(PoolError::NotABlock { .. })));
    // SAFETY: the pool sees that the address is another's.
    assert!(matches!(unsafe { pool.free(other) }, Err(PoolError::NotABlock { .. })));
    assert_eq!(pool.stats().blocks, 0);
}

/// What another process sees of a block: its bytes by way of the file.
fn by_file(shared: &dyn Provider, block: NonNull<u8>, len: usize) -> Vec<u8> {
    let share = shared.share().expect("a shared provider");
    let range = share.file_of(Span::new(block, len)).expect("a span that is handed out");
    let file = File::from(range.file.try_clone_to_owned().expect("a descriptor"));
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, range.offset).expect("so many bytes");
    bytes
}

/// (UMF defect D4: what was known of the file behind a block went wrong when jemalloc split
/// or merged its extent.)
#[test]
fn the_file_behind_a_block_is_right_after_any_splits_and_merges() {
    let shared = OsOptions::new().visibility(Visibility::Shared).build().expect("memory");
    let shared: Arc<dyn Provider> = Arc::new(shared);
    let options = JemallocOptions::new().arenas(1).thread_cache(0);
    let pool = options.build(tracked(Arc::clone(&shared))).expect("a pool");
    let mut live: Vec<(NonNull<u8>, usize, u8)> = Vec::new();
    let mut random = 1_u64;
    for round in 0..4000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if live.len() > 40 {
            let (block, len, mark) = live.swap_remove((random >> 33) as usize % live.len());
            assert!(by_file(&*shared, block, len).iter().all(|byte| *byte == mark));
            // SAFETY: the block is live and not used afterwards.
            unsafe { pool.free(block) }.expect("live");
        }
        if round % 500 == 499 {
            pool.trim(0);
        }
        let (len, mark) = ((random >> 40) as usize % 200_000 + 1, (random >> 32) as u8);
        let layout = Layout::from_size_align(len, 8).expect("a layout");
        let block = pool.allocate(layout).expect("memory");
        // SAFETY: the block is live and has that many bytes.
        unsafe { block.write_bytes(mark, len) };
        live.push((block, len, mark));
    }
    for (block, len, mark) in live {
        assert!(by_file(&*shared, block, len).iter().all(|byte| *byte == mark));
    }
    drop(pool);
    assert_eq!(shared.usage().current, 0);
}
