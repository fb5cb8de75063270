//! What jemalloc has a provider do with pages that no block is in, besides taking them
//! back.
#![cfg(feature = "jemalloc")]

#[path = "pools/provider.rs"]
mod provider;

use std::alloc::Layout;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anymem::pool::{JemallocOptions, JemallocPool, Pool, Tracked};
use anymem::provider::{Provider, ProviderError, Span, Usage};
use provider::Pages;

const BLOCK: usize = 1 << 20;
const BLOCKS: usize = 32;

/// Pages of which it counts the bytes that were purged and committed, and that it may
/// refuse to take back.
#[derive(Debug)]
struct Counting {
    pages: Arc<Pages>,
    keeps: AtomicBool,
    /// Whether pages can be purged at once.
    forces: bool,
    forced: AtomicUsize,
    lazily: AtomicUsize,
    committed: AtomicUsize,
}

impl Counting {
    fn new(forces: bool) -> Arc<Self> {
        let [forced, lazily, committed] = [(); 3].map(|()| AtomicUsize::new(0));
        let keeps = AtomicBool::new(false);
        Arc::new(Self { pages: Pages::new(), keeps, forces, forced, lazily, committed })
    }
}

// SAFETY: all is that of the pages.
unsafe impl Provider for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        self.pages.allocate(size, align)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        if self.keeps.load(Ordering::Relaxed) {
            return Err(self.unsupported("free"));
        }
        // SAFETY: passed on from the caller.
        unsafe { self.pages.free(span) }
    }

    fn min_page_size(&self) -> usize {
        self.pages.min_page_size()
    }

    fn zeroed(&self) -> bool {
        true
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        if !self.forces {
            return Err(self.unsupported("purge_force"));
        }
        self.forced.fetch_add(span.len, Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.pages.purge_force(span) }
    }

    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        self.lazily.fetch_add(span.len, Ordering::Relaxed);
        Ok(())
    }

    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        self.committed.fetch_add(span.len, Ordering::Relaxed);
        Ok(())
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.pages.split(span, at) }
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.pages.merge(low, high) }
    }

    fn usage(&self) -> Usage {
        self.pages.usage()
    }

    fn reset_peak(&self) {
        self.pages.reset_peak();
    }
}

fn pool(counting: &Arc<Counting>) -> JemallocPool {
    let memory = Tracked::new(counting.clone() as Arc<dyn Provider>).expect("a number");
    JemallocOptions::new().arenas(1).thread_cache(0).build(memory).expect("a pool")
}

/// Takes blocks, writes to them, and frees them.
fn use_memory(pool: &JemallocPool) {
    let take = |_| pool.allocate(Layout::new::<[u8; BLOCK]>()).expect("memory");
    let blocks: Vec<NonNull<u8>> = (0..BLOCKS).map(take).collect();
    for block in blocks {
        // SAFETY: the block is live and that long, and not used afterwards.
        unsafe {
            block.write_bytes(0xAA, BLOCK);
            pool.free(block).expect("live");
        }
    }
}

/// Bytes that were counted since the last time.
fn since(count: &AtomicUsize) -> usize {
    count.swap(0, Ordering::Relaxed)
}

const MOST_OF_IT: usize = (BLOCKS - 2) * BLOCK;

#[test]
fn what_the_provider_does_not_take_back_is_purged_and_committed_before_it_is_used_again() {
    let counting = Counting::new(true);
    let pool = pool(&counting);
    use_memory(&pool);
    let held = counting.usage().current;
    assert_eq!((since(&counting.forced), since(&counting.committed)), (0, 0));
    counting.keeps.store(true, Ordering::Relaxed);
    assert_eq!(pool.trim(0), 0, "nothing was taken back");
    let purged = since(&counting.forced);
    assert!((MOST_OF_IT..=held).contains(&purged), "{purged} of {held} bytes were purged");
    assert_eq!(counting.usage().current, held);

    let layout = Layout::new::<[u8; BLOCK]>();
    let block = pool.allocate_zeroed(layout).expect("memory");
    let committed = since(&counting.committed);
    assert!((BLOCK..=held).contains(&committed), "{committed} bytes were committed");
    // SAFETY: the block is live and that long.
    let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), BLOCK) };
    assert!(bytes.iter().all(|byte| *byte == 0));
    assert_eq!(counting.usage().current, held, "out of what was purged");

    counting.keeps.store(false, Ordering::Relaxed);
    drop(pool);
    assert_eq!(counting.usage().current, 0);
}

#[test]
fn what_cannot_be_purged_at_once_is_purged_lazily() {
    let counting = Counting::new(false);
    let pool = pool(&counting);
    use_memory(&pool);
    counting.keeps.store(true, Ordering::Relaxed);
    assert_eq!((pool.trim(0), since(&counting.forced)), (0, 0));
    let purged = since(&counting.lazily);
    assert!(purged >= MOST_OF_IT, "{purged} bytes were purged lazily");
    use_memory(&pool);
    assert_eq!(since(&counting.committed), 0, "it was there all the time");
    counting.keeps.store(false, Ordering::Relaxed);
    drop(pool);
    assert_eq!(counting.usage().current, 0);
}

/// jemalloc's own settings say that pages are purged lazily first.
#[test]
fn pages_are_purged_lazily_first_where_jemalloc_is_told_so() {
    const SETTINGS: &str = "_RJEM_MALLOC_CONF";
    const SAY: &str = "dirty_decay_ms:1,muzzy_decay_ms:100000";
    if std::env::var(SETTINGS).as_deref() != Ok(SAY) {
        let name = "pages_are_purged_lazily_first_where_jemalloc_is_told_so";
        let this = std::env::current_exe().expect("this program");
        let done = Command::new(this).args(["--exact", name]).env(SETTINGS, SAY).status();
        return assert!(done.expect("it starts").success(), "in a process with other settings");
    }
    let counting = Counting::new(true);
    let pool = pool(&counting);
    // Purged when a millisecond has passed and memory is asked for again.
    let purged = (0..1000).map(|_| {
        use_memory(&pool);
        since(&counting.lazily)
    });
    assert!(purged.into_iter().any(|bytes| bytes > 0), "nothing was purged lazily");
    let held = counting.usage().current;
    let went = pool.trim(0);
    assert_eq!((since(&counting.forced), counting.usage().current), (0, held - went));
    assert!(went > 0, "what was purged lazily goes as all else does");
}
