//! A library's pool with the threads' caches in front.
//!
//! The library is called where a thread has no block of a size at hand, or too many, and
//! for blocks that are larger than any lane. So what its calls cost is paid once for many
//! blocks, and none of it where blocks come and go.
//!
//! # What the pages say
//!
//! A block is freed to the lane that the [owners map](super::owners) names for the page
//! that it begins in. A page is noted before a block that begins there is handed out. That
//! is right as long as all blocks that begin in one page have one size, as it is where they
//! are cut from slabs; a library that has larger blocks as well begins no two of them in
//! one page, nor one in a page of a slab. When a page comes to be used for something else,
//! nobody has a block of the old size there any more.
//!
//! # Forks
//!
//! They are held up around all calls of the library: a forked child finds none of its locks
//! taken, and a callback that holds forks up, as every lock of this crate does, never waits
//! for a fork that waits for the library.

mod library;
mod pool;
mod store;

pub(super) use library::Library;
pub(super) use pool::fronted_pool;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use self::store::Store;
use super::cache::{Caches, Front, Kept, LANES, Lanes, pop_by_key, push_by_key};
use super::{PoolError, PoolStats, Tracked};
use crate::provider::{Provider, ProviderError};
use crate::thread::fork;

/// A library's heap with caches in front.
pub(super) struct Fronted<L: Library> {
    /// Before the store, whose blocks it gives back.
    front: Option<Front>,
    store: Arc<Store<L>>,
    /// The store's, at hand.
    memory: Tracked,
    key: usize,
}

