//! The pool of oneTBB, where that is installed.

mod lacking;
mod pools;

use std::alloc::Layout;
use std::sync::Arc;

use anymem::Size;
use anymem::pool::{Pool, PoolError, ScalableOptions};
use anymem::provider::{Provider, ProviderError};
use pools::{Maker, Pages, tracked};

const MAKE: Maker = |pages| Box::new(ScalableOptions::new().build(tracked(pages)).expect("a pool"));

/// Whether the library is missing. Says so, and fails where it must not be.
fn skipped() -> bool {
    let Err(error) = ScalableOptions::new().build(tracked(Pages::new())) else { return false };
    let text = error.to_string();
    assert!(matches!(error, PoolError::Library { .. }), "{text}");
    assert!(text.contains("libtbbmalloc.so.2") && text.contains("libtbbmalloc2"), "{text}");
    lacking::skip("tbb", "libtbbmalloc.so.2");
    true
}

macro_rules! unless_skipped {
    ($($name:ident => $test:expr;)*) => {
        $(#[test]
        fn $name() {
            if !skipped() {
                $test;
            }
        })*
    };
}

unless_skipped! {
    any_calls => pools::any_calls(MAKE);
    threads => pools::threads(MAKE);
    where_memory_runs_out_the_pool_goes_on => pools::no_memory(MAKE);
    a_forked_child_can_go_on => pools::forks(MAKE);
    a_child_forked_while_threads_end_can_go_on => pools::forks_as_threads_end(MAKE);
    no_size_wraps => pools::too_large(MAKE);
    pools_are_dropped_as_threads_end => pools::dropped_as_threads_end(MAKE);
    threads_that_end_drop_pools => pools::dropped_by_threads_that_end(MAKE);
    blocks_do_not_outlive_the_pool => pools::dropped_with_blocks(MAKE);
    spans_are_as_long_as_the_granularity_says => granularity();
    trimming_gives_spans_back_unless_all_is_to_be_kept => keep_all_memory();
    many_pools_at_a_time => many();
    settings_are_checked => settings();
}

fn granularity() {
    let pages = Pages::new();
    let options = ScalableOptions::new().granularity(Size::mib(8)).name("wide");
    let pool = options.build(tracked(pages.clone())).expect("a pool");
    assert_eq!(pool.name(), "wide");
    pool.allocate(Layout::new::<[u8; 1000]>()).expect("memory");
    assert!(pages.usage().current >= 8 << 20);
    assert!(pages.usage().current.is_multiple_of(8 << 20));
    assert_eq!(pool.stats().reserved, pages.usage().current);
}

/// Bytes at the provider after blocks of 64 MiB in all came and went.
fn left(keep: bool) -> usize {
    let pages = Pages::new();
    let options = ScalableOptions::new().keep_all_memory(keep);
    let pool = options.build(tracked(pages.clone())).expect("a pool");
    let layout = Layout::new::<[u8; 4 << 20]>();
    let blocks: Vec<_> = (0..16).map(|_| pool.allocate(layout).expect("memory")).collect();
    for block in blocks {
        // SAFETY: the block is live and not used afterwards.
        unsafe { pool.free(block) }.expect("live");
    }
    let before = pages.usage().current;
    let trimmed = pool.trim(0);
    let left = pages.usage().current;
    assert_eq!(before - left, trimmed);
    assert_eq!(pool.trim(before), 0);
    drop(pool);
    assert_eq!(pages.usage().current, 0);
    left
}

fn keep_all_memory() {
    let (goes, stays) = (left(false), left(true));
    assert!(stays >= 64 << 20, "{stays} bytes are kept");
    assert!(goes < 8 << 20, "{goes} bytes are left of {stays}");
}

fn many() {
    let pages = Pages::new();
    for _ in 0..64 {
        let pools: Vec<_> = (0..32).map(|_| MAKE(pages.clone())).collect();
        for pool in &pools {
            pool.allocate(Layout::new::<u64>()).expect("memory");
        }
    }
    assert_eq!(pages.usage().current, 0);
}

fn settings() {
    let untouchable: Arc<dyn Provider> = Pages::untouchable();
    let error = ScalableOptions::new().build(tracked(untouchable)).expect_err("not there");
    assert!(matches!(error, PoolError::Provider(ProviderError::Unsupported { .. })));
}
