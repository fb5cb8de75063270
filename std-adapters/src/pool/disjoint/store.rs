//! What the threads of a disjoint pool share.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::settings::Settings;
use super::shelf::{Counts, Shelf};
use super::slab::Slab;
use super::{SharedLimit, lane};
use crate::log;
use crate::pool::cache::Lanes;
use crate::pool::lock::Lock;
use crate::pool::{PoolError, Tracked};
use crate::provider::Span;

/// One lane's slabs, apart from the next lane's so that their locks are not in one line.
#[repr(align(128))]
#[derive(Debug, Default)]
struct Place(Lock<Shelf>);

/// What the threads of a disjoint pool share: the slabs, and the memory they are of.
///
/// No lock is held where the provider is called. A shelf's lock comes before the owners
/// map's, and after all others.
pub(super) struct Store {
    pub(super) name: String,
    pub(super) memory: Tracked,
    pub(super) settings: Settings,
    limit: Option<Arc<SharedLimit>>,
    shelves: Box<[Place]>,
    /// Blocks that are spans of their own, and their bytes.
    pub(super) direct: AtomicUsize,
    pub(super) direct_bytes: AtomicUsize,
    /// How many such there ever were, and blocks that were taken without a cache.
    pub(super) ever_direct: AtomicUsize,
    pub(super) ever_uncached: AtomicUsize,
}

/// In a trace, from this level on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Summary = 1,
    Slabs = 2,
    Spans = 3,
}

impl Store {
    pub(super) fn new(
        name: String,
        memory: Tracked,
        settings: Settings,
        limit: Option<Arc<SharedLimit>>,
    ) -> Self {
        let shelves = (0..=lane::COUNT).map(|_| Place::default()).collect();
        let zero = || AtomicUsize::new(0);
        let (direct, direct_bytes, ever_direct, ever_uncached) = (zero(), zero(), zero(), zero());
        Self {
            name,
            memory,
            settings,
            limit,
            shelves,
            direct,
            direct_bytes,
            ever_direct,
            ever_uncached,
        }
    }

    /// Allocates a block that is a span of its own.
    #[cold]
    pub(super) fn allocate_direct(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let span = self.take_span(layout.size().max(1), layout.align())?;
        if let Err(error) = self.memory.enter(span, 0, 0) {
            self.give_span(span);
            return Err(error.into());
        }
        self.direct.fetch_add(1, Ordering::Relaxed);
        self.ever_direct.fetch_add(1, Ordering::Relaxed);
        self.direct_bytes.fetch_add(span.len, Ordering::Relaxed);
        self.tell(Told::Spans, format_args!("span of {} bytes taken", span.len));
        Ok(span.start)
    }

    /// Frees a block that is a span of its own; false if none starts there.
    pub(super) fn free_direct(&self, block: NonNull<u8>) -> bool {
        // Of several that free it at the same time one is the first.
        let is_lane = |block| self.memory.entry(block).is_none_or(|entry| entry.lane() != 0);
        let Some(region) = (!is_lane(block)).then(|| self.memory.leave(block)).flatten() else {
            return false;
        };
        self.direct.fetch_sub(1, Ordering::Relaxed);
        self.direct_bytes.fetch_sub(region.span.len, Ordering::Relaxed);
        self.tell(Told::Spans, format_args!("span of {} bytes given back", region.span.len));
        self.give_span(region.span);
        true
    }

    /// How many bytes a live block has; `None` if none starts there.
    pub(super) fn usable_size(&self, block: NonNull<u8>) -> Option<usize> {
        let entry = self.memory.entry(block)?;
        if entry.lane() == 0 {
            let region = self.memory.region(block)?;
            return (region.span.start == block).then_some(region.span.len);
        }
        let shelf = self.shelves.get(entry.lane())?.0.lock();
        let number = self.memory.map().tag(entry);
        shelf.is_taken(number, block).then(|| lane::size(entry.lane()))
    }

    /// Gives slabs that no block is taken of back until no more than `keep` bytes of such
    /// are left; how many bytes went.
    pub(super) fn trim(&self, keep: usize) -> usize {
        let kept = |place: &Place| place.0.lock().counts.kept_bytes;
        let mut left: usize = self.shelves.iter().map(kept).sum();
        let mut gone = 0;
        for place in &self.shelves {
            while left > keep {
                let Some(span) = place.0.lock().excess(0) else { break };
                left = left.saturating_sub(span.len);
                gone += span.len;
                self.release(span);
            }
        }
        gone
    }

    /// Calls `call` with each lane that was ever used.
    pub(super) fn count(&self, mut call: impl FnMut(usize, &Counts)) {
        for (lane, place) in self.shelves.iter().enumerate() {
            let counts = place.0.lock().counts;
            if counts.made > 0 {
                call(lane, &counts);
            }
        }
    }

