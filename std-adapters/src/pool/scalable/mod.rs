//! oneTBB's scalable allocator over a provider.
//!
//! # Locks
//!
//! The library calls back for memory while it holds locks of its own. The callbacks call
//! the provider and nothing else: neither the library nor any pool, so that a provider may
//! lock as it likes as long as it does not allocate from the pool that it feeds. They
//! cannot unwind: a provider that panics ends the process.

mod library;
mod options;

pub use options::ScalableOptions;

use core::alloc::Layout;
use core::ffi::{c_int, c_void};
use core::fmt;
use core::ptr::{self, NonNull};
use std::sync::Arc;

use self::library::{KEEP_ALL, Policy, Rml, RmlPool, VERSION};
use super::feed::Feed;
use super::tally::Tally;
use super::{Pool, PoolError, PoolStats};
use crate::provider::{Provider, Span};

/// oneTBB's scalable allocator over any provider whose memory the CPU can touch.
///
/// `libtbbmalloc.so.2` is loaded when the first pool is made; where it is missing, that is
/// [`PoolError::Library`], which says what to install.
///
/// The library keeps freed blocks, small ones for each thread. Spans that nothing is in go
/// back when the pool is [trimmed](Pool::trim), unless it was told to [keep
/// all](ScalableOptions::keep_all_memory), and all when it is dropped.
///
/// The library has a key of `pthread_key_create` for each pool, of which a process can have
/// 1024.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use anymem::pool::{Pool, ScalableOptions, ScalablePool};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let provider = Arc::new(OsProvider::new()?);
/// let pool = ScalablePool::new(provider, ScalableOptions::new())?;
/// let block = pool.allocate(Layout::new::<[u64; 10]>())?;
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
pub struct ScalablePool {
    rml: &'static Rml,
    /// Made by `rml`, destroyed once.
    pool: NonNull<RmlPool>,
    /// What the callbacks get the address of.
    feed: Box<Feed>,
    name: String,
    tally: Tally,
}

// SAFETY: the library's pools may be used by any threads at the same time.
unsafe impl Send for ScalablePool {}
// SAFETY: as for `Send`.
unsafe impl Sync for ScalablePool {}

/// What `pool_malloc` aligns to without being asked.
const PLAIN: usize = 8;

impl ScalablePool {
    /// A pool over spans of `provider`, which it takes as it needs them.
    ///
    /// # Errors
    ///
    /// [`PoolError::Library`] where oneTBB is not installed, [`PoolError::BadSetting`] for a
    /// granularity that it does not take; the CPU cannot touch the provider's memory, or it
    /// has none.
    pub fn new(provider: Arc<dyn Provider>, options: ScalableOptions) -> Result<Self, PoolError> {
        if !provider.touchable() {
            return Err(provider.unsupported("memory that the CPU can touch").into());
        }
        let rml = Rml::get()?;
        let granularity = options.granularity.get();
        let feed = Box::new(Feed::new(provider));
        let policy = Policy {
            alloc: raw_alloc,
            free: raw_free,
            granularity,
            version: VERSION,
            flags: if options.keep_all_memory { KEEP_ALL } else { 0 },
        };
        let mut pool = ptr::null_mut();
        let id = ptr::from_ref(&*feed).expose_provenance().cast_signed();
        // SAFETY: the policy is as the library expects it, and is only read during the
        // call; the feed outlives the pool.
        let result = unsafe { (rml.create)(id, &raw const policy, &raw mut pool) };
        let failed = || match result {
            INVALID | UNSUPPORTED => PoolError::BadSetting {
                setting: "granularity",
                value: options.granularity.to_string(),
                why: "oneTBB refuses it: use a power of two".to_owned(),
            },
            _ => feed.why(granularity),
        };
        let pool = NonNull::new(pool).filter(|_| result == 0).ok_or_else(failed)?;
        Ok(Self { rml, pool, feed, name: options.name, tally: Tally::new() })
    }

    fn size_of(&self, block: NonNull<u8>) -> usize {
        // SAFETY: the callers' blocks are live ones of this pool.
        unsafe { (self.rml.msize)(self.pool.as_ptr(), block.as_ptr().cast()) }
    }

    fn counted(&self, block: *mut c_void, requested: usize) -> Result<NonNull<u8>, PoolError> {
        let block = NonNull::new(block.cast::<u8>()).ok_or_else(|| self.feed.why(requested))?;
        self.tally.add(self.size_of(block));
        Ok(block)
    }
}

