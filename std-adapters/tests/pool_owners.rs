//! Whose an address is: pools by address, by name, stacked on one another.
//!
//! Tests take turns that look up addresses of memory that is gone, or assert what goes with a
//! pool: another one may have memory there by then, and the look keeps its provider.

#[path = "pool_common/mod.rs"]
mod common;
mod turn;

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Arc;

use anymem::pool::{self, DisjointOptions, Pool, PoolError, PoolHandle, PoolStats, Tracked};
use anymem::provider::{Provider, ProviderError, Span};
use common::{Blocks, PAGE, Pages};
use turn::turn;

fn disjoint(provider: Arc<dyn Provider>) -> PoolHandle {
    PoolHandle::new(DisjointOptions::new().build(Tracked::new(provider).unwrap()).unwrap())
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn id_of(block: NonNull<u8>) -> Option<u64> {
    pool::of(block).map(|pool| pool.id())
}

/// Whether a region is gone. Another test may have mapped memory there since.
fn is_gone(at: NonNull<u8>, region: u64) -> bool {
    pool::owner(at).is_none_or(|owner| owner.id() != region)
}

fn free(block: NonNull<u8>) -> Result<(), PoolError> {
    // SAFETY: the blocks of these tests are live, or their pools are there to notice.
    unsafe { pool::free(block) }
}

/// A pool of somebody's own: each block is a span.
#[derive(Debug)]
struct Spans(Tracked);

// SAFETY: spans are as the provider's.
unsafe impl Pool for Spans {
    fn name(&self) -> &str {
        "spans"
    }

    fn provider(&self) -> &dyn Provider {
        &self.0
    }

    fn memory(&self) -> Option<&Tracked> {
        Some(&self.0)
    }

    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        Ok(self.0.allocate(layout.size().max(1), layout.align())?.start)
    }

    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let len = self.usable_size(block)?;
        // SAFETY: passed on from the caller.
        Ok(unsafe { self.0.free(Span::new(block, len)) }?)
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        let owner = pool::owner(block).filter(|owner| owner.span().start == block);
        let error = PoolError::NotABlock { pool: "spans".into(), address: block.addr().get() };
        Ok(owner.ok_or(error)?.span().len)
    }

    fn stats(&self) -> PoolStats {
        let used = self.0.usage().current;
        PoolStats { used, reserved: used, blocks: usize::from(used > 0) }
    }
}

#[test]
fn any_address_of_a_block_finds_its_pool() {
    let pools = [disjoint(Pages::new()), disjoint(Pages::new())];
    for size in [1, 100, 5000, 1 << 20, 5 << 20] {
        for pool in &pools {
            let block = pool.allocate(layout(size)).unwrap();
            for at in [0, size / 2, size - 1] {
                let inside = block.map_addr(|addr| addr.checked_add(at).unwrap());
                assert_eq!(id_of(inside), Some(pool.id()));
                assert_eq!(pool::id_of(inside), Some(pool.id()));
            }
            assert!(pool::usable_size(block).unwrap() >= size);
            free(block).expect("live");
            assert_eq!(pool.stats().blocks, 0);
        }
    }
    assert!(matches!(free(NonNull::dangling()), Err(PoolError::Nobodys { .. })));
    assert!(matches!(pool::usable_size(NonNull::dangling()), Err(PoolError::Nobodys { .. })));
    let mut local = 0_u8;
    assert!(pool::of(NonNull::from(&mut local)).is_none());
    // An address that there cannot be, but for which the map would be looked up as for a block.
    let block = pools[0].allocate(layout(8)).unwrap();
    let no_address = block.map_addr(|addr| addr | 1 << (usize::BITS - 2));
    if usize::BITS == 64 {
        assert!(pool::of(no_address).is_none() && pool::id_of(no_address).is_none());
    }
    free(block).unwrap();
}

/// Freeing a block of any pool by its address tells a double free as the pool does, while
/// the pool has the memory.
#[test]
fn freeing_by_address_twice_is_an_error() {
    let pool = disjoint(Pages::new());
    let block = pool.allocate(layout(100)).unwrap();
    free(block).expect("live");
    assert!(free(block).is_err());
}

