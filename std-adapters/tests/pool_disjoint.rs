//! The disjoint pool: blocks by address out of memory that it never touches.

#[path = "pool_common/mod.rs"]
mod common;

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use anymem::control::Value;
use anymem::pool::{
    self, DisjointOptions, DisjointPool, Pool, PoolError, PoolHandle, SharedLimit, Tracked,
};
use anymem::provider::{Provider, ProviderError};
use common::Pages;
use proptest::prelude::*;

fn pool_on(provider: &Arc<Pages>, options: DisjointOptions) -> DisjointPool {
    let provider: Arc<dyn Provider> = provider.clone();
    options.build(Tracked::new(provider).expect("few pools")).expect("settings that make sense")
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a layout")
}

fn free(pool: &dyn Pool, block: NonNull<u8>) -> Result<(), PoolError> {
    // SAFETY: the blocks of these tests are used by nobody else, and where one is freed that
    // is not live, the pool is one that notices.
    unsafe { pool.free(block) }
}

fn knob(pool: &dyn Pool, name: &str) -> Value {
    let knobs = pool.knobs();
    let knob = knobs.iter().find(|knob| knob.name() == name);
    knob.unwrap_or_else(|| panic!("no knob {name}")).get().expect("can be read")
}

fn count(pool: &dyn Pool, name: &str) -> usize {
    match knob(pool, name) {
        Value::Count(count) => count as usize,
        Value::Bytes(bytes) => bytes,
        other => panic!("{name} is {other}"),
    }
}

fn set(pool: &dyn Pool, name: &str, value: Value) -> Result<(), String> {
    let knobs = pool.knobs();
    let knob = knobs.iter().find(|knob| knob.name() == name);
    knob.expect("a knob").set(&value).expect("can be set")
}

/// What somebody does with a pool.
#[derive(Debug, Clone)]
enum Call {
    Allocate { size: usize, align: usize, zeroed: bool },
    Free(usize),
    Reallocate(usize, usize),
    Trim(usize),
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        4 => 0..200_usize,
        2 => 200..9000_usize,
        1 => 9000..300_000_usize,
        1 => (0..23_u32, 0..3_usize).prop_map(|(log, more)| (1 << log) + more - 1),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => (size(), 0..15_u32, any::<bool>())
            .prop_map(|(size, log, zeroed)| Call::Allocate { size, align: 1 << log, zeroed }),
        5 => any::<usize>().prop_map(Call::Free),
        2 => (any::<usize>(), size()).prop_map(|(index, size)| Call::Reallocate(index, size)),
        1 => (0..3_usize).prop_map(|slabs| Call::Trim(slabs << 16)),
    ]
}

/// What should be: the live blocks by address, with their sizes and what is in them.
#[derive(Default)]
struct Model {
    live: BTreeMap<usize, (usize, u8)>,
    next: u8,
}

impl Model {
    fn nth(&self, index: usize) -> Option<NonNull<u8>> {
        let index = index.checked_rem(self.live.len())?;
        let addr = *self.live.keys().nth(index)?;
        NonNull::new(core::ptr::with_exposed_provenance_mut(addr))
    }

    fn add(&mut self, block: NonNull<u8>, size: usize, usable: usize) {
        let start = block.as_ptr().expose_provenance();
        let end = start + usable.max(1);
        let before = self.live.range(..end).next_back();
        assert!(before.is_none_or(|(at, (size, _))| at + size.max(&1) <= start), "blocks overlap");
        self.next = self.next.wrapping_add(1);
        // SAFETY: the block is new and that large.
        unsafe { block.write_bytes(self.next, size) };
        self.live.insert(start, (size, self.next));
    }

    fn check(&self, block: NonNull<u8>, up_to: usize) {
        let (size, byte) = self.live[&block.addr().get()];
        for at in 0..size.min(up_to) {
            // SAFETY: the block is live and that large.
            assert_eq!(unsafe { block.add(at).read() }, byte, "somebody wrote to a block");
        }
    }
}

