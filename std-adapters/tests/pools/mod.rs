//! What holds for pools of every kind: any sequence of calls against a model, threads, no
//! memory, and all of it back at the provider.

mod provider;

use std::alloc::Layout;
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anymem::pool::{Pool, PoolError, Tracked};
use anymem::provider::Provider;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

pub(crate) use provider::Pages;

/// Makes a pool over a provider.
pub(crate) type Maker = fn(Arc<dyn Provider>) -> Box<dyn Pool>;

/// A provider's memory, whose blocks are found by address.
pub(crate) fn tracked(provider: Arc<dyn Provider>) -> Tracked {
    Tracked::new(provider).expect("room for a pool")
}

/// One call.
#[derive(Debug, Clone)]
enum Call {
    Allocate { size: usize, align: usize, zeroed: bool },
    Reallocate { which: usize, size: usize },
    Free { which: usize, sized: bool },
    Trim { keep: usize },
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..300_usize, 3 => 0..9000_usize, 1 => 0..400_000_usize]
}

fn calls() -> impl Strategy<Value = Call> {
    let aligns =
        prop_oneof![4 => Just(8), 3 => (0..13_u32).prop_map(|bits| 1 << bits), 1 => Just(1 << 17)];
    prop_oneof![
        6 => (sizes(), aligns, any::<bool>())
            .prop_map(|(size, align, zeroed)| Call::Allocate { size, align, zeroed }),
        3 => (any::<usize>(), sizes()).prop_map(|(which, size)| Call::Reallocate { which, size }),
        5 => (any::<usize>(), any::<bool>()).prop_map(|(which, sized)| Call::Free { which, sized }),
        1 => prop_oneof![Just(0), 0..100_000_usize].prop_map(|keep| Call::Trim { keep }),
    ]
}

/// A block that the model knows of, filled with a byte of its own.
#[derive(Debug, Clone, Copy)]
struct Block {
    at: NonNull<u8>,
    layout: Layout,
    mark: u8,
}

impl Block {
    fn fill(&self) {
        // SAFETY: the block is live and has that many bytes.
        unsafe { self.at.write_bytes(self.mark, self.layout.size()) };
    }

    fn holds(&self, len: usize) -> bool {
        // SAFETY: as in `fill`; all bytes have been written.
        let bytes = unsafe { std::slice::from_raw_parts(self.at.as_ptr(), len) };
        bytes.iter().all(|byte| *byte == self.mark)
    }
}

/// Makes the calls and compares with the model.
struct Run<'p> {
    pool: &'p dyn Pool,
    live: Vec<Block>,
    marks: u8,
}

impl<'p> Run<'p> {
    fn new(pool: &'p dyn Pool) -> Self {
        Self { pool, live: Vec::new(), marks: 0 }
    }

    fn mark(&mut self) -> u8 {
        self.marks = self.marks.wrapping_add(1).max(1);
        self.marks
    }

    fn call(&mut self, call: &Call) {
        match *call {
            Call::Allocate { size, align, zeroed } => self.allocate(size, align, zeroed),
            Call::Reallocate { which, size } if !self.live.is_empty() => {
                self.reallocate(which % self.live.len(), size);
            }
            Call::Free { which, sized } if !self.live.is_empty() => {
                self.free(which % self.live.len(), sized);
            }
            Call::Trim { keep } => {
                self.pool.trim(keep);
            }
            _ => {}
        }
    }

    fn allocate(&mut self, size: usize, align: usize, zeroed: bool) {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let block = match zeroed {
            true => self.pool.allocate_zeroed(layout),
            false => self.pool.allocate(layout),
        };
        let block = Block { at: block.expect("memory"), layout, mark: 0 };
        assert!(block.at.addr().get().is_multiple_of(align), "aligned to {align}");
        assert!(!zeroed || block.holds(size), "zeroes");
        self.keep(block);
    }

