//! oneTBB's calls, for the blocks of one pool.
//!
//! # Locks
//!
//! The library calls back for memory while it holds locks of its own. The callbacks call
//! the provider and nothing else: neither the library nor any pool. No lock of this crate is
//! held while the library is called that a callback could want, so a provider may lock as it
//! likes as long as it does not allocate from the pool that it feeds. The callbacks cannot
//! unwind: a provider that panics ends the process.

use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};
use std::sync::Arc;

use super::library::{KEEP_ALL, Policy, Rml, RmlPool, VERSION};
use super::{ScalableOptions, farewell};
use crate::pool::feed::Feed;
use crate::pool::fronted::Library;
use crate::pool::lane_sizes::LaneSizes;
use crate::pool::{PoolError, Tracked};
use crate::provider::{Provider, Span};
use crate::thread::fork;

/// The sizes of the library's slabs' blocks, which are whole up to 8128 bytes, and some
/// more. Where it rounds up to others than these, some bytes are not used, no more.
const SIZES: [usize; 28] = [
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
    1792, 2688, 4032, 5376, 8128, 10240, 12288, 14336,
];

/// What `pool_malloc` aligns blocks of 16 bytes and more to without being asked.
const PLAIN: usize = 16;

/// Results of `pool_create_v1`.
const INVALID: c_int = 1;
const UNSUPPORTED: c_int = 2;

/// oneTBB's allocator, for the blocks of one pool.
pub(super) struct Heap {
    rml: &'static Rml,
    /// Made by `rml`, destroyed once.
    pool: NonNull<RmlPool>,
    /// What the callbacks get the address of.
    feed: Arc<Feed>,
}

// SAFETY: the library's pools may be used by any threads at the same time.
unsafe impl Send for Heap {}
// SAFETY: as for `Send`.
unsafe impl Sync for Heap {}

impl Heap {
    pub(super) fn new(memory: Tracked, options: &ScalableOptions) -> Result<Self, PoolError> {
        if !memory.touchable() {
            return Err(memory.unsupported("memory that the CPU can touch").into());
        }
        let rml = Rml::get()?;
        farewell::mind_forks();
        let _hold = fork::hold();
        let granularity = options.granularity.get();
        let feed = Arc::new(Feed::new(memory));
        let policy = Policy {
            alloc: raw_alloc,
            free: raw_free,
            granularity,
            version: VERSION,
            flags: if options.keep_all_memory { KEEP_ALL } else { 0 },
        };
        let mut pool = ptr::null_mut();
        let id = Arc::as_ptr(&feed).expose_provenance().cast_signed();
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
        Ok(Self { rml, pool, feed })
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        farewell::while_none_ends(|| {
            let _hold = fork::hold();
            // SAFETY: the pool is destroyed once, and nobody uses its blocks any more, nor does
            // a thread that ends look at what the library has for it; the feed is dropped
            // after that.
            unsafe { (self.rml.destroy)(self.pool.as_ptr()) }
        });
    }
}

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
    feed.take(*bytes, feed.memory().min_page_size()).map_or(ptr::null_mut(), |span| {
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

// SAFETY: the library cuts slabs of 16 KiB into blocks of one size; what is larger begins
// where no slab is, and has a header in front that is not in the page of another's.
unsafe impl Library for Heap {
    const SIZES: &'static LaneSizes = &LaneSizes::new(16, &SIZES, 16 << 10);

    fn feed(&self) -> &Feed {
        &self.feed
    }

    fn allocate(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        farewell::note_use();
        let (pool, size) = (self.pool.as_ptr(), size.max(PLAIN));
        // SAFETY: the pool lives, the alignment is a power of two, and any size goes.
        let block = unsafe {
            match align {
                ..=PLAIN => (self.rml.malloc)(pool, size),
                _ => (self.rml.aligned_malloc)(pool, size, align),
            }
        };
        NonNull::new(block.cast())
    }

    fn allocate_zeroed(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let block = self.allocate(size, align)?;
        // SAFETY: the block is new and has that many bytes.
        unsafe { block.write_bytes(0, size) };
        Some(block)
    }

    unsafe fn free(&self, block: NonNull<u8>) -> bool {
        farewell::note_use();
        // SAFETY: passed on from the caller.
        unsafe { (self.rml.free)(self.pool.as_ptr(), block.as_ptr().cast()) }
    }

    unsafe fn resize(&self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
        farewell::note_use();
        let (pool, old) = (self.pool.as_ptr(), block.as_ptr().cast());
        // SAFETY: passed on from the caller; 0 bytes would free it.
        NonNull::new(unsafe { (self.rml.realloc)(pool, old, size.max(PLAIN)) }.cast())
    }

    unsafe fn size_of(&self, block: NonNull<u8>) -> usize {
        // SAFETY: passed on from the caller.
        unsafe { (self.rml.msize)(self.pool.as_ptr(), block.as_ptr().cast()) }
    }

    /// The library has no call for that, but empties its caches, all threads', when it gets
    /// no memory: it is asked for a block that it cannot have, and refused the memory for
    /// it.
    fn trim(&self) {
        farewell::note_use();
        let more_than_it_has = self.feed.held().saturating_mul(2);
        let block = Feed::while_closed(|| {
            // SAFETY: the pool lives, and any size goes.
            unsafe { (self.rml.malloc)(self.pool.as_ptr(), more_than_it_has) }
        });
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the block is new, and nobody has heard of it.
            unsafe { (self.rml.free)(self.pool.as_ptr(), block.as_ptr()) };
        }
    }
}
