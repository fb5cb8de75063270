//! A layer that cuts up what another provider gives, and keeps what is freed for the
//! next who asks.

mod carved;
mod carver;
mod free;
mod options;
mod stats;
mod strategy;

pub(super) use carved::Carved;
pub use free::FreeRanges;
pub use options::CoarseOptions;
pub use stats::CoarseStats;
pub use strategy::Strategy;

use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{MemoryKind, Provider, ProviderError, Share, Span, Usage, check};
use crate::control::{Knob, Value};

/// Cuts spans out of larger ones, its regions, that it asks another provider for.
///
/// A freed span becomes one with its free neighbours and stays for the next who asks, so
/// that most calls never reach the provider below, and so the system: with pages from
/// `mmap` that is some hundred nanoseconds instead of microseconds. Best fit over the
/// free ranges in O(log n). Nothing is written to the memory, which may be a device's.
///
/// What the provider below can do, this one can: purge, share with other processes,
/// fill. Spans do not read as zero, for they may have been used before.
///
/// When it is dropped, regions of which nothing is in use go back.
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::provider::{CoarseProvider, OsProvider, Provider};
/// let coarse = CoarseProvider::new(Arc::new(OsProvider::new()?));
/// let span = coarse.allocate(100_000, 4096)?;
/// assert_eq!(coarse.stats().reserved, 2 << 20);
/// // SAFETY: the span is not used afterwards.
/// unsafe { coarse.free(span) }?;
/// assert_eq!(coarse.stats().largest_free, 2 << 20);
/// assert_eq!(coarse.trim(0), 2 << 20);
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct CoarseProvider {
    carved: Carved,
    upstream: Arc<dyn Provider>,
    region: usize,
    keep: usize,
    /// Whether something that is free may have no memory behind it.
    purged: AtomicBool,
}

impl CoarseProvider {
    /// Cuts up memory of `upstream`, 2 MiB of it at a time.
    #[must_use]
    pub fn new(upstream: Arc<dyn Provider>) -> Self {
        let carved = Carved::new("coarse".into(), upstream.min_page_size(), Strategy::default());
        let purged = AtomicBool::new(false);
        Self { carved, upstream, region: 2 << 20, keep: usize::MAX, purged }
    }

    /// The provider below.
    #[must_use]
    pub fn upstream(&self) -> &Arc<dyn Provider> {
        &self.upstream
    }

    /// What it has counted.
    #[must_use]
    pub fn stats(&self) -> CoarseStats {
        self.carved.stats()
    }

    /// Gives regions of which nothing is in use back to the provider below, as long as
    /// `keep` bytes are free afterwards; how many bytes went.
    pub fn trim(&self, keep: usize) -> usize {
        let idle = self.carved.lock().take_idle(keep);
        // SAFETY: the regions came from there, and nothing of them is in use or can be
        // handed out any more.
        let goes = |region: &Span| unsafe { self.upstream.free(*region) }.is_ok();
        let (gone, stuck): (Vec<_>, Vec<_>) = idle.into_iter().partition(goes);
        for region in stuck {
            self.carved.lock().add(region);
        }
        gone.iter().map(|region| region.len).sum()
    }

    /// Gives the memory behind all that is free back, but keeps the addresses; how many
    /// bytes that went for. Nothing where the provider below cannot.
    pub fn purge(&self) -> usize {
        let free = self.carved.lock().free_spans();
        free.into_iter().filter(|span| self.purge_free(*span)).map(|span| span.len).sum()
    }

    fn purge_free(&self, span: Span) -> bool {
        if !self.carved.lock().take_out(span) {
            return false;
        }
        self.purged.store(true, Ordering::Relaxed);
        // SAFETY: the span is part of a region, and taken out, so nobody's.
        let purged = unsafe { self.upstream.purge_force(span) };
        self.carved.lock().put(span);
        purged.is_ok()
    }

    /// A span of a new region.
    fn grow(&self, len: usize, align: usize) -> Result<Span, ProviderError> {
        let wanted = len.max(self.region).checked_next_multiple_of(self.carved.page);
        let large = self.upstream.allocate(wanted.unwrap_or(len), align);
        let region = match large {
            Err(ProviderError::NoMemory { .. }) if wanted > Some(len) => {
                self.upstream.allocate(len, align)
            }
            result => result,
        }?;
        let span = self.carved.lock().add_and_take(region, len);
        let span = span.ok_or_else(|| check::failed(self.name(), "allocate", len, 0))?;
        self.carved.meter.add(len);
        Ok(span)
    }

    /// Puts memory behind a span that may have been purged.
    fn back(&self, span: Span) -> Result<Span, ProviderError> {
        if !self.purged.load(Ordering::Relaxed) {
            return Ok(span);
        }
        // SAFETY: the span is part of a region.
        let backed = unsafe { self.upstream.commit(span) };
        if backed.is_err() {
            self.carved.free(span)?;
        }
        backed.map(|()| span)
    }
}

// SAFETY: what is handed out is part of a region of the provider below, which keeps the
// contract, and no two spans overlap.
unsafe impl Provider for CoarseProvider {
    fn name(&self) -> &str {
        &self.carved.name
    }

    fn kind(&self) -> MemoryKind {
        self.upstream.kind()
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let (len, align) = self.carved.request(size, align)?;
        match self.carved.take(len, align) {
            Some(span) => self.back(span),
            None => self.grow(len, align),
        }
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.free(span)?;
        let idle = self.keep < usize::MAX && {
            let carver = self.carved.lock();
            carver.stats().free > self.keep && carver.idle_around(span.addr()).is_some()
        };
        if idle {
            self.trim(self.keep);
        }
        Ok(())
    }

    fn min_page_size(&self) -> usize {
        self.carved.page
    }

    fn recommended_page_size(&self, size: usize) -> usize {
        self.upstream.recommended_page_size(size).max(self.carved.page)
    }

    fn page_size_of(&self, at: NonNull<u8>) -> usize {
        self.upstream.page_size_of(at)
    }

    fn cache_line(&self) -> usize {
        self.upstream.cache_line()
    }

    fn touchable(&self) -> bool {
        self.upstream.touchable()
    }

    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.check(span)?;
        // SAFETY: passed on from the caller; the span is part of a region.
        unsafe { self.upstream.purge_lazy(span) }
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.check(span)?;
        self.purged.store(true, Ordering::Relaxed);
        // SAFETY: passed on from the caller; the span is part of a region.
        unsafe { self.upstream.purge_force(span) }
    }

    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.check(span)?;
        // SAFETY: passed on from the caller; the span is part of a region.
        unsafe { self.upstream.commit(span) }
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        self.carved.split(span, at)
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        self.carved.merge(low, high)
    }

    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.upstream.fill(to, byte, len) }
    }

    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.upstream.copy(from, to, len) }
    }

    fn usage(&self) -> Usage {
        self.carved.meter.usage()
    }

    fn reset_peak(&self) {
        self.carved.meter.reset_peak();
    }

    fn share(&self) -> Option<&dyn Share> {
        self.upstream.share()
    }

    fn knobs(&self) -> Vec<Knob<'_>> {
        vec![
            Knob::of("stats.reserved", || Value::Bytes(self.stats().reserved)),
            Knob::of("stats.free", || Value::Bytes(self.stats().free)),
            Knob::of("stats.largest_free", || Value::Bytes(self.stats().largest_free)),
            Knob::action("trim", || {
                self.trim(0);
                Ok(())
            }),
            Knob::action("purge", || {
                self.purge();
                Ok(())
            }),
        ]
    }
}

impl Drop for CoarseProvider {
    fn drop(&mut self) {
        self.trim(0);
    }
}
