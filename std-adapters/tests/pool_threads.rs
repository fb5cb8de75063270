//! Pools with many threads, each of which has free blocks at hand.

#[path = "pool_common/mod.rs"]
mod common;
mod turn;

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;

use anymem::control::Value;
use anymem::pool::{
    self, DisjointOptions, DisjointPool, Pool, PoolError, PoolHandle, PoolStats, Tracked,
};
use anymem::provider::Provider;
use common::{Blocks, Pages};
use turn::turn;

fn disjoint(provider: Arc<dyn Provider>, options: DisjointOptions) -> PoolHandle {
    PoolHandle::new(options.build(Tracked::new(provider).unwrap()).unwrap())
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn count(pool: &dyn Pool, name: &str) -> u64 {
    let knobs = pool.knobs();
    match knobs.iter().find(|knob| knob.name() == name).and_then(|knob| knob.get()) {
        Some(Value::Count(count)) => count,
        other => panic!("{name} is {other:?}"),
    }
}

/// A block on its way to another thread.
struct Sent {
    block: NonNull<u8>,
    size: usize,
    byte: u8,
}

// SAFETY: the block is the receiver's.
unsafe impl Send for Sent {}

impl Sent {
    fn new(pool: &dyn Pool, size: usize, byte: u8) -> Self {
        let block = pool.allocate(layout(size)).expect("memory");
        // SAFETY: the block is new and that large.
        unsafe { block.write_bytes(byte, size) };
        Self { block, size, byte }
    }

    /// Frees it, through its pool or by address alone.
    fn free(self, pool: Option<&dyn Pool>) {
        for at in (0..self.size).step_by(self.size / 256 + 1) {
            // SAFETY: the block is live and that large.
            assert_eq!(unsafe { self.block.add(at).read() }, self.byte, "somebody wrote to it");
        }
        // SAFETY: the block is live, and this was its last use.
        let freed = unsafe {
            match pool {
                Some(pool) => pool.free(self.block),
                None => pool::free(self.block),
            }
        };
        freed.expect("live");
    }
}

/// Small numbers that look random.
fn numbers(seed: usize) -> impl FnMut(usize) -> usize {
    let mut state = seed as u64 * 2 + 1;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

/// Each thread allocates, and sends a part to the next one, which frees it.
fn exchange(pool: &PoolHandle, threads: usize, rounds: usize) {
    let mut ends: Vec<_> = (0..threads).map(|_| channel()).collect();
    let senders: Vec<Sender<Sent>> = ends.iter().map(|(sender, _)| sender.clone()).collect();
    thread::scope(|scope| {
        for (index, (_, receiver)) in ends.drain(..).enumerate() {
            let next = senders[(index + 1) % threads].clone();
            scope.spawn(move || take_part(pool, index, rounds, &next, &receiver));
        }
        drop(senders);
    });
}

fn take_part(
    pool: &PoolHandle,
    index: usize,
    rounds: usize,
    next: &Sender<Sent>,
    receiver: &Receiver<Sent>,
) {
    let mut number = numbers(index);
    let mut own = Vec::new();
    for _ in 0..rounds {
        let size = [24, 100, 700, 5000, 40_000, 300_000][number(6)] + number(8);
        let sent = Sent::new(pool, size, number(256) as u8);
        match number(3) {
            0 => own.push(sent),
            1 => sent.free(Some(pool)),
            // Who is gone has no use for it any more.
            _ => next.send(sent).unwrap_or_else(|back| back.0.free(None)),
        }
        if own.len() > 50 {
            own.swap_remove(number(50)).free(None);
        }
        receiver.try_iter().for_each(|sent| sent.free(Some(pool)));
    }
    own.into_iter().for_each(|sent| sent.free(Some(pool)));
    receiver.try_iter().for_each(|sent| sent.free(None));
}

#[test]
fn blocks_are_freed_by_other_threads() {
    for options in [DisjointOptions::new(), DisjointOptions::new().capacity(0).thread_cache(4096)] {
        let pages = Pages::new();
        let pool = disjoint(pages.clone(), options);
        // A receiver that ends early loses what is sent to it at that moment, so the last
        // word is that of the counts.
        exchange(&pool, 4, 3000);
        let live = pool.stats().blocks as u64;
        assert_eq!(count(&pool, "stats.alloc_num"), 4 * 3000);
        assert_eq!(count(&pool, "stats.free_num"), 4 * 3000 - live);
        assert_eq!(count(&pool, "stats.misuses"), 0);
        assert!(live < 3000, "{live} blocks were lost on the way");
    }
}

#[test]
fn what_a_thread_kept_is_given_back_when_it_ends() {
    let pages = Pages::new();
    let pool = disjoint(pages.clone(), DisjointOptions::new());
    let use_it = || {
        let blocks: Vec<_> = (0..500).map(|_| Sent::new(&pool, 64, 1)).collect();
        blocks.into_iter().for_each(|sent| sent.free(None));
    };
    thread::scope(|scope| {
        let threads = [0; 3].map(|_| scope.spawn(use_it));
        // The scope alone only waits until they are done, and not until they have ended.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    assert_eq!(pool.stats().blocks, 0);
    pool.trim(0);
    assert_eq!(pages.usage().current, 0, "no thread is left that could have kept any");
}

/// Who counts while a thread ends sees what it kept where it was or where it goes, and not in
/// both places.
#[test]
fn threads_that_end_take_nothing_out_of_the_counts() {
    const LIVE: usize = 3000;
    let pool = disjoint(Pages::new(), DisjointOptions::new());
    let live: Vec<_> = (0..LIVE).map(|_| Sent::new(&pool, 64, 1)).collect();
    let others = || {
        for size in [64, 200, 1000, 5000] {
            let blocks: Vec<_> = (0..100).map(|_| Sent::new(&pool, size, 2)).collect();
            blocks.into_iter().for_each(|sent| sent.free(None));
        }
    };
    for _ in 0..300 {
        // The scope waits until they are done, and not until they have ended.
        thread::scope(|scope| [0; 2].map(|_| scope.spawn(others)).map(drop));
        for _ in 0..20 {
            assert_eq!(pool.stats().blocks, LIVE);
        }
    }
    live.into_iter().for_each(|sent| sent.free(None));
}

/// However much a thread frees, it keeps a few.
#[test]
fn a_thread_keeps_few_blocks() {
    let pool = disjoint(Pages::new(), DisjointOptions::new());
    let most = [(16, 2048), (1024, 256), (16 << 10, 16), (1 << 20, 1)];
    for (size, most) in most {
        let blocks = (0..3 * most + 300).map(|_| pool.allocate(layout(size)).unwrap());
        let blocks: Vec<_> = blocks.collect();
        // SAFETY: the blocks are live.
        blocks.into_iter().for_each(|block| unsafe { pool.free(block) }.unwrap());
    }
    let buckets = count(&pool, "buckets.count");
    let kept = |bucket| count(&pool, &format!("buckets.{bucket}.stats.blocks"));
    let kept: Vec<_> = (0..buckets).map(kept).filter(|kept| *kept > 0).collect();
    assert_eq!(pool.stats().blocks, 0, "all that is not in its slab is kept");
    let is_few = kept.iter().zip(most).all(|(kept, (_, most))| *kept <= most);
    assert!(kept.len() == 4 && is_few, "{kept:?}");
}

/// What is set by name holds for the blocks that threads have at hand, too.
#[test]
fn settings_hold_for_threads_that_have_blocks_at_hand() {
    let pool = disjoint(Pages::new(), DisjointOptions::new());
    let size = || {
        let block = pool.allocate(layout(40)).expect("memory");
        let size = pool.usable_size(block);
        // SAFETY: the block is live.
        unsafe { pool.free(block) }.unwrap();
        size
    };
    let set = |name: &str, bytes| {
        let knobs = pool.knobs();
        let knob = knobs.iter().find(|knob| knob.name() == name).expect("there");
        knob.set(&Value::Bytes(bytes)).expect("settable").expect("a good one");
    };
    assert_eq!(size(), Ok(48));
    set("params.min_bucket_size", 256);
    assert_eq!(size(), Ok(256));
    set("params.max_poolable_size", 32);
    assert_eq!(size(), Ok(4096), "a span of its own");
    set("params.max_poolable_size", 4096);
    set("params.min_bucket_size", 16);
    assert_eq!(size(), Ok(48));
}

/// A pool that counts what another one is asked for.
#[derive(Debug)]
struct Counting {
    pool: DisjointPool,
    allocated: Arc<AtomicUsize>,
}

// SAFETY: all is the other pool's.
unsafe impl Pool for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn provider(&self) -> &dyn Provider {
        self.pool.provider()
    }

    fn memory(&self) -> Option<&Tracked> {
        self.pool.memory()
    }

    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        self.allocated.fetch_add(1, Ordering::Relaxed);
        self.pool.allocate(layout)
    }

    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        self.allocated.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.pool.free(block) }
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        self.pool.usable_size(block)
    }

    fn stats(&self) -> PoolStats {
        self.pool.stats()
    }
}