/// Results of `pool_create_v1`.
const INVALID: c_int = 1;
const UNSUPPORTED: c_int = 2;

/// Gives the library a span.
///
/// # Safety
///
/// `id` is the address of a live [`Feed`], and `bytes` of a number.
unsafe extern "C" fn raw_alloc(id: isize, bytes: *mut usize) -> *mut c_void {
    let feed: *const Feed = ptr::with_exposed_provenance(id.cast_unsigned());
    // SAFETY: the library calls it with the id that the pool was made with, whose feed
    // outlives the pool, and with a number of its own.
    let (feed, bytes) = unsafe { (&*feed, &mut *bytes) };
    feed.take(*bytes, feed.provider().min_page_size()).map_or(ptr::null_mut(), |span| {
        *bytes = span.len;
        span.start.as_ptr().cast()
    })
}

/// Takes a span back from the library.
///
/// # Safety
///
/// `id` is the address of a live [`Feed`]; the span is one that the library was given.
unsafe extern "C" fn raw_free(id: isize, start: *mut c_void, bytes: usize) -> c_int {
    let feed: *const Feed = ptr::with_exposed_provenance(id.cast_unsigned());
    let Some(start) = NonNull::new(start.cast()) else { return -1 };
    // SAFETY: as for `raw_alloc`; the library frees what it was given, as it was given it,
    // and does not use it afterwards.
    if unsafe { (*feed).give_back(Span::new(start, bytes)) } { 0 } else { -1 }
}

// SAFETY: every block is the library's, which keeps the contract within the spans that it
// was given.
unsafe impl Pool for ScalablePool {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> &dyn Provider {
        self.feed.provider()
    }

    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let (pool, size, align) = (self.pool.as_ptr(), layout.size().max(1), layout.align());
        // SAFETY: the pool lives, the alignment is a power of two, and any size goes.
        let block = unsafe {
            match align {
                ..=PLAIN => (self.rml.malloc)(pool, size),
                _ => (self.rml.aligned_malloc)(pool, size, align),
            }
        };
        self.counted(block, layout.size())
    }

    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        if new_size > isize::MAX as usize {
            return Err(PoolError::TooLarge { requested: new_size });
        }
        let (had, old) = (self.size_of(block), block.as_ptr().cast());
        // SAFETY: the block is live (contract), and 0 bytes would free it.
        let moved = unsafe { (self.rml.realloc)(self.pool.as_ptr(), old, new_size.max(1)) };
        let moved = self.counted(moved, new_size)?;
        self.tally.sub(had);
        Ok(moved)
    }

    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let size = self.size_of(block);
        // SAFETY: passed on from the caller.
        if unsafe { (self.rml.free)(self.pool.as_ptr(), block.as_ptr().cast()) } {
            self.tally.sub(size);
            return Ok(());
        }
        Err(PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() })
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        Ok(self.size_of(block))
    }

    /// Has the library empty its caches, all threads', and give back the spans that nothing
    /// is in then, all of them if it has more than `keep` bytes that no block needs.
    ///
    /// It has no call for that, but does so when it gets no memory: it is asked for a block
    /// that it cannot have, and refused the memory for it.
    fn trim(&self, keep: usize) -> usize {
        let before = self.feed.held();
        if before.saturating_sub(self.tally.sums().0) <= keep {
            return 0;
        }
        let more_than_it_has = before.saturating_mul(2);
        let block = Feed::while_closed(|| {
            // SAFETY: the pool lives, and any size goes.
            unsafe { (self.rml.malloc)(self.pool.as_ptr(), more_than_it_has) }
        });
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the block is new, and nobody has heard of it.
            unsafe { (self.rml.free)(self.pool.as_ptr(), block.as_ptr()) };
        }
        before.saturating_sub(self.feed.held())
    }

    fn stats(&self) -> PoolStats {
        let (used, blocks) = self.tally.sums();
        PoolStats { used, reserved: self.feed.held(), blocks }
    }
}

impl Drop for ScalablePool {
    fn drop(&mut self) {
        // SAFETY: the pool is destroyed once, and nobody uses its blocks any more; the feed
        // is dropped after that.
        unsafe { (self.rml.destroy)(self.pool.as_ptr()) };
    }
}

impl fmt::Debug for ScalablePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScalablePool({:?}, {} bytes reserved)", self.name, self.feed.held())
    }
}
