//! Straight to the provider: a span for each block.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::feed::Feed;
use super::fronted::{Fronted, KEPT, Library, fronted_pool};
use super::lane_sizes::LaneSizes;
use super::{PoolError, Tracked};
use crate::provider::Provider;

/// A pool that gives each block a span of the provider's own.
///
/// For blocks of pages and more, for providers that do pooling themselves, and to see
/// what a provider does. Any provider will do, also one whose memory the CPU cannot touch:
/// all that is known of a block is kept elsewhere.
///
/// A block takes whole pages, all of which [may be used](super::Pool::usable_size). Of spans up to
/// 256 KiB each thread keeps a few when they are freed; a
/// [straight](ProxyOptions::straight) pool gives them back at once.
///
/// Blocks that are live when the pool is dropped stay where they are.
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::pool::{Pool, ProxyOptions, Tracked};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = ProxyOptions::new().build(memory);
/// let block = pool.allocate_zeroed(Layout::new::<[u8; 100]>())?;
/// assert!(pool.usable_size(block)? >= 100);
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
pub struct ProxyPool {
    inner: Fronted<Spans>,
    name: String,
}

/// How a [`ProxyPool`] is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyOptions {
    name: String,
    thread_cache: usize,
}

impl Default for ProxyOptions {
    fn default() -> Self {
        Self { name: "proxy".to_owned(), thread_cache: KEPT }
    }
}

impl ProxyOptions {
    /// Caches of 128 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the pool is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Bytes of each size that a thread keeps at hand at most, but for two spans.
    #[must_use]
    pub fn thread_cache(self, bytes: usize) -> Self {
        Self { thread_cache: bytes, ..self }
    }

    /// Lets threads keep nothing: every call is one of the provider's.
    #[must_use]
    pub fn straight(self) -> Self {
        self.thread_cache(0)
    }

    /// Makes the pool.
    #[must_use]
    pub fn build(self, memory: Tracked) -> ProxyPool {
        let spans = Spans { feed: Feed::new(memory) };
        ProxyPool { inner: Fronted::new(spans, self.thread_cache), name: self.name }
    }
}

/// The provider, as a heap whose blocks are spans.
#[derive(Debug)]
struct Spans {
    feed: Feed,
}

// SAFETY: each block is a span that the provider handed out, the only one that begins in
// its first page.
unsafe impl Library for Spans {
    const SIZES: &'static LaneSizes = &LaneSizes::new(4096, &[4096, 8192, 12288], 16 << 10);
    const RESIZES: bool = false;

    fn feed(&self) -> &Feed {
        &self.feed
    }

    fn allocate(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        self.feed.take(size, align).map(|span| span.start)
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let block = self.allocate(size, align)?;
        if self.feed.memory().zeroed() {
            return Some(block);
        }
        // SAFETY: the span is new and has that many bytes.
        if unsafe { self.feed.memory().fill(block, 0, size) }.is_ok() {
            return Some(block);
        }
        // SAFETY: nobody has heard of it.
        unsafe { self.free(block) };
        None
    }

    unsafe fn free(&self, block: NonNull<u8>) -> bool {
        let region = self.feed.memory().region(block);
        let span = region.map(|region| region.span).filter(|span| span.start == block);
        // SAFETY: the span is one of the provider's, and the caller's block was all of it.
        span.is_some_and(|span| unsafe { self.feed.give_back(span) })
    }

    unsafe fn resize(&self, _block: NonNull<u8>, _size: usize) -> Option<NonNull<u8>> {
        None
    }

    unsafe fn size_of(&self, block: NonNull<u8>) -> usize {
        let region = self.feed.memory().region(block).map(|region| region.span);
        region.filter(|span| span.start == block).map_or(0, |span| span.len)
    }

    fn trim(&self) {}
}

fronted_pool!(ProxyPool);