    /// What one lane has counted.
    pub(super) fn counts(&self, lane: usize) -> Counts {
        self.shelves.get(lane).map_or(Counts::default(), |place| place.0.lock().counts)
    }

    /// Tells something, if that was asked for.
    pub(super) fn tell(&self, what: Told, message: fmt::Arguments<'_>) {
        if self.settings.trace() >= what as u64 {
            log::tell(format_args!("pool {:?}: {message}", self.name));
        }
    }

    /// Makes a slab of a lane, whose lock nobody needs to hold meanwhile.
    fn grow(&self, lane: usize) -> Result<(), PoolError> {
        let size = lane::size(lane);
        let span = self.take_span(self.settings.slab(size), 1)?;
        let added = self.add(lane, span);
        match added {
            Ok(()) => self.tell(Told::Slabs, format_args!("slab of {size} byte blocks made")),
            Err(_) => self.give_span(span),
        }
        added
    }

    fn add(&self, lane: usize, span: Span) -> Result<(), PoolError> {
        let no_memory = || {
            PoolError::Provider(crate::provider::ProviderError::NoMemory {
                provider: self.name.clone(),
                requested: span.len / 128,
                code: libc::ENOMEM,
            })
        };
        let slab = Slab::new(span, lane::size(lane)).ok_or_else(no_memory)?;
        let place = self.shelves.get(lane).ok_or_else(no_memory)?;
        let mut shelf = place.0.lock();
        let number = shelf.add(slab).map_err(|_| no_memory())?;
        // Before the lock is given up, for then blocks are taken of it.
        if let Err(error) = self.memory.enter(span, lane, number) {
            shelf.withdraw(number);
            return Err(error.into());
        }
        Ok(())
    }

    /// Gives a slab that is on no shelf any more back.
    fn release(&self, span: Span) {
        self.tell(Told::Slabs, format_args!("slab of {} bytes given back", span.len));
        self.memory.leave(span.start);
        self.give_span(span);
    }

    fn take_span(&self, size: usize, align: usize) -> Result<Span, PoolError> {
        let page = self.settings.slab_align;
        let len = size.checked_next_multiple_of(page);
        let len = len.ok_or(PoolError::TooLarge { requested: size })?;
        if let Some(limit) = &self.limit
            && !limit.take(len)
        {
            return Err(PoolError::Limit { requested: len, limit: limit.most() });
        }
        let span = self.memory.take(len, align).inspect_err(|_| self.count_back(len))?;
        if let Some(limit) = &self.limit {
            // What the provider rounded up is taken as well.
            limit.add(span.len.saturating_sub(len));
        }
        Ok(span)
    }

    fn give_span(&self, span: Span) {
        // SAFETY: the span is one of the provider's, in which nobody has a block any more.
        if let Err(error) = unsafe { self.memory.give(span) } {
            self.tell(Told::Summary, format_args!("a span could not be given back: {error}"));
        }
        self.count_back(span.len);
    }

    fn count_back(&self, len: usize) {
        if let Some(limit) = &self.limit {
            limit.give(len);
        }
    }
}

// SAFETY: a block is taken of a slab while its bit says that it is free, under the lock of
// its shelf, and put back likewise; a slab goes when all of its blocks are back.
unsafe impl Lanes for Store {
    fn lane(&self, size: usize) -> usize {
        Layout::from_size_align(size, lane::GRAIN).map_or(0, |layout| self.settings.lane(layout))
    }

    fn room(&self, lane: usize) -> usize {
        self.settings.room(lane)
    }

    fn take(&self, lane: usize, to: &mut [*mut u8]) -> Result<usize, PoolError> {
        let Some(place) = self.shelves.get(lane) else {
            return Err(PoolError::TooLarge { requested: lane::LARGEST });
        };
        loop {
            let taken = place.0.lock().take(to);
            if taken > 0 {
                return Ok(taken);
            }
            self.grow(lane)?;
        }
    }

    unsafe fn put(&self, lane: usize, blocks: &[NonNull<u8>]) -> usize {
        let Some(place) = self.shelves.get(lane) else { return blocks.len() };
        let number = |block| {
            let entry = self.memory.entry(block).filter(|entry| entry.lane() == lane)?;
            // A region that is just leaving may have a number that is another slab's by
            // now, which does not have the block.
            Some(self.memory.map().tag(entry))
        };
        let mut shelf = place.0.lock();
        let refused = shelf.put(blocks, number);
        loop {
            let keep = self.settings.keep(lane, shelf.counts.in_use);
            let Some(span) = shelf.excess(keep) else { break };
            drop(shelf);
            self.release(span);
            shelf = place.0.lock();
        }
        refused
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.trim(0);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.name).finish_non_exhaustive()
    }
}