/// Whoever puts a pool around one whose blocks threads keep is asked for each of them.
#[test]
fn a_pool_around_another_sees_every_call() {
    let (allocated, memory) = (Arc::default(), Tracked::new(Pages::new()).unwrap());
    let pool = DisjointOptions::new().build(memory).unwrap();
    let pool = PoolHandle::new(Counting { pool, allocated: Arc::clone(&allocated) });
    for _ in 0..10 {
        let blocks = [(); 3].map(|()| pool.allocate(layout(64)).expect("memory"));
        assert_eq!(allocated.load(Ordering::Relaxed), 3);
        // SAFETY: the blocks are live.
        blocks.into_iter().for_each(|block| unsafe { pool.free(block) }.unwrap());
        assert_eq!(allocated.load(Ordering::Relaxed), 0);
    }
}

/// A thread that has blocks of a pool at hand does not mind that the pool goes, and another
/// one takes its place.
#[test]
fn a_pool_goes_while_threads_have_blocks_at_hand() {
    let (start, done) = (Barrier::new(4), Barrier::new(4));
    let place = std::sync::RwLock::new(None::<PoolHandle>);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..20 {
                    start.wait();
                    let pool = place.read().unwrap().clone().unwrap();
                    let sent: Vec<_> = (0..10).map(|_| Sent::new(&pool, 64, round)).collect();
                    sent.into_iter().for_each(|sent| sent.free(None));
                    drop(pool);
                    done.wait();
                }
            });
        }
        for _ in 0..20 {
            let pages = Pages::new();
            *place.write().unwrap() = Some(disjoint(pages.clone(), DisjointOptions::new()));
            start.wait();
            done.wait();
            let pool = place.write().unwrap().take().unwrap();
            assert_eq!((pool.stats().blocks, count(&pool, "stats.alloc_num")), (0, 30));
            drop(pool);
            assert_eq!(pages.usage().current, 0, "also what the threads had at hand");
        }
    });
}

