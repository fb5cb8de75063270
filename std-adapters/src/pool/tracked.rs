//! A provider whose spans are found by address.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use anymem_core::sync::owners::Entry;

use super::PoolError;
use super::last;
use super::lock::Lock;
use super::owners::{GRAIN, NotEntered, Number, OwnerMap, Region};
use crate::control::Knob;
use crate::ipc;
use crate::provider::{MemoryKind, Provider, ProviderError, Share, Span, Usage};

/// A provider whose spans are found by address: what a pool takes its memory from.
///
/// Every pool has one of its own. It passes everything on to the provider that it was made
/// of, and notes which spans are handed out: all of a process's in one map, in which
/// [`pool::of`](super::of) looks, or [for the pool alone](Self::untracked). Spans that are
/// split or merged are regions of their own, and one that lies in a block of another pool
/// hides it as long as it is there.
///
/// Cloning gives another handle of the same.
///
/// (Unified Memory Framework: the tracking provider.)
#[derive(Clone)]
pub struct Tracked {
    inner: Arc<Inner>,
    /// What freeing a block needs, close at hand: where the spans are noted, and the key
    /// of their pages.
    map: NonNull<OwnerMap>,
    key: usize,
}

// SAFETY: the map is the process's or in `inner`, and may be used from any thread.
unsafe impl Send for Tracked {}
// SAFETY: as for `Send`.
unsafe impl Sync for Tracked {}

struct Inner {
    provider: Arc<dyn Provider>,
    number: Number,
    /// How many regions there are.
    live: AtomicUsize,
    /// The pool's own map; else the spans are in the process's.
    own: Option<Box<OwnerMap>>,
}

/// Who has which number.
static ALL: Lock<Vec<Weak<Inner>>> = Lock::new(Vec::new());

impl Tracked {
    /// The spans of `provider`, for a pool whose blocks are found by address.
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] if there are too many pools.
    pub fn new(provider: Arc<dyn Provider>) -> Result<Self, PoolError> {
        Self::on(provider, None)
    }

    /// The spans of `provider`, for a pool that finds its own blocks, but whose blocks
    /// nobody else does. (`UMF_POOL_CREATE_FLAG_DISABLE_TRACKING`)
    ///
    /// # Errors
    ///
    /// [`PoolError::TooMany`] if there are too many pools, and
    /// [`PoolError::Provider`] if there is no memory.
    pub fn untracked(provider: Arc<dyn Provider>) -> Result<Self, PoolError> {
        let Some(own) = OwnerMap::private() else {
            return Err(no_memory(&*provider, GRAIN).into());
        };
        Self::on(provider, Some(Box::new(own)))
    }

    fn on(provider: Arc<dyn Provider>, own: Option<Box<OwnerMap>>) -> Result<Self, PoolError> {
        let number = Number::claim().ok_or(PoolError::TooMany { most: Entry::KEYS })?;
        let inner = Arc::new(Inner { provider, number, live: AtomicUsize::new(0), own });
        let mut all = ALL.lock();
        let index = inner.number.get();
        if all.len() <= index {
            all.resize(index + 1, Weak::new());
        }
        if let Some(place) = all.get_mut(index) {
            *place = Arc::downgrade(&inner);
        }
        Ok(Self::from_inner(inner))
    }

    fn from_inner(inner: Arc<Inner>) -> Self {
        let map = NonNull::from(inner.own.as_deref().unwrap_or_else(|| OwnerMap::global()));
        Self { key: inner.number.get(), map, inner }
    }

    /// Whose spans these are.
    #[must_use]
    pub fn upstream(&self) -> &Arc<dyn Provider> {
        &self.inner.provider
    }

    /// Whether the spans are in the process's map.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        self.inner.own.is_none()
    }

    /// The one with this number.
    pub(crate) fn of(number: usize) -> Option<Self> {
        Some(Self::from_inner(ALL.lock().get(number)?.upgrade()?))
    }

    /// What pages of this pool say in the map, and caches of its blocks.
    #[inline]
    pub(crate) fn key(&self) -> usize {
        self.key
    }

    /// Where the spans are noted.
    #[inline(always)]
    pub(crate) fn map(&self) -> &OwnerMap {
        // SAFETY: the process's map, or the one in `inner`, which does not move.
        unsafe { self.map.as_ref() }
    }

    /// What the page of an address says, if it is in a span of this pool that no other
    /// pool's hides.
    #[inline(always)]
    pub(crate) fn entry(&self, at: NonNull<u8>) -> Option<Entry> {
        let entry = self.map().entry(at);
        (entry.key() == self.key).then_some(entry)
    }

    /// The region of an address, if it is this pool's.
    pub(crate) fn region(&self, at: NonNull<u8>) -> Option<Region> {
        self.map().region(at).filter(|region| region.owner == self.key())
    }

    /// Takes a span of the provider that nobody finds by address yet.
    pub(crate) fn take(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let bad_size = ProviderError::BadSize { requested: size };
        let rounded = size.checked_next_multiple_of(GRAIN).ok_or(bad_size);
        self.noted(rounded.and_then(|size| self.inner.provider.allocate(size, align.max(GRAIN))))
    }

    /// Lets a span that was taken be found, as blocks of `lane`.
    pub(crate) fn enter(&self, span: Span, lane: usize, tag: usize) -> Result<(), ProviderError> {
        let entered = self.map().enter(span, &self.inner.number, lane, tag);
        self.inner.live.fetch_add(usize::from(entered.is_ok()), Ordering::Relaxed);
        self.noted(entered.map_err(|why| match why {
            NotEntered::NoMemory => no_memory(&*self.inner.provider, span.len),
            NotEntered::NoPages | NotEntered::Straddles => self.foreign(span),
        }))
    }

    /// Lets the span that starts at an address be found no more; `None` if there is none.
    pub(crate) fn leave(&self, start: NonNull<u8>) -> Option<Region> {
        let left = self.map().leave(start, &self.inner.number);
        self.inner.live.fetch_sub(usize::from(left.is_some()), Ordering::Relaxed);
        left
    }

    /// Gives a span that nobody finds any more back to the provider.
    ///
    /// # Safety
    ///
    /// As for [`Provider::free`].
    pub(crate) unsafe fn give(&self, span: Span) -> Result<(), ProviderError> {
        // Other processes are not to open what will be somebody else's.
        if let Some(share) = self.share().filter(|_| ipc::offered() > 0) {
            let _ = ipc::withdraw(share, span);
        }
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.inner.provider.free(span) })
    }

    /// Notes that a part of a span is cut into the blocks of `lane`: what
    /// [`entry`](Self::entry) says of its pages from then on.
    pub(crate) fn note(&self, part: Span, lane: usize) {
        self.map().note(part, &self.inner.number, lane);
    }

    fn noted<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        result.inspect_err(|error| last::note_provider(&*self.inner.provider, error))
    }

    fn foreign(&self, span: Span) -> ProviderError {
        ProviderError::Foreign { provider: self.name().to_owned(), span }
    }
}