    fn keep(&mut self, block: Block) {
        let (size, start) = (block.layout.size(), block.at.addr().get());
        let usable = self.pool.usable_size(block.at).expect("a live block");
        assert!(usable >= size, "{usable} bytes may be used of {size}");
        for other in &self.live {
            let (low, high) = (other.at.addr().get(), other.layout.size().max(1));
            assert!(start >= low + high || low >= start + size.max(1), "blocks apart");
        }
        let block = Block { mark: self.mark(), ..block };
        block.fill();
        self.live.push(block);
    }

    fn reallocate(&mut self, which: usize, size: usize) {
        let block = self.live.swap_remove(which);
        assert!(block.holds(block.layout.size()), "what was written");
        // SAFETY: the block is live, and the old address not used afterwards.
        let at = unsafe { self.pool.reallocate(block.at, size) }.expect("memory");
        let layout = Layout::from_size_align(size, 1).expect("a layout");
        let moved = Block { at, layout, ..block };
        assert!(moved.holds(size.min(block.layout.size())), "what was kept");
        self.keep(moved);
    }

    fn free(&mut self, which: usize, sized: bool) {
        let block = self.live.swap_remove(which);
        assert!(block.holds(block.layout.size()), "what was written");
        // SAFETY: the block is live and not used afterwards. One that was resized has the
        // layout that it was resized to.
        let freed = unsafe {
            match sized {
                true => self.pool.free_sized(block.at, block.layout),
                false => self.pool.free(block.at),
            }
        };
        freed.expect("a live block");
    }

    fn check(&self) {
        let stats = self.pool.stats();
        assert_eq!(stats.blocks, self.live.len());
        let asked: usize = self.live.iter().map(|block| block.layout.size()).sum();
        assert!(stats.used >= asked && stats.reserved >= stats.used, "{stats:?} for {asked}");
        assert!(self.pool.provider().usage().current >= stats.used);
    }

    fn end(mut self) {
        while !self.live.is_empty() {
            self.free(0, false);
        }
        assert_eq!((self.pool.stats().blocks, self.pool.stats().used), (0, 0));
    }
}

/// Any sequence of calls does what the model says, and everything goes back.
pub(crate) fn any_calls(make: Maker) {
    let mut runner =
        TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let tests = prop::collection::vec(calls(), 1..200);
    let ran = runner.run(&tests, |calls| {
        let pages = Pages::new();
        let pool = make(pages.clone());
        let mut run = Run::new(&*pool);
        for call in &calls {
            run.call(call);
        }
        run.check();
        run.end();
        drop(pool);
        assert_eq!(pages.usage().current, 0, "bytes at the provider");
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}

/// Threads allocate, free, and free what others allocated.
pub(crate) fn threads(make: Maker) {
    let pages = Pages::new();
    let pool = make(pages.clone());
    let exchange = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..4_u8 {
            let (pool, exchange) = (&*pool, &exchange);
            scope.spawn(move || churn(pool, exchange, number));
        }
    });
    for block in exchange.into_inner().expect("no panic") {
        let Sent(block) = block;
        assert!(block.holds(block.layout.size()));
        // SAFETY: the block is live and not used afterwards.
        unsafe { pool.free(block.at) }.expect("a live block");
    }
    assert_eq!(pool.stats().blocks, 0);
    drop(pool);
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

struct Sent(Block);

// SAFETY: a block belongs to whoever has taken it out of the exchange.
unsafe impl Send for Sent {}

fn churn(pool: &dyn Pool, exchange: &std::sync::Mutex<Vec<Sent>>, number: u8) {
    let mut random = u64::from(number) + 1;
    for _ in 0..3000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (size, align) = ((random >> 33) as usize % 3000, 8 << (random >> 60 & 3));
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let block = Block { at: pool.allocate(layout).expect("memory"), layout, mark: number };
        block.fill();
        let mut sent = exchange.lock().expect("no panic");
        sent.push(Sent(block));
        let other = sent.len() > 200;
        let taken = other.then(|| sent.swap_remove((random >> 20) as usize % 200));
        drop(sent);
        if let Some(Sent(taken)) = taken {
            assert!(taken.holds(taken.layout.size()), "what was written");
            // SAFETY: the block is live and not used afterwards.
            unsafe { pool.free(taken.at) }.expect("a live block");
        }
    }
}