/// Pools on pools, each with its blocks in a block of the one below: the innermost has an
/// address, and when it goes the one below has it again (UMF defect D19: 8 at most).
#[test]
fn pools_are_stacked_twenty_deep() {
    let _turn = turn();
    let mut pools = vec![disjoint(Pages::new())];
    for _ in 1..20 {
        let below = pools.last().unwrap().clone();
        pools.push(disjoint(Blocks::of(below)));
    }
    let top = pools.last().unwrap();
    let block = top.allocate(layout(100)).unwrap();
    let ids: Vec<_> = pools.iter().map(|pool| pool.id()).collect();
    let mut owners: Vec<_> = std::iter::successors(pool::owner(block), pool::Owner::outer)
        .map(|owner| owner.pool().unwrap().id())
        .collect();
    owners.reverse();
    assert_eq!(owners, ids);
    free(block).expect("live");
    while let Some(pool) = pools.pop() {
        assert_eq!(pool.stats().blocks, 0, "pool {}", pools.len());
        drop(pool);
        let owner = pool::owner(block).and_then(|owner| owner.pool());
        // All slabs of the pool were given back, so that the one below has the address, if
        // it still has the slab itself; or that of another test, when all are gone.
        let below = pools.last().map(|pool| pool.id());
        let owner = owner.map(|pool| pool.id()).filter(|id| ids.contains(id));
        assert!(owner.is_none() || owner == below);
    }
}

/// The one below has an address again as soon as the span that hid it is freed.
#[test]
fn a_freed_span_uncovers_the_pool_below() {
    let below = disjoint(Pages::new());
    let above = PoolHandle::new(Spans(Tracked::new(Blocks::of(below.clone())).unwrap()));
    let outer = below.allocate(Layout::from_size_align(2 * PAGE, PAGE).unwrap()).unwrap();
    let block = above.allocate(layout(2 * PAGE)).unwrap();
    assert_eq!(id_of(block), Some(above.id()));
    assert_eq!(id_of(outer), Some(below.id()));
    free(block).unwrap();
    assert_eq!(id_of(block), Some(below.id()), "a block that is free, of the pool below");
    free(outer).unwrap();
}

/// A part of a span is a region of its own, and so is what parts are merged to (UMF defect
/// D4: what was noted of the whole went on being used for the parts).
#[test]
fn parts_of_spans_are_regions_of_their_own() {
    let _turn = turn();
    let memory = Tracked::new(Pages::new()).unwrap();
    let region = |span: Span| {
        let owner = pool::owner(span.start).expect("a region");
        (owner.span(), owner.id())
    };
    let whole = memory.allocate(16 * PAGE, PAGE).unwrap();
    let (span, first_id) = region(whole);
    assert_eq!(span, whole);
    // SAFETY: the spans are used by nobody, and freed as they are then.
    unsafe {
        let (low, high) = memory.split(whole, 4 * PAGE).unwrap();
        assert_eq!((region(low).0, region(high).0), (low, high));
        let ids = [first_id, region(low).1, region(high).1];
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
        let last =
            Span::new(high.start.map_addr(|addr| addr.checked_add(11 * PAGE).unwrap()), PAGE);
        assert_eq!(region(last).0, high);

        let (middle, end) = memory.split(high, 8 * PAGE).unwrap();
        let joined = memory.merge(low, middle).unwrap();
        assert_eq!((region(low).0, region(middle).0, region(end).0), (joined, joined, end));

        assert!(matches!(memory.split(joined, 1), Err(ProviderError::BadCut { .. })));
        assert!(matches!(memory.merge(end, joined), Err(ProviderError::Apart { .. })));
        assert_eq!((region(low).0, region(end).0), (joined, end), "nothing has changed");

        let (end_id, joined_id) = (region(end).1, region(joined).1);
        memory.free(end).unwrap();
        assert!(is_gone(end.start, end_id));
        assert_eq!(region(low).0, joined);
        memory.free(joined).unwrap();
        assert!(is_gone(low.start, joined_id));
        assert!(matches!(memory.free(joined), Err(ProviderError::Foreign { .. })));
    }
    assert_eq!(memory.usage().current, 0);
}

/// Large regions are found as small ones are, and go without a trace.
#[test]
fn regions_of_any_length_are_found() {
    let _turn = turn();
    let memory = Tracked::new(Pages::untouchable()).unwrap();
    for len in [PAGE, 511 * PAGE, 512 * PAGE, 1025 * PAGE, 40 << 20, 9 << 30] {
        let span = memory.allocate(len, PAGE).unwrap();
        let at = |at: usize| span.start.map_addr(|addr| addr.checked_add(at).unwrap());
        for byte in [0, len / 3, len / 2, len - 1] {
            assert_eq!(pool::owner(at(byte)).map(|owner| owner.span()), Some(span));
        }
        let behind = pool::owner(at(len)).map(|owner| owner.span());
        assert_ne!(behind, Some(span));
        let id = pool::owner(span.start).expect("a region").id();
        // SAFETY: the span is used by nobody.
        unsafe { memory.free(span) }.unwrap();
        assert!([0, len / 2, len - 1].iter().all(|byte| is_gone(at(*byte), id)));
    }
}