fn no_memory(provider: &dyn Provider, requested: usize) -> ProviderError {
    let provider = provider.name().to_owned();
    ProviderError::NoMemory { provider, requested, code: libc::ENOMEM }
}

// SAFETY: the spans are those of the provider, whose contract is the same; rounding up
// gives more than was asked for.
unsafe impl Provider for Tracked {
    fn name(&self) -> &str {
        self.inner.provider.name()
    }

    fn kind(&self) -> MemoryKind {
        self.inner.provider.kind()
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let span = self.take(size, align)?;
        if let Err(error) = self.enter(span, 0, 0) {
            // SAFETY: the span was just taken, and nobody has heard of it.
            unsafe { self.give(span) }?;
            return Err(error);
        }
        Ok(span)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        // First, for somebody else may be given the addresses as soon as they are free.
        let Some(region) = self.leave(span.start) else {
            return self.noted(Err(self.foreign(span)));
        };
        // SAFETY: passed on from the caller.
        let freed = unsafe { self.give(span) };
        if freed.is_err() {
            // Its table is there already.
            let _ = self.enter(region.span, 0, region.tag);
        }
        freed
    }

    fn min_page_size(&self) -> usize {
        self.inner.provider.min_page_size().max(GRAIN)
    }

    fn recommended_page_size(&self, size: usize) -> usize {
        self.inner.provider.recommended_page_size(size).max(GRAIN)
    }

    fn page_size_of(&self, at: NonNull<u8>) -> usize {
        self.inner.provider.page_size_of(at)
    }

    fn device(&self) -> Option<u32> {
        self.inner.provider.device()
    }

    fn cache_line(&self) -> usize {
        self.inner.provider.cache_line()
    }

    fn zeroed(&self) -> bool {
        self.inner.provider.zeroed()
    }

    fn touchable(&self) -> bool {
        self.inner.provider.touchable()
    }

    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.inner.provider.purge_lazy(span) })
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.inner.provider.purge_force(span) })
    }

    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.inner.provider.commit(span) })
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        let page = self.min_page_size();
        let parts = span.cut(at).filter(|_| at.is_multiple_of(page));
        let bad_cut = ProviderError::BadCut { len: span.len, at, page };
        let (low, high) = self.noted(parts.ok_or(bad_cut))?;
        let ready = self.map().prepare([low, high]);
        let ready = self.noted(ready.ok_or_else(|| no_memory(self, GRAIN)))?;
        // SAFETY: passed on from the caller.
        match self.noted(unsafe { self.inner.provider.split(span, at) }) {
            Ok((low, high)) => {
                self.map().replace(ready, &self.inner.number, [span], [low, high]);
                self.inner.live.fetch_add(1, Ordering::Relaxed);
                Ok((low, high))
            }
            Err(error) => {
                self.map().forget(ready);
                Err(error)
            }
        }
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let ready = self.map().prepare([low, high]);
        let ready = self.noted(ready.ok_or_else(|| no_memory(self, GRAIN)))?;
        // SAFETY: passed on from the caller.
        match self.noted(unsafe { self.inner.provider.merge(low, high) }) {
            Ok(whole) => {
                self.map().replace(ready, &self.inner.number, [low, high], [whole]);
                self.inner.live.fetch_sub(1, Ordering::Relaxed);
                Ok(whole)
            }
            Err(error) => {
                self.map().forget(ready);
                Err(error)
            }
        }
    }

    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.inner.provider.fill(to, byte, len) })
    }

    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        self.noted(unsafe { self.inner.provider.copy(from, to, len) })
    }

    fn usage(&self) -> Usage {
        self.inner.provider.usage()
    }

    fn reset_peak(&self) {
        self.inner.provider.reset_peak();
    }

    fn share(&self) -> Option<&dyn Share> {
        self.inner.provider.share()
    }

    fn knobs(&self) -> Vec<Knob<'_>> {
        self.inner.provider.knobs()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // What is still handed out stays with whoever has it, but is no pool's any more.
        if self.own.is_none() && *self.live.get_mut() > 0 {
            OwnerMap::global().leave_all(&self.number);
        }
    }
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracked").field(&self.inner.provider).finish()
    }
}
