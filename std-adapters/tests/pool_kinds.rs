//! Pools of core's heaps, of a list, and straight to the provider.

mod pools;

use std::alloc::Layout;
use std::ptr::NonNull;

use anymem::Size;
use anymem::pool::{
    HeapPoolOptions, LinkedListPool, Pool, PoolError, ProxyOptions, ScalablePagePool,
    ThreadLocalPool,
};
use anymem::provider::{Provider, ProviderError};
use pools::{Pages, tracked};

const ROOM: Size = Size::mib(48);

mod proxy {
    use super::*;

    pool_tests!(|pages| Box::new(ProxyOptions::new().build(tracked(pages))));

    #[test]
    fn sizes_are_rounded_to_pages_and_all_of_it_may_be_used() {
        let pages = Pages::new();
        let pool = ProxyOptions::new().straight().build(tracked(pages.clone()));
        let block = pool.allocate(Layout::new::<[u8; 100]>()).expect("memory");
        assert_eq!(pool.usable_size(block), Ok(4096));
        assert_eq!(pages.usage().current, 4096);
        // SAFETY: the block is live and not used after it was freed.
        unsafe { pool.free(block) }.expect("live");
        assert_eq!(pages.usage().current, 0);
    }

    #[test]
    fn threads_keep_a_few_spans_until_the_pool_is_trimmed() {
        let pages = Pages::new();
        let pool =
            ProxyOptions::new().name("few").thread_cache(64 << 10).build(tracked(pages.clone()));
        assert_eq!(pool.name(), "few");
        let layout = Layout::new::<[u8; 3000]>();
        let blocks: Vec<_> = (0..100).map(|_| pool.allocate(layout).expect("memory")).collect();
        for block in blocks {
            // SAFETY: the block is live and not used after it was freed.
            unsafe { pool.free(block) }.expect("live");
        }
        let kept = pages.usage().current;
        assert!((1..=64 << 10).contains(&kept), "{kept} bytes are kept");
        assert_eq!(pool.stats().blocks, 0);
        assert_eq!(pool.trim(0), kept);
        assert_eq!(pages.usage().current, 0);
    }

    #[test]
    fn memory_that_the_cpu_cannot_touch_is_not_touched() {
        let pages = Pages::untouchable();
        let pool = ProxyOptions::new().straight().build(tracked(pages.clone()));
        let layout = Layout::new::<[u8; 20_000]>();
        let block = pool.allocate(layout).expect("memory");
        // It is zero as it comes.
        let zeroed = pool.allocate_zeroed(layout).expect("memory");
        for block in [block, zeroed] {
            assert_eq!(pool.usable_size(block), Ok(20_480));
            // SAFETY: the block is live and not used after it was freed.
            unsafe { pool.free(block) }.expect("live");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        refuses(&ProxyOptions::new().build(tracked(Pages::new())));
    }
}

mod linked_list {
    use super::*;

    whole_pool_tests!(|pages| Box::new(LinkedListPool::new(tracked(pages)).expect("a pool")));

    #[test]
    fn what_is_no_block_is_refused() {
        refuses(&LinkedListPool::new(tracked(Pages::new())).expect("a pool"));
    }

    #[test]
    fn blocks_of_no_bytes_are_blocks_too() {
        let pool = LinkedListPool::new(tracked(Pages::up_to(64 << 10))).expect("a pool");
        let mut blocks = Vec::new();
        while let Ok(block) = pool.allocate(Layout::new::<()>()) {
            assert!(pool.usable_size(block).is_ok(), "{block:?} is the {}th", blocks.len());
            blocks.push(block);
        }
        for block in blocks {
            // SAFETY: the block is live and not used after it was freed.
            unsafe { pool.free(block) }.expect("live");
        }
        assert_eq!(pool.stats().blocks, 0);
    }