/// Where memory runs out, that is an error; the pool goes on.
pub(crate) fn no_memory(make: Maker) {
    let pages = Pages::up_to(48 << 20);
    let pool = make(pages.clone());
    for layout in [Layout::new::<[u64; 4]>(), Layout::new::<[u8; 60_000]>()] {
        let mut live = Vec::new();
        let error = loop {
            match pool.allocate(layout) {
                Ok(block) => live.push(block),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, PoolError::Provider(_) | PoolError::Limit { .. }),
            "{error:?} says that there is no memory"
        );
        // What was kept of the first size is no reason to have nothing of the second.
        let used = pool.stats().used;
        assert!(used > 12 << 20, "{used} bytes could be had of 48 MiB");
        let kept = live.split_off(live.len() / 2);
        for block in live {
            // SAFETY: the block is live and not used afterwards.
            unsafe { pool.free(block) }.expect("a live block");
        }
        let again = pool.allocate(layout).expect("room for what was freed");
        for block in kept.into_iter().chain([again]) {
            // SAFETY: the block is live and not used afterwards.
            unsafe { pool.free(block) }.expect("a live block");
        }
    }
    drop(pool);
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

/// A process that forks while threads are at it leaves its child a pool that works.
pub(crate) fn forks(make: Maker) {
    let pages = Pages::new();
    let pool = make(pages.clone());
    let stop = AtomicBool::new(false);
    let ends: Vec<_> = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    use_a_while(&*pool);
                }
            });
        }
        let ends = (0..10).map(|_| fork(&*pool)).collect();
        stop.store(true, Ordering::Relaxed);
        ends
    });
    assert!(ends.iter().all(|end| *end == 0), "{ends:?} is how children ended");
    drop(pool);
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

/// A process that forks while threads end, which put away then what they kept, leaves its child
/// a pool that works.
pub(crate) fn forks_as_threads_end(make: Maker) {
    let pages = Pages::new();
    let pool = make(pages.clone());
    let stop = AtomicBool::new(false);
    let ends: Vec<_> = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::scope(|scope| drop(scope.spawn(|| use_a_while(&*pool))));
                }
            });
        }
        let ends = (0..100).map(|_| fork(&*pool)).collect();
        stop.store(true, Ordering::Relaxed);
        ends
    });
    assert!(ends.iter().all(|end| *end == 0), "{ends:?} is how children ended");
    drop(pool);
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

/// How a child ended that used the pool.
fn fork(pool: &dyn Pool) -> libc::c_int {
    // SAFETY: the child uses the pool and ends, or is ended.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: a child that waits for ever is to end.
            unsafe { libc::alarm(180) };
            let used = std::panic::catch_unwind(AssertUnwindSafe(|| use_a_while(pool)));
            // SAFETY: nothing of the parent's is to be cleaned up here.
            unsafe { libc::_exit(libc::c_int::from(used.is_err())) }
        }
        child => {
            let mut end = -1;
            // SAFETY: the number is writable.
            unsafe { libc::waitpid(child, &raw mut end, 0) };
            end
        }
    }
}

fn use_a_while(pool: &dyn Pool) {
    for size in [10, 1000, 20_000, 300_000] {
        let layout = Layout::from_size_align(size, 8).expect("a layout");
        let blocks: Vec<_> = (0..20).map(|_| pool.allocate(layout).expect("memory")).collect();
        for block in blocks {
            // SAFETY: the block is live and not used afterwards.
            unsafe {
                block.write_bytes(1, size);
                pool.free(block).expect("live");
            }
        }
    }
}

