//! jemalloc over a provider.

mod arenas;
mod heap;
mod hooks;
mod options;

pub use options::JemallocOptions;

use core::alloc::Layout;
use core::ffi::c_int;
use core::ptr::NonNull;

use self::arenas::Arenas;
use self::heap::Heap;
use self::hooks::Hooks;
use super::feed::Feed;
use super::fronted::{Fronted, fronted_pool};
use super::{PoolError, Tracked};
use crate::provider::Provider;

/// jemalloc over any provider that can split its spans, and whose memory the CPU can touch.
///
/// Made by [`JemallocOptions::build`]. Each pool has arenas of its own, which go when it is
/// dropped; a process can have as many pools as jemalloc can have arenas, about 4000. In
/// front of them threads keep blocks at hand, each pool's apart: jemalloc's own thread
/// caches do not know pools.
///
/// [`trim`](super::Pool::trim) purges the arenas, and is done in jemalloc's time as well: pages
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

fronted_pool!(JemallocPool);
