//! oneTBB's scalable allocator over a provider.

mod heap;
mod library;
mod options;

pub use options::ScalableOptions;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use self::heap::Heap;
use super::fronted::Fronted;
use super::{Caches, Pool, PoolError, PoolStats, Tracked};
use crate::provider::Provider;

/// oneTBB's scalable allocator over any provider whose memory the CPU can touch.
///
/// Made by [`ScalableOptions::build`]. `libtbbmalloc.so.2` is loaded when the first pool is
/// made; where it is missing, that is [`PoolError::Library`], which says what to install.
///
/// In front of the library threads keep blocks at hand, which it does as well: a block comes
/// and goes in fewer instructions so. Spans that nothing is in go back when the pool is
/// [trimmed](Pool::trim), unless it was told to [keep
/// all](ScalableOptions::keep_all_memory), and all when it is dropped.
///
/// The library has a key of `pthread_key_create` for each pool, of which a process can have
/// 1024.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use anymem::pool::{Pool, ScalableOptions, Tracked};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = ScalableOptions::new().build(memory)?;
/// let block = pool.allocate(Layout::new::<[u64; 10]>())?;
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
pub struct ScalablePool {
    inner: Fronted<Heap>,
    name: String,
}

impl ScalablePool {
    fn on(memory: Tracked, options: ScalableOptions) -> Result<Self, PoolError> {
        let heap = Heap::new(memory, &options)?;
        Ok(Self { inner: Fronted::new(heap, options.thread_cache), name: options.name })
    }

    #[cold]
    fn not_a_block(&self, block: NonNull<u8>) -> PoolError {
        PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() }
    }
}

// SAFETY: every block is the library's, which keeps the contract within the spans that it
// was given.
unsafe impl Pool for ScalablePool {
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

impl fmt::Debug for ScalablePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScalablePool").field("name", &self.name).finish_non_exhaustive()
    }
}