/// A size that no pool can have is an error. (UMF defect D2: the product of `calloc`'s
/// arguments wrapped, and a block of 8 bytes came out. Here a `Layout` is the product, which
/// cannot be made if it wraps.)
pub(crate) fn too_large(make: Maker) {
    assert!(Layout::array::<[u8; 2]>(usize::MAX / 2 + 2).is_err());
    let pages = Pages::up_to(64 << 20);
    let pool = make(pages.clone());
    for size in [isize::MAX as usize - 4095, isize::MAX as usize / 2, 1 << 40] {
        let layout = Layout::from_size_align(size, 1).expect("a layout");
        pool.allocate(layout).expect_err("no such block");
        pool.allocate_zeroed(layout).expect_err("no such block");
        let block = pool.allocate(Layout::new::<u64>()).expect("memory");
        // SAFETY: the block is live and not used after it was freed.
        unsafe {
            block.cast::<u64>().write(7);
            pool.reallocate(block, size).expect_err("no such block");
            assert_eq!(block.cast::<u64>().read(), 7);
            pool.free(block).expect("still live");
        }
    }
    // SAFETY: the block is live and not used after it was freed.
    unsafe {
        let block = pool.allocate(Layout::new::<u64>()).expect("memory");
        pool.reallocate(block, usize::MAX).expect_err("no such block");
        pool.free(block).expect("still live");
    }
    drop(pool);
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

/// Blocks that are still there when the pool is dropped do not keep its memory.
pub(crate) fn dropped_with_blocks(make: Maker) {
    let pages = Pages::new();
    let pool = make(pages.clone());
    for size in [1, 100, 5000, 100_000, 3_000_000] {
        pool.allocate(Layout::from_size_align(size, 8).expect("a layout")).expect("memory");
    }
    assert_eq!(pool.stats().blocks, 5);
    drop(pool);
    assert_eq!(pages.usage().current, 0, "bytes at the provider");
}

/// Pools are dropped as soon as threads have done with them, which may still be ending then,
/// and have much to put away.
pub(crate) fn dropped_as_threads_end(make: Maker) {
    for _ in 0..30 {
        let pages = Pages::new();
        let pool = make(pages.clone());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        pool.allocate(Layout::new::<[u8; 5000]>()).expect("memory");
                    }
                });
            }
        });
        drop(pool);
        assert_eq!(pages.usage().current, 0, "bytes at the provider");
    }
}

thread_local! {
    static OWN: RefCell<Option<Box<dyn Pool>>> = const { RefCell::new(None) };
}

/// Threads have pools of their own, which go with them, two at a time.
pub(crate) fn dropped_by_threads_that_end(make: Maker) {
    for _ in 0..50 {
        let pages = Pages::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let pool = make(pages.clone());
                std::thread::spawn(move || {
                    OWN.with(|own| use_a_while(&**own.borrow_mut().insert(pool)));
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a thread that ended well");
        }
        assert_eq!(pages.usage().current, 0, "bytes at the provider");
    }
}

/// The tests that hold for every kind, for one of them.
#[macro_export]
macro_rules! pool_tests {
    ($make:expr) => {
        #[test]
        fn any_calls() {
            $crate::pools::any_calls($make);
        }

        #[test]
        fn threads() {
            $crate::pools::threads($make);
        }

        #[test]
        fn where_memory_runs_out_the_pool_goes_on() {
            $crate::pools::no_memory($make);
        }

        #[test]
        fn a_forked_child_can_go_on() {
            $crate::pools::forks($make);
        }

        #[test]
        fn a_child_forked_while_threads_end_can_go_on() {
            $crate::pools::forks_as_threads_end($make);
        }

        #[test]
        fn no_size_wraps() {
            $crate::pools::too_large($make);
        }

        #[test]
        fn threads_that_end_drop_pools() {
            $crate::pools::dropped_by_threads_that_end($make);
        }
    };
}

/// The tests that hold for every kind that gives all memory back when it is dropped.
#[macro_export]
macro_rules! whole_pool_tests {
    ($make:expr) => {
        pool_tests!($make);

        #[test]
        fn blocks_do_not_outlive_the_pool() {
            $crate::pools::dropped_with_blocks($make);
        }

        #[test]
        fn pools_are_dropped_as_threads_end() {
            $crate::pools::dropped_as_threads_end($make);
        }
    };
}