/// What a thread kept of a pool that is gone is not mistaken for room in a new one, which
/// mostly has the same number.
#[test]
fn a_block_of_a_new_pool_is_freed_into_it() {
    for round in 0..5 {
        let pages = Pages::new();
        let pool = disjoint(pages.clone(), DisjointOptions::new());
        let sent = thread::scope(|scope| {
            scope.spawn(|| Sent::new(&pool, 64, round)).join().expect("a block")
        });
        sent.free(None);
        assert_eq!(pool.stats().blocks, 0);
        Sent::new(&pool, 64, round).free(Some(&pool));
        drop(pool);
        assert_eq!(pages.usage().current, 0);
    }
}

/// A thread may free by address alone what it never allocated from.
#[test]
fn a_thread_frees_by_address_alone() {
    let pool = disjoint(Pages::new(), DisjointOptions::new());
    let blocks: Vec<_> = (0..1000).map(|_| Sent::new(&pool, 200, 3)).collect();
    thread::scope(|scope| {
        scope.spawn(|| blocks.into_iter().for_each(|sent| sent.free(None)));
    });
    assert_eq!(pool.stats().blocks, 0);
}

/// Pools on a pool, with threads in all of them: locks are taken in the same order.
#[test]
fn pools_on_a_pool_are_used_by_many_threads() {
    // Whoever looks up an address of others keeps its provider for a moment, and so the pool
    // that this one is of.
    let _turn = turn();
    let pages = Pages::new();
    let below = disjoint(pages.clone(), DisjointOptions::new().capacity(0));
    let pools = [0, 1].map(|_| {
        disjoint(Blocks::of(below.clone()), DisjointOptions::new().capacity(0).thread_cache(8192))
    });
    thread::scope(|scope| {
        for index in 0..4 {
            let (pool, below) = (&pools[index % 2], &below);
            scope.spawn(move || {
                let mut number = numbers(index);
                let mut live = Vec::new();
                for _ in 0..2000 {
                    let pool = if number(4) == 0 { below } else { pool };
                    live.push(Sent::new(pool, 1 + number(9000), 5));
                    if live.len() > 20 {
                        live.swap_remove(number(20)).free(None);
                    }
                }
                live.into_iter().for_each(|sent| sent.free(None));
            });
        }
    });
    assert!(pools.iter().all(|pool| pool.stats().blocks == 0));
    drop(pools);
    assert_eq!(below.stats().blocks, 0);
    drop(below);
    assert_eq!(pages.usage().current, 0);
}

/// Pools come and go while others look up addresses.
#[test]
fn lookups_go_on_while_regions_come_and_go() {
    let _turn = turn();
    let pool = disjoint(Pages::new(), DisjointOptions::new());
    let block = Sent::new(&pool, 64, 1);
    let addr = block.block.as_ptr().expose_provenance();
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..300 {
                    let other = disjoint(Pages::new(), DisjointOptions::new());
                    let sent: Vec<_> =
                        [16, 5000, 3 << 20].map(|size| Sent::new(&other, size, 2)).into();
                    sent.into_iter().for_each(|sent| sent.free(None));
                }
            });
        }
        start.wait();
        let at = NonNull::new(core::ptr::with_exposed_provenance_mut(addr)).unwrap();
        for page in 0..20_000_usize {
            let owner = pool::owner(at).expect("a page that stays is never missed");
            assert!(owner.span().contains(at) && owner.provider().name() == "pages");
            // Somewhere near, where the others come and go: whatever is found is whole.
            let near = at.map_addr(|addr| addr.checked_add((page % 5000) << 12).unwrap());
            assert!(pool::owner(near).is_none_or(|owner| owner.span().contains(near)));
        }
    });
    block.free(None);
}