#[test]
fn a_pool_of_ones_own_is_found_and_freed_by_address() {
    let _turn = turn();
    let pages = Pages::new();
    let pool = PoolHandle::named("mine", Spans(Tracked::new(pages.clone()).unwrap()));
    let block = pool.allocate(layout(10_000)).unwrap();
    assert_eq!(id_of(block), Some(pool.id()));
    assert_eq!(pool::usable_size(block), Ok(3 * PAGE));
    let owner = pool::owner(block).unwrap();
    assert_eq!(owner.provider().name(), "pages");
    assert!(owner.outer().is_none());
    let region = owner.id();
    free(block).expect("live");
    assert!(is_gone(block, region));
    assert_eq!(pages.usage().current, 0);
}

#[test]
fn pools_carry_a_tag() {
    let pool = disjoint(Pages::new());
    assert!(pool.tag::<String>().is_none());
    assert!(pool.set_tag(Some(Arc::new("mine".to_owned()))).is_none());
    assert_eq!(pool.clone().tag::<String>().as_deref().map(String::as_str), Some("mine"));
    assert!(pool.tag::<u64>().is_none(), "it is none of these");
    assert!(pool.set_tag(None).is_some());
    assert!(pool.tag::<String>().is_none());
}

#[test]
fn a_memory_has_a_default_pool() {
    let pool = disjoint(Pages::called("memory with a default", true, false));
    assert!(pool::default_for("memory with a default").is_none());
    pool::set_default(&pool);
    let id = pool.id();
    drop(pool);
    let found = pool::default_for("memory with a default").expect("it stays");
    assert_eq!(found.id(), id);
    drop(found);
    assert!(pool::clear_default("memory with a default").is_some());
    assert!(pool::by_id(id).is_none(), "and then goes");
}

/// A pool with live blocks is not destroyed, and says how many there are (UMF defect D20).
#[test]
fn a_pool_in_use_is_not_destroyed() {
    let _turn = turn();
    let pages = Pages::new();
    let pool = disjoint(pages.clone());
    let blocks = [0; 3].map(|_| pool.allocate(layout(100)).unwrap());
    let error = PoolError::InUse { pool: "disjoint".into(), blocks: 3 };
    assert_eq!(pool.destroy(), Err(error));
    assert_eq!(id_of(blocks[0]), Some(pool.id()), "nothing has changed");
    blocks.into_iter().for_each(|block| free(block).unwrap());
    pool.destroy().expect("no blocks");
    assert!(pool::by_id(pool.id()).is_none());
    drop(pool);
    assert_eq!(pages.usage().current, 0);
}

/// A pool has its provider for as long as it needs it, alone or with others
/// (`UMF_POOL_CREATE_FLAG_OWN_PROVIDER`).
#[test]
fn a_pool_owns_its_provider_if_nobody_else_does() {
    let _turn = turn();
    let pages = Pages::new();
    let weak = Arc::downgrade(&pages);
    let pool = disjoint(pages.clone());
    drop(pool);
    assert!(weak.upgrade().is_some(), "somebody else has it");
    let pool = disjoint(pages);
    let block = pool.allocate(layout(8)).unwrap();
    assert!(weak.upgrade().is_some(), "the pool has it");
    free(block).unwrap();
    drop(pool);
    assert!(weak.upgrade().is_none(), "nobody has it");
}

/// There can be as many pools at a time as anybody needs (UMF defect D14: 3, where there are
/// many processors).
#[test]
#[cfg(target_pointer_width = "64")]
fn hundreds_of_pools_are_used_at_a_time() {
    let pages = Pages::new();
    let pools: Vec<_> = (0..400).map(|_| disjoint(pages.clone())).collect();
    let blocks: Vec<_> = pools.iter().map(|pool| pool.allocate(layout(100)).unwrap()).collect();
    for (pool, block) in pools.iter().zip(blocks) {
        assert_eq!(pool::id_of(block), Some(pool.id()));
        free(block).expect("live");
        assert_eq!(pool.stats().blocks, 0);
    }
    drop(pools);
    assert_eq!(pages.usage().current, 0);
}

/// Numbers of pools that are gone are used again, and their memory is nobody's.
#[test]
fn pools_come_and_go() {
    let _turn = turn();
    for round in 0..300 {
        let pool = disjoint(Pages::new());
        let block = pool.allocate(layout(100)).unwrap();
        assert_eq!(id_of(block), Some(pool.id()), "round {round}");
        if round % 2 == 0 {
            free(block).unwrap();
        }
        let region = pool::owner(block).expect("a region").id();
        drop(pool);
        assert!(is_gone(block, region));
    }
}