fn run(pool: &dyn Pool, calls: Vec<Call>) {
    let mut model = Model::default();
    for call in calls {
        match call {
            Call::Allocate { size, align, zeroed } => {
                let wanted = layout(size, align);
                let block =
                    if zeroed { pool.allocate_zeroed(wanted) } else { pool.allocate(wanted) };
                let block = block.expect("memory");
                assert_eq!(block.addr().get() % align, 0, "{size} bytes aligned to {align}");
                // SAFETY: the block is new and that large.
                let is_zero = || (0..size).all(|at| unsafe { block.add(at).read() } == 0);
                assert!(!zeroed || is_zero(), "zeroed");
                let usable = pool.usable_size(block).expect("live");
                assert!(usable >= size);
                model.add(block, size, usable);
            }
            Call::Free(index) => {
                let Some(block) = model.nth(index) else { continue };
                model.check(block, usize::MAX);
                model.live.remove(&block.addr().get());
                free(pool, block).expect("live");
            }
            Call::Reallocate(index, size) => {
                let Some(block) = model.nth(index) else { continue };
                model.check(block, usize::MAX);
                let (old, byte) = model.live.remove(&block.addr().get()).unwrap();
                // SAFETY: the block is live, and not used afterwards.
                let moved = unsafe { pool.reallocate(block, size) }.expect("memory");
                for at in 0..size.min(old) {
                    // SAFETY: so many bytes were kept.
                    assert_eq!(unsafe { moved.add(at).read() }, byte, "contents are kept");
                }
                model.add(moved, size, pool.usable_size(moved).expect("live"));
            }
            Call::Trim(keep) => {
                pool.trim(keep);
            }
        }
        assert_eq!(pool.stats().blocks, model.live.len());
        assert!(pool.stats().reserved >= pool.stats().used);
    }
    while let Some(block) = model.nth(0) {
        model.check(block, usize::MAX);
        model.live.remove(&block.addr().get());
        free(pool, block).expect("live");
    }
    let stats = pool.stats();
    assert_eq!((stats.blocks, stats.used), (0, 0));
    assert_eq!(count(pool, "stats.alloc_num"), count(pool, "stats.free_num"));
    assert_eq!(count(pool, "stats.misuses"), 0);
    pool.trim(0);
    assert_eq!((pool.stats().reserved, pool.provider().usage().current), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_calls_are_right(calls in prop::collection::vec(call(), 1..300)) {
        let pages = Pages::new();
        run(&pool_on(&pages, DisjointOptions::new()), calls);
        prop_assert_eq!(pages.usage().current, 0);
    }

    #[test]
    fn any_calls_are_right_without_caches(calls in prop::collection::vec(call(), 1..300)) {
        run(&pool_on(&Pages::new(), DisjointOptions::new().strict().capacity(0)), calls);
    }

    #[test]
    fn any_calls_are_right_with_odd_settings(
        calls in prop::collection::vec(call(), 1..200),
        slab in 1..200_000_usize,
        most in 0..100_000_usize,
        bucket in 4..13_u32,
    ) {
        let options = DisjointOptions::new().slab_min_size(slab).max_poolable_size(most);
        let options = options.min_bucket_size(1 << bucket).capacity(1).thread_cache(5000);
        run(&pool_on(&Pages::new(), options), calls);
    }
}

/// Nothing of the pool's is in its memory: it works where every access is a fault.
#[test]
fn memory_that_must_not_be_touched_is_not() {
    let pages = Pages::untouchable();
    let pool = pool_on(&pages, DisjointOptions::new());
    let layouts = [(1, 1), (64, 64), (100, 8), (5000, 4096), (70_000, 16), (3 << 20, 1 << 20)];
    let blocks: Vec<_> = (0..2000)
        .map(|index| {
            let (size, align) = layouts[index % layouts.len()];
            let block = pool.allocate(layout(size, align)).expect("memory");
            assert_eq!(block.addr().get() % align, 0);
            block
        })
        .collect();
    for block in blocks {
        free(&pool, block).expect("live");
    }
    let zeroed = pool.allocate_zeroed(layout(64, 8));
    let error = ProviderError::Unsupported { provider: "device".into(), operation: "fill" };
    assert_eq!(zeroed, Err(PoolError::Provider(error)));
    assert_eq!(pool.stats().blocks, 0, "what could not be zeroed was freed");
}

/// `calloc` and `realloc` work where the device fills and copies (UMF: not supported).
#[test]
fn devices_fill_and_copy() {
    let pages = Pages::device();
    let pool = pool_on(&pages, DisjointOptions::new());
    let first = pool.allocate(layout(100, 8)).expect("memory");
    // SAFETY: the provider's own memory, through the provider.
    unsafe { pages.fill(first, 7, 100) }.expect("a device fills");
    free(&pool, first).expect("live");
    let block = pool.allocate_zeroed(layout(100, 8)).expect("memory");
    assert_eq!(block, first, "so this was not zero");
    // SAFETY: as above; the provider has let the CPU read it in `fill`.
    assert!((0..100).all(|at| unsafe { block.add(at).read() } == 0));
    // SAFETY: as above, and the block is not used afterwards.
    let moved = unsafe {
        pages.fill(block, 9, 100).expect("a device fills");
        pool.reallocate(block, 5000).expect("memory")
    };
    // SAFETY: as above.
    assert!((0..100).all(|at| unsafe { moved.add(at).read() } == 9));
    free(&pool, moved).expect("live");
}

/// Blocks of a device's memory share no cache line; the host's are as small as 16 bytes.
#[test]
fn small_blocks_are_as_small_as_the_memory_allows() {
    let pages = Pages::new();
    let pool = pool_on(&pages, DisjointOptions::new());
    let live: Vec<_> = (0..1 << 18).map(|_| pool.allocate(layout(16, 16)).unwrap()).collect();
    let payload = 16 << 18;
    // (UMF: four times the payload.)
    assert!(pool.stats().reserved <= payload + payload / 20, "{:?}", pool.stats());
    live.into_iter().for_each(|block| free(&pool, block).unwrap());

    let device = pool_on(&Pages::untouchable(), DisjointOptions::new());
    let blocks = [0, 1, 16, 64].map(|size| device.allocate(layout(size, 1)).unwrap());
    assert!(blocks.iter().all(|block| block.addr().get() % 128 == 0));
    assert!(blocks.iter().all(|block| device.usable_size(*block) == Ok(128)));
    blocks.into_iter().for_each(|block| free(&device, block).unwrap());
}

/// A block that is aligned to more than a slab is freed as what it is (UMF defect D1).
#[test]
fn freeing_an_aligned_block_leaves_all_others() {
    let pages = Pages::new();
    let pool = pool_on(&pages, DisjointOptions::new());
    let others: Vec<_> =
        (0..64).map(|_| pool.allocate(layout(128 << 10, 16)).expect("memory")).collect();
    for align in [64 << 10, 1 << 20, 4 << 20] {
        let blocks: Vec<_> =
            (0..8).map(|_| pool.allocate(layout(128 << 10, align)).expect("memory")).collect();
        for block in blocks {
            assert_eq!(block.addr().get() % align, 0);
            assert!(pool.usable_size(block).unwrap() >= 128 << 10);
            free(&pool, block).expect("live");
        }
    }
    for block in others {
        // SAFETY: the blocks are live.
        unsafe { block.write_bytes(1, 128 << 10) };
        free(&pool, block).expect("live");
    }
}

/// What is larger than any memory is an error, zeroed or not (UMF defect D2).
#[test]
fn no_size_wraps_around() {
    let pool = pool_on(&Pages::new(), DisjointOptions::new());
    for (size, align) in
        [(isize::MAX as usize, 1), (isize::MAX as usize - 4095, 4096), (1, 1 << (usize::BITS - 2))]
    {
        let wanted = layout(size, align);
        assert!(pool.allocate(wanted).is_err());
        assert!(pool.allocate_zeroed(wanted).is_err());
    }
    assert!(Layout::array::<u16>(usize::MAX / 2 + 2).is_err(), "a layout cannot say it either");
    let block = pool.allocate(layout(8, 8)).unwrap();
    // SAFETY: an error leaves the block as it is.
    unsafe {
        assert!(pool.reallocate(block, usize::MAX).is_err());
        assert!(pool.reallocate(block, isize::MAX as usize).is_err());
    }
    free(&pool, block).expect("still live");
}

/// Allocating and freeing does not go to the provider each time once the pool was trimmed
/// (UMF defect D9).
#[test]
fn trimming_leaves_the_pool_as_fast_as_before() {
    for options in [DisjointOptions::new(), DisjointOptions::new().capacity(1).strict()] {
        let pages = Pages::new();
        let pool = pool_on(&pages, options);
        let pairs = |pool: &DisjointPool| {
            for size in [64, 64, 100_000] {
                let block = pool.allocate(layout(size, 8)).unwrap();
                free(pool, block).unwrap();
            }
        };
        for _ in 0..3 {
            pairs(&pool);
            assert!(pool.trim(0) > 0);
            assert_eq!((pool.stats().reserved, pages.usage().current), (0, 0));
            pairs(&pool);
            let before = pages.calls();
            (0..1000).for_each(|_| pairs(&pool));
            assert_eq!(pages.calls(), before, "the provider was asked again");
        }
    }
}

/// What is to be kept is, and the rest goes.
#[test]
fn trimming_keeps_what_it_is_told_to() {
    let pages = Pages::new();
    let pool = pool_on(&pages, DisjointOptions::new());
    let blocks: Vec<_> = (0..64).map(|_| pool.allocate(layout(65536, 8)).unwrap()).collect();
    blocks.into_iter().for_each(|block| free(&pool, block).unwrap());
    let had = pages.usage().current;
    let gone = pool.trim(1 << 20);
    assert_eq!(pages.usage().current, had - gone);
    assert!(pages.usage().current <= 1 << 20 && gone > 0);
}

/// A limit is one on all memory that is taken from the provider, of all pools that share it
/// (UMF defect D10).
#[test]
fn a_limit_holds_for_what_is_live() {
    let limit = Arc::new(SharedLimit::new(1 << 20));
    let pages = [Pages::new(), Pages::new()];
    let pools = [0, 1].map(|index| {
        pool_on(&pages[index], DisjointOptions::new().limit(Arc::clone(&limit)).capacity(8))
    });
    let mut live = Vec::new();
    let error = loop {
        let pool = &pools[live.len() % 2];
        match pool.allocate(layout(40_000, 8)) {
            Ok(block) => live.push(block),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PoolError::Limit { limit: 0x10_0000, .. }), "{error}");
    let taken = || pages.iter().map(|pages| pages.usage().current).sum::<usize>();
    assert!(taken() <= 1 << 20 && taken() > 1 << 19);
    assert_eq!(limit.taken(), taken());
    assert!(pools[0].allocate(layout(3 << 20, 8)).is_err(), "nor for a block of its own");
    for (index, block) in live.into_iter().enumerate() {
        free(&pools[index % 2], block).expect("live");
    }
    // What a pool keeps for later, also at hand, is not in its own way.
    pools[1].trim(0);
    for size in [64, 900_000, 64] {
        let block = pools[0].allocate(layout(size, 8)).expect("room");
        free(&pools[0], block).unwrap();
    }
    // But it is in the way of the other.
    pools[0].trim(0);
    let block = pools[1].allocate(layout(500_000, 8)).expect("room again");
    free(&pools[1], block).unwrap();
    drop(pools);
    assert_eq!((limit.taken(), taken()), (0, 0));
    limit.set_most(0);
    assert_eq!(limit.most(), 0);
}

/// A pool whose spans nobody else finds does all that needs no finding (UMF defect D15).
#[test]
fn an_untracked_pool_frees_blocks_of_any_size() {
    let pages = Pages::new();
    let memory = Tracked::untracked(pages.clone()).expect("memory");
    assert!(!memory.is_tracked());
    let pool = PoolHandle::new(DisjointOptions::new().build(memory).unwrap());
    for size in [1, 100, 70_000, 2 << 20, (2 << 20) + 1, 16 << 20] {
        let block = pool.allocate(layout(size, 8)).unwrap();
        assert!(pool::of(block).is_none(), "nobody finds it");
        assert!(pool.usable_size(block).unwrap() >= size);
        // SAFETY: the block is live, and used no more.
        let block = unsafe { pool.reallocate(block, size * 3) }.unwrap();
        free(&pool, block).expect("live");
        assert!(matches!(free(&pool, block), Err(PoolError::NotABlock { .. })));
    }
    assert_eq!(pool.stats().blocks, 0);
    drop(pool);
    assert_eq!(pages.usage().current, 0);
}

/// Freeing twice in a row is an error, and so is an address of nobody's (UMF defect D20).
#[test]
fn freeing_twice_is_an_error() {
    let pages = Pages::new();
    let pool = pool_on(&pages, DisjointOptions::new());
    let not_a_block = |result| matches!(result, Err(PoolError::NotABlock { .. }));
    for size in [16, 5000, 1 << 20, 5 << 20] {
        let block = pool.allocate(layout(size, 8)).unwrap();
        free(&pool, block).expect("live");
        assert!(not_a_block(free(&pool, block)), "{size} bytes");
        assert_eq!(pool.stats().blocks, 0);
    }
    let mut foreign = 0_u8;
    assert!(not_a_block(free(&pool, NonNull::from(&mut foreign))));
    assert!(not_a_block(free(&pool, NonNull::dangling())));
    let other = pool_on(&pages, DisjointOptions::new());
    let block = other.allocate(layout(16, 8)).unwrap();
    assert!(not_a_block(free(&pool, block)), "another pool's");
    assert!(pool.usable_size(block).is_err());
    free(&other, block).expect("its own");
}

/// What is freed twice with others in between is noticed when the blocks are handed back,
/// and then does no harm (UMF defect D20).
#[test]
fn freeing_twice_is_noticed_later() {
    let pool = pool_on(&Pages::new(), DisjointOptions::new());
    let [first, second] = [0, 1].map(|_| pool.allocate(layout(16, 8)).unwrap());
    for block in [first, second, first] {
        free(&pool, block).expect("not noticed yet");
    }
    pool.trim(0);
    assert_eq!(count(&pool, "stats.misuses"), 1);
    assert_eq!((pool.stats().blocks, pool.stats().reserved), (0, 0));
}

/// A strict pool notices all (UMF defect D20).
#[test]
fn a_strict_pool_notices_every_wrong_free() {
    let pool = pool_on(&Pages::new(), DisjointOptions::new().strict());
    let [first, second] = [0, 1].map(|_| pool.allocate(layout(48, 8)).unwrap());
    free(&pool, first).expect("live");
    free(&pool, second).expect("live");
    assert!(free(&pool, first).is_err(), "freed before");
    assert!(pool.usable_size(first).is_err(), "freed before");
    let block = pool.allocate(layout(48, 8)).unwrap();
    let inside = block.map_addr(|addr| addr.checked_add(16).unwrap());
    assert!(free(&pool, inside).is_err(), "no block starts there");
    assert!(pool.usable_size(inside).is_err(), "no block starts there");
    assert_eq!(pool.stats().blocks, 1, "nothing came of it");
    free(&pool, block).expect("live");
}

/// Blocks that are live when their pool is dropped stay what they are.
#[test]
fn blocks_outlive_their_pool() {
    let pages = Pages::new();
    let pool = pool_on(&pages, DisjointOptions::new());
    let block = pool.allocate(layout(100, 8)).unwrap();
    let other = pool.allocate(layout(10_000, 8)).unwrap();
    free(&pool, other).unwrap();
    drop(pool);
    // SAFETY: the block was never freed.
    unsafe { block.write_bytes(1, 100) };
    assert_eq!(pages.usage().current, 64 << 10, "its slab, and no other");
    assert!(pool::of(block).is_none());
}

/// When the provider has nothing more, that is an error, and nothing is lost.
#[test]
fn a_provider_without_memory_is_an_error() {
    let pages = Pages::new();
    let pool = PoolHandle::new(pool_on(&pages, DisjointOptions::new()));
    let block = pool.allocate(layout(64, 8)).unwrap();
    pages.empty.store(true, Ordering::Relaxed);
    assert!(pool.last_error().is_none());
    let error = pool.allocate(layout(1 << 20, 8)).expect_err("no memory");
    assert!(matches!(error, PoolError::Provider(ProviderError::NoMemory { .. })), "{error}");
    assert_eq!(pool.last_error(), Some(error));
    let (name, error) = pool::last_provider_error().expect("it failed");
    assert_eq!(name, "pages");
    assert!(matches!(error, ProviderError::NoMemory { .. }));
    let elsewhere = std::thread::scope(|scope| {
        scope.spawn(|| (pool.last_error(), pool::last_provider_error())).join().unwrap()
    });
    assert_eq!(elsewhere, (None, None), "errors are each thread's own");
    pages.empty.store(false, Ordering::Relaxed);
    let large = pool.allocate(layout(1 << 20, 8)).expect("memory again");
    free(&pool, block).unwrap();
    free(&pool, large).unwrap();
}

#[test]
fn settings_are_read_and_changed_by_name() {
    let pages = Pages::new();
    let options = DisjointOptions::new().name("frames").slab_min_size(1 << 20).capacity(2);
    let pool = pool_on(&pages, options.max_poolable_size(1 << 16).min_bucket_size(32).trace(0));
    assert_eq!(pool.name(), "frames");
    assert_eq!(knob(&pool, "params.slab_min_size"), Value::Bytes(1 << 20));
    assert_eq!(knob(&pool, "params.max_poolable_size"), Value::Bytes(1 << 16));
    assert_eq!(knob(&pool, "params.min_bucket_size"), Value::Bytes(32));
    assert_eq!(knob(&pool, "params.capacity"), Value::AutoCount(Some(2)));
    assert_eq!(knob(&pool, "params.pool_trace"), Value::Count(0));

    let block = pool.allocate(layout(1, 1)).unwrap();
    assert_eq!((pool.usable_size(block), pages.usage().current), (Ok(32), 1 << 20));
    free(&pool, block).unwrap();

    set(&pool, "params.min_bucket_size", Value::Bytes(256)).unwrap();
    set(&pool, "params.slab_min_size", Value::Bytes(8192)).unwrap();
    set(&pool, "params.max_poolable_size", Value::Bytes(512)).unwrap();
    set(&pool, "params.pool_trace", Value::Count(0)).unwrap();
    let before = pages.usage().current;
    let block = pool.allocate(layout(1, 1)).unwrap();
    assert_eq!((pool.usable_size(block), pages.usage().current), (Ok(256), before + 8192));
    free(&pool, block).unwrap();
    let direct = pool.allocate(layout(513, 1)).unwrap();
    assert_eq!((pool.usable_size(direct), pages.usage().current), (Ok(4096), before + 3 * 4096));
    free(&pool, direct).unwrap();

    set(&pool, "params.capacity", Value::AutoCount(None)).unwrap();
    assert_eq!(knob(&pool, "params.capacity"), Value::AutoCount(None));
    for (name, value) in [
        ("params.min_bucket_size", Value::Bytes(48)),
        ("params.min_bucket_size", Value::Bytes(8192)),
        ("params.slab_min_size", Value::Bytes(0)),
        ("params.max_poolable_size", Value::Bytes(usize::MAX)),
        ("params.capacity", Value::Text("many".into())),
    ] {
        assert!(set(&pool, name, value).is_err(), "{name}");
    }
}

#[test]
fn settings_that_make_no_sense_are_errors() {
    let build = |options: DisjointOptions| options.build(Tracked::new(Pages::new()).unwrap());
    let is_bad = |options| matches!(build(options), Err(PoolError::BadSetting { .. }));
    assert!(is_bad(DisjointOptions::new().min_bucket_size(8)));
    assert!(is_bad(DisjointOptions::new().min_bucket_size(100)));
    assert!(is_bad(DisjointOptions::new().slab_min_size(0)));
    assert!(is_bad(DisjointOptions::new().max_poolable_size(usize::MAX)));
}

#[test]
fn everything_is_counted() {
    let pages = Pages::new();
    let pool = pool_on(&pages, DisjointOptions::new().capacity(1).strict());
    let live: Vec<_> = (0..3).map(|_| pool.allocate(layout(40_000, 8)).unwrap()).collect();
    let direct = pool.allocate(layout(3 << 20, 8)).unwrap();
    let stats = pool.stats();
    assert_eq!((stats.blocks, stats.used), (4, 3 * 40_960 + (3 << 20)));
    assert_eq!(stats.reserved, pages.usage().current);
    for (name, number) in [
        ("stats.used_memory", stats.used),
        ("stats.reserved_memory", stats.reserved),
        ("stats.alloc_num", 4),
        // The others needed slabs, of two blocks each, or a span of their own.
        ("stats.alloc_pool_num", 1),
        ("stats.free_num", 0),
        ("stats.curr_slabs_in_use", 2),
        ("stats.curr_slabs_in_pool", 0),
    ] {
        assert_eq!(count(&pool, name), number, "{name}");
    }
    let buckets = count(&pool, "buckets.count");
    let of_size = |index: &usize| count(&pool, &format!("buckets.{index}.size")) == 40_960;
    let bucket = (0..buckets).find(of_size).expect("a bucket of that size");
    assert_eq!(count(&pool, &format!("buckets.{bucket}.stats.blocks")), 3);
    live.into_iter().for_each(|block| free(&pool, block).unwrap());
    free(&pool, direct).unwrap();
    for (name, number) in [
        ("stats.free_num", 4),
        ("stats.curr_slabs_in_use", 0),
        ("stats.curr_slabs_in_pool", 1),
        ("stats.max_slabs_in_use", 2),
        ("stats.max_slabs_in_pool", 1),
    ] {
        assert_eq!(count(&pool, name), number, "{name}");
    }
}

/// What [`what_happens_is_told_as_far_as_asked_for`] runs in a process of its own.
#[test]
#[ignore = "is no test, but run by one"]
fn tell() {
    for level in 0..4 {
        let name = format!("level {level}");
        let pool = pool_on(&Pages::new(), DisjointOptions::new().name(name).trace(level));
        for size in [64, 5 << 20] {
            let block = pool.allocate(layout(size, 8)).unwrap();
            free(&pool, block).unwrap();
        }
    }
}

#[test]
fn what_happens_is_told_as_far_as_asked_for() {
    let program = std::env::current_exe().expect("this test");
    let mut told = std::process::Command::new(program);
    let told = told.args(["--exact", "tell", "--ignored", "--nocapture"]).output().unwrap();
    assert!(told.status.success());
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    let lines = |level: u32, what: &str| {
        let pool = format!("pool \"level {level}\"");
        told.lines().filter(|line| line.contains(&pool) && line.contains(what)).count()
    };
    assert_eq!([0, 1, 2, 3].map(|level| lines(level, "goes after 2 allocations")), [0, 1, 1, 1]);
    assert_eq!([0, 1, 2, 3].map(|level| lines(level, "slab of")), [0, 0, 2, 2], "{told}");
    assert_eq!([0, 1, 2, 3].map(|level| lines(level, "span of")), [0, 0, 0, 2]);
}
