//! jemalloc over a provider.

mod arenas;
mod heap;
mod hooks;
mod options;

pub use options::JemallocOptions;

use core::alloc::Layout;
use core::ffi::c_int;
use core::fmt;
use core::ptr::NonNull;

use self::arenas::Arenas;
use self::heap::Heap;
use self::hooks::Hooks;
use super::feed::Feed;
use super::fronted::Fronted;
use super::{Caches, Pool, PoolError, PoolStats, Tracked};
use crate::provider::Provider;

/// jemalloc over any provider that can split its spans, and whose memory the CPU can touch.
///
/// Made by [`JemallocOptions::build`]. Each pool has arenas of its own, which go when it is
/// dropped; a process can have as many pools as jemalloc can have arenas, about 4000. In
/// front of them threads keep blocks at hand, each pool's apart: jemalloc's own thread
/// caches do not know pools.
///
/// [`trim`](Pool::trim) purges the arenas, and is done in jemalloc's time as well: pages
/// that nothing is in go back after about ten seconds. An extent that jemalloc splits or
/// merges is split or merged at the provider first, so what it says of the file behind an
/// address is always right.
///
/// jemalloc reads its settings from the environment variable `_RJEM_MALLOC_CONF`.
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::pool::{JemallocOptions, Pool, Tracked};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = JemallocOptions::new().build(memory)?;
/// let block = pool.allocate(Layout::new::<[u64; 10]>())?;
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
pub struct JemallocPool {
    inner: Fronted<Heap>,
    name: String,
}

/// Bytes of jemalloc's pages.
const PAGE: usize = 4096;

/// How many arenas jemalloc can have.
const MOST_ARENAS: usize = 4094;

impl JemallocPool {
    fn on(memory: Tracked, options: JemallocOptions) -> Result<Self, PoolError> {
        try_split(&memory)?;
        let hooks = Hooks::new(Feed::new(memory));
        let heap = Arenas::new(hooks.clone(), options.arenas)
            .map_err(|code| cannot(hooks.feed(), code))?;
        let inner = Fronted::new(Heap::new(heap), options.thread_cache);
        Ok(Self { inner, name: options.name })
    }

    #[cold]
    fn not_a_block(&self, block: NonNull<u8>) -> PoolError {
        PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() }
    }
}

/// Finds out whether the provider can do what jemalloc needs.
fn try_split(memory: &Tracked) -> Result<(), PoolError> {
    if !memory.touchable() {
        return Err(memory.unsupported("memory that the CPU can touch").into());
    }
    let span = memory.allocate(2 * PAGE, PAGE)?;
    // SAFETY: the span is new, and nobody's.
    match unsafe { memory.split(span, PAGE) } {
        Ok((low, high)) => {
            // SAFETY: as above.
            unsafe { memory.free(low).and(memory.free(high)) }?;
            Ok(())
        }
        Err(_) => {
            // SAFETY: as above.
            unsafe { memory.free(span) }?;
            Err(memory.unsupported("split at 4 KiB").into())
        }
    }
}

/// The error for an arena that jemalloc could not make.
fn cannot(feed: &Feed, code: c_int) -> PoolError {
    match feed.refusal() {
        None if code == libc::EAGAIN => PoolError::TooMany { most: MOST_ARENAS },
        Some(error) => error.into(),
        None => feed.why(PAGE),
    }
}

// SAFETY: every block is jemalloc's, out of the pool's arenas, and handed out again only
// when it is freed.
unsafe impl Pool for JemallocPool {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> &dyn Provider {
        self.inner.memory()
    }

    fn memory(&self) -> Option<&Tracked> {
        Some(self.inner.memory())
    }

    fn caches(&self) -> Option<Caches> {
        self.inner.caches()
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        self.inner.allocate(layout)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        self.inner.allocate_zeroed(layout)
    }

    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        // SAFETY: passed on from the caller.
        match unsafe { self.inner.resize(block, new_size) } {
            Some(resized) => resized,
            // SAFETY: as above.
            None => unsafe { super::reallocate_by_copy(self, block, new_size) },
        }
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        // SAFETY: passed on from the caller.
        if unsafe { self.inner.free(block) } { Ok(()) } else { Err(self.not_a_block(block)) }
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        self.inner.usable_size(block).ok_or_else(|| self.not_a_block(block))
    }

    fn trim(&self, keep: usize) -> usize {
        self.inner.trim(keep)
    }

    fn stats(&self) -> PoolStats {
        self.inner.stats()
    }
}

impl fmt::Debug for JemallocPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JemallocPool").field("name", &self.name).finish_non_exhaustive()
    }
}
