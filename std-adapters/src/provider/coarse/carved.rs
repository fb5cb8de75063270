//! A carver that threads share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::carver::Carver;
use super::{CoarseStats, Strategy};
use crate::provider::{Meter, ProviderError, Span, check};

/// What [`FixedProvider`](crate::provider::FixedProvider) and
/// [`CoarseProvider`](super::CoarseProvider) have in common: a name, a page size, and
/// memory that is cut up under a lock.
#[derive(Debug)]
pub(in crate::provider) struct Carved {
    pub(in crate::provider) name: String,
    pub(in crate::provider) page: usize,
    pub(in crate::provider) meter: Meter,
    carver: Mutex<Carver>,
}

impl Carved {
    pub(in crate::provider) fn new(name: String, page: usize, strategy: Strategy) -> Self {
        let carver = Mutex::new(Carver::new(page, strategy));
        Self { name, page, meter: Meter::new(), carver }
    }

    pub(in crate::provider) fn lock(&self) -> MutexGuard<'_, Carver> {
        self.carver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request in pages: its size, and its alignment.
    pub(in crate::provider) fn request(
        &self,
        size: usize,
        align: usize,
    ) -> Result<(usize, usize), ProviderError> {
        check::request(&self.name, size, align, self.page)
    }

    /// Hands out a span if there is one.
    pub(in crate::provider) fn take(&self, len: usize, align: usize) -> Option<Span> {
        let span = self.lock().take(len, align)?;
        self.meter.add(len);
        Some(span)
    }

    /// Takes a span back.
    pub(in crate::provider) fn free(&self, span: Span) -> Result<(), ProviderError> {
        if !self.lock().give(span) {
            return Err(check::foreign(&self.name, span));
        }
        self.meter.sub(span.len);
        Ok(())
    }

    /// As [`Provider::split`](crate::provider::Provider::split).
    pub(in crate::provider) fn split(
        &self,
        span: Span,
        at: usize,
    ) -> Result<(Span, Span), ProviderError> {
        check::cut(span, at, self.page)?;
        self.lock().split(span, at).ok_or_else(|| check::foreign(&self.name, span))
    }

    /// As [`Provider::merge`](crate::provider::Provider::merge).
    pub(in crate::provider) fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let mut carver = self.lock();
        for span in [low, high] {
            if !carver.is_whole(span) {
                return Err(check::foreign(&self.name, span));
            }
        }
        carver.merge(low, high).ok_or(ProviderError::Apart { low, high })
    }

    /// Whether `span` is whole pages of one that is handed out.
    pub(in crate::provider) fn check(&self, span: Span) -> Result<(), ProviderError> {
        check::pages(span, self.page)?;
        let live = self.lock().is_live(span);
        if live { Ok(()) } else { Err(check::foreign(&self.name, span)) }
    }

    pub(in crate::provider) fn stats(&self) -> CoarseStats {
        self.lock().stats()
    }
}