    #[test]
    fn trimming_gives_back_spans_that_nothing_is_in() {
        let pages = Pages::new();
        let pool =
            LinkedListPool::new(tracked(pages.clone())).expect("a pool").by_steps_of(16 << 10);
        let layout = Layout::new::<[u8; 10_000]>();
        let blocks: Vec<_> = (0..4).map(|_| pool.allocate(layout).expect("memory")).collect();
        assert_eq!(pages.usage().current, 64 << 10);
        assert_eq!(pool.trim(0), 0);
        for block in &blocks[1..] {
            // SAFETY: the block is live and not used after it was freed.
            unsafe { pool.free(*block) }.expect("live");
        }
        assert_eq!(pool.trim(30 << 10), 16 << 10);
        assert_eq!(pool.trim(0), 32 << 10);
        assert_eq!(pages.usage().current, 16 << 10);
        assert_eq!(pool.stats().blocks, 1);
    }

    #[test]
    fn it_is_called_as_its_maker_says() {
        let pool = LinkedListPool::new(tracked(Pages::new())).expect("a pool");
        assert_eq!(pool.name(), "linked list");
        let pool = pool.named("few");
        let error = pool.usable_size(NonNull::from(&1_u8)).expect_err("another's");
        assert_eq!(pool.name(), "few");
        assert!(error.to_string().contains("few"), "{error}");
    }

    #[test]
    fn needs_memory_that_the_cpu_can_touch() {
        let error = LinkedListPool::new(tracked(Pages::untouchable())).expect_err("no list there");
        assert!(matches!(error, PoolError::Provider(ProviderError::Unsupported { .. })));
    }
}

mod thread_local {
    use super::*;

    whole_pool_tests!(|pages| Box::new(
        ThreadLocalPool::new(tracked(pages), ROOM).expect("a pool")
    ));

    #[test]
    fn what_is_no_block_is_refused() {
        let pool = ThreadLocalPool::new(tracked(Pages::new()), ROOM).expect("a pool");
        let inside = pool.allocate(Layout::new::<[u8; 100_000]>()).expect("memory");
        // SAFETY: an address in the block.
        let inside = unsafe { inside.add(4096) };
        assert!(matches!(pool.usable_size(inside), Err(PoolError::NotABlock { .. })));
        // SAFETY: the pool says that no block starts there.
        assert!(matches!(unsafe { pool.free(inside) }, Err(PoolError::NotABlock { .. })));
        // SAFETY: as above.
        let foreign = unsafe { pool.free(NonNull::from(&1_u8)) };
        assert!(matches!(foreign, Err(PoolError::NotABlock { .. })));
    }

    #[test]
    fn settings_are_checked() {
        let pages = Pages::new();
        let error =
            ThreadLocalPool::new(tracked(pages.clone()), 4096_usize).expect_err("too small");
        assert!(matches!(error, PoolError::BadSetting { setting: "size", .. }), "{error:?}");
        let options = HeapPoolOptions::new().name("mine").slots(2);
        let pool =
            ThreadLocalPool::with_options(tracked(pages.clone()), ROOM, options).expect("a pool");
        assert_eq!(pool.name(), "mine");
        drop(pool);
        assert_eq!(pages.usage().current, 0);
    }
}

mod scalable_page {
    use super::*;

    whole_pool_tests!(|pages| Box::new(
        ScalablePagePool::new(tracked(pages), ROOM).expect("a pool")
    ));

    #[test]
    fn what_is_no_block_is_refused() {
        refuses(&ScalablePagePool::new(tracked(Pages::new()), ROOM).expect("a pool"));
    }
}

/// Frees twice, beside a block, and what is another's.
fn refuses(pool: &dyn Pool) {
    let layout = Layout::new::<[u8; 5000]>();
    let block = pool.allocate(layout).expect("memory");
    // SAFETY: an address in the block.
    let inside = unsafe { block.add(64) };
    // SAFETY: the block is zeroed, so that nothing in it looks like a header.
    unsafe { block.write_bytes(0, 5000) };
    let not_a_block = |result: Result<(), PoolError>| {
        assert!(matches!(result, Err(PoolError::NotABlock { .. })), "{result:?}");
    };
    not_a_block(pool.usable_size(inside).map(|_| ()));
    // SAFETY: no block starts there, which the pool is to see.
    unsafe {
        not_a_block(pool.free(inside));
        not_a_block(pool.free(NonNull::from(&1_u8)));
        not_a_block(pool.reallocate(inside, 10).map(|_| ()));
        pool.free(block).expect("live");
        not_a_block(pool.free(block));
    }
}