impl<L: Library + 'static> Fronted<L> {
    /// `library`, of whose blocks a thread keeps about `kept` bytes of each size.
    pub(super) fn new(library: L, kept: usize) -> Self {
        let store = Arc::new(Store::new(library, kept));
        let (lanes, memory) = (Arc::clone(&store), store.memory().clone());
        let key = memory.key();
        let front = (kept > 0).then(|| Front::new(key, lanes));
        Self { front, store, memory, key }
    }

    pub(super) fn library(&self) -> &L {
        self.store.library()
    }

    pub(super) fn memory(&self) -> &Tracked {
        &self.memory
    }

    pub(super) fn caches(&self) -> Option<Caches> {
        self.front.as_ref().map(Front::caches)
    }

    #[inline(always)]
    pub(super) fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        if layout.align() <= L::SIZES.grain()
            && let Some(block) = pop_by_key(self.key, L::SIZES.lane_of_size(layout.size()))
        {
            return Ok(block);
        }
        self.allocate_slow(layout)
    }

    #[inline(never)]
    fn allocate_slow(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let lane = L::SIZES.lane(layout);
        match pop_by_key(self.key, lane) {
            Some(block) => self.aligned(block, layout),
            None => self.allocate_cold(lane, layout),
        }
    }

    /// The block of a lane, or another one where it is not as aligned as it has to be.
    fn aligned(&self, block: NonNull<u8>, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        if block.addr().get() & (layout.align() - 1) == 0 {
            return Ok(block);
        }
        self.allocate_instead(block, layout)
    }

    #[cold]
    fn allocate_instead(
        &self,
        block: NonNull<u8>,
        layout: Layout,
    ) -> Result<NonNull<u8>, PoolError> {
        // SAFETY: the block is new, and nobody has heard of it.
        unsafe { self.free(block) };
        self.store.allocate_direct(layout, false)
    }

    /// Calls `take`, and once more after what is kept for later was given back if there was
    /// no memory.
    fn or_after_trim(
        &self,
        take: impl Fn() -> Result<NonNull<u8>, PoolError>,
    ) -> Result<NonNull<u8>, PoolError> {
        let first = take();
        if let Err(PoolError::Provider(ProviderError::NoMemory { .. })) = first {
            self.trim(0);
            return take();
        }
        first
    }

    #[cold]
    fn allocate_cold(&self, lane: usize, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        self.or_after_trim(|| self.allocate_new(lane, layout))
    }

    fn allocate_new(&self, lane: usize, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        if lane == 0 {
            return self.store.allocate_direct(layout, false);
        }
        let block = match &self.front {
            Some(front) => front.refill(&*self.store, lane)?,
            None => self.store.take_one(lane)?,
        };
        self.aligned(block, layout)
    }

    pub(super) fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        // The library may know that a large block is zero as it is.
        if layout.size() >= L::SIZES.above_slabs() {
            return self.or_after_trim(|| self.store.allocate_direct(layout, true));
        }
        let block = self.allocate(layout)?;
        // SAFETY: the block is new and has that many bytes.
        if let Err(error) = unsafe { self.memory().fill(block, 0, layout.size()) } {
            // SAFETY: nobody has heard of it.
            unsafe { self.free(block) };
            return Err(error.into());
        }
        Ok(block)
    }

    /// Frees a block; whether there was one.
    ///
    /// # Safety
    ///
    /// It is a live one, or an address outside of the pool's memory.
    #[inline(always)]
    pub(super) unsafe fn free(&self, block: NonNull<u8>) -> bool {
        if let Some(entry) = self.memory.entry(block)
            && block.addr().get() & (L::SIZES.grain() - 1) == 0
            // SAFETY: a live block of the lane that the map names.
            && let Some(Kept::Kept) = unsafe { push_by_key(self.key, entry.lane(), block) }
        {
            return true;
        }
        // SAFETY: passed on from the caller.
        unsafe { self.free_slow(block) }
    }

    #[inline(never)]
    unsafe fn free_slow(&self, block: NonNull<u8>) -> bool {
        let entry = self.memory.entry(block);
        let is_aligned = block.addr().get() & (L::SIZES.grain() - 1) == 0;
        // SAFETY: passed on from the caller.
        entry.is_some_and(|it| is_aligned && unsafe { self.free_cold(it.lane(), block) })
    }

    #[cold]
    unsafe fn free_cold(&self, lane: usize, block: NonNull<u8>) -> bool {
        match (lane, &self.front) {
            // SAFETY: passed on from the caller.
            (0, _) => unsafe { self.store.free_direct(block) },
            // SAFETY: a live block of the lane that the map names.
            (_, Some(front)) => unsafe { front.spill(&*self.store, lane, block) == Kept::Kept },
            // SAFETY: as above.
            (_, None) => unsafe { self.store.put(lane, &[block]) == 0 },
        }
    }

    /// Makes a block of no lane as long as no lane's are; `None` if it is another, or is to
    /// become one, or the library has no way to.
    ///
    /// # Safety
    ///
    /// As for [`Library::resize`].
    pub(super) unsafe fn resize(
        &self,
        block: NonNull<u8>,
        size: usize,
    ) -> Option<Result<NonNull<u8>, PoolError>> {
        let is_direct = self.memory().entry(block)?.lane() == 0;
        let layout = Layout::from_size_align(size, 1).ok()?;
        if !L::RESIZES || !is_direct || L::SIZES.lane(layout) != 0 {
            return None;
        }
        // SAFETY: passed on from the caller.
        Some(unsafe { self.store.resize(block, size) })
    }

    /// Bytes of the block; `None` for an address outside of the pool's memory.
    pub(super) fn usable_size(&self, block: NonNull<u8>) -> Option<usize> {
        let size = match self.memory().entry(block)?.lane() {
            // SAFETY: callers ask about live blocks.
            0 => unsafe { self.library().size_of(block) },
            lane => L::SIZES.size(lane),
        };
        let is_block = block.addr().get() & (L::SIZES.grain() - 1) == 0 && size > 0;
        is_block.then_some(size)
    }

    /// Gives back what the calling thread keeps and what the library can, if there are more
    /// than `keep` bytes that no block needs; how many bytes went.
    pub(super) fn trim(&self, keep: usize) -> usize {
        let before = self.library().feed().held();
        if before.saturating_sub(self.stats().used) <= keep {
            return 0;
        }
        if let Some(front) = &self.front {
            front.flush(&*self.store);
        }
        let _hold = fork::hold();
        self.library().trim();
        before.saturating_sub(self.library().feed().held())
    }

    pub(super) fn stats(&self) -> PoolStats {
        let mut kept = [0_usize; LANES];
        // Kept until all are counted.
        let _counted = self
            .front
            .as_ref()
            .map(|front| front.count(|lane, blocks| kept[lane % LANES] += blocks));
        let (mut used, mut blocks) = self.store.direct();
        for (lane, kept) in kept.iter().enumerate() {
            // Counted while others allocate and free, so not of one moment.
            let live = self.store.taken(lane).wrapping_sub(*kept);
            let live = usize::try_from(live.cast_signed()).unwrap_or(0);
            blocks += live;
            used += live * L::SIZES.size(lane);
        }
        PoolStats { used, reserved: self.library().feed().held(), blocks }
    }
}

impl<L: Library> fmt::Debug for Fronted<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fronted").field(&self.store.memory()).finish()
    }
}

/// What [`Fronted::new`] is given unless somebody said otherwise.
pub(super) const KEPT: usize = 128 << 10;
