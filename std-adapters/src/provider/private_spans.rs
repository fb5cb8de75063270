//! Pages of this process alone.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::live::Live;
use super::mapper::Mapper;
use super::{Meter, Provider, ProviderError, Span, Usage, check};
use crate::sys::{errno, map};

/// Private anonymous pages: each span is a mapping of its own.
#[derive(Debug)]
pub(super) struct PrivateSpans {
    mapper: Mapper,
    live: Mutex<Live>,
    meter: Meter,
}

impl PrivateSpans {
    pub(super) fn new(mapper: Mapper) -> Self {
        Self { mapper, live: Mutex::default(), meter: Meter::new() }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn foreign(&self, span: Span) -> ProviderError {
        check::foreign(&self.mapper.name, span)
    }

    /// Whether `span` is whole pages of one that is handed out.
    fn check(&self, span: Span) -> Result<(), ProviderError> {
        check::pages(span, self.mapper.page)?;
        let known = self.live().offset_of(span).is_some();
        if known { Ok(()) } else { Err(self.foreign(span)) }
    }
}

// SAFETY: each span is a mapping that only `free` takes away; fresh private pages read as
// zero.
unsafe impl Provider for PrivateSpans {
    fn name(&self) -> &str {
        &self.mapper.name
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let (len, align) = self.mapper.request(size, align)?;
        let span = self.mapper.map(len, align, -1, 0)?;
        if let Err(error) = self.mapper.settle(span) {
            // SAFETY: the span was just mapped, and nobody else knows of it.
            let _ = unsafe { self.mapper.unmap(span) };
            return Err(error);
        }
        self.live().insert(span, span.addr());
        self.meter.add(len);
        Ok(span)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        let at = self.live().remove(span).ok_or_else(|| self.foreign(span))?;
        // SAFETY: it was handed out (just seen), and the caller does not use it any more.
        let unmapped = unsafe { self.mapper.unmap(span) };
        match unmapped {
            Ok(()) => self.meter.sub(span.len),
            Err(_) => self.live().insert(span, at),
        }
        unmapped
    }

    fn min_page_size(&self) -> usize {
        self.mapper.page
    }

    fn recommended_page_size(&self, size: usize) -> usize {
        self.mapper.recommended_page_size(size)
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn touchable(&self) -> bool {
        self.mapper.touchable()
    }

    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        self.check(span)?;
        // SAFETY: the span is private pages (just seen), whose contents the caller does
        // not need.
        match unsafe { libc::madvise(span.start.as_ptr().cast(), span.len, libc::MADV_FREE) } {
            // Pages that are huge or locked cannot go by and by.
            -1 if errno() == libc::EINVAL => Err(self.unsupported("purge_lazy")),
            result => self.mapper.check("madvise(MADV_FREE)", span, result),
        }
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        self.check(span)?;
        // SAFETY: as for `purge_lazy`.
        let purged = unsafe {
            if self.mapper.lock {
                // Locked pages are not discarded but by this, which leaves the lock.
                let start = span.start.as_ptr().cast();
                libc::madvise(start, span.len, libc::MADV_DONTNEED_LOCKED) == 0
            } else {
                map::discard(span.start, span.len)
            }
        };
        self.mapper.check("madvise(MADV_DONTNEED)", span, if purged { 0 } else { -1 })
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        check::cut(span, at, self.mapper.page)?;
        self.live().split(span, at).ok_or_else(|| self.foreign(span))
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let mut live = self.live();
        for span in [low, high] {
            live.exactly(span).ok_or_else(|| self.foreign(span))?;
        }
        live.merge(low, high).ok_or(ProviderError::Apart { low, high })
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }
}
