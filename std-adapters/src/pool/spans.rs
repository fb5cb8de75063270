//! The spans that a pool has of its provider.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::provider::Span;

/// The spans that a pool has, by where they start.
///
/// Its lock is held for a look-up at a time, and never while the provider is called.
#[derive(Debug, Default)]
pub(super) struct SpanMap {
    spans: Mutex<Spans>,
}

#[derive(Debug, Default)]
struct Spans {
    by_start: BTreeMap<NonZeroUsize, Span>,
    bytes: usize,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// How many spans.
    pub(super) spans: usize,
    /// The bytes of all of them.
    pub(super) bytes: usize,
}

impl SpanMap {
    fn lock(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `span` is the pool's from here on.
    pub(super) fn insert(&self, span: Span) {
        let mut spans = self.lock();
        spans.bytes += span.len;
        spans.by_start.insert(span.start.addr(), span);
    }

    /// Takes out the span that starts at `start`; `None` if there is none.
    pub(super) fn remove(&self, start: NonNull<u8>) -> Option<Span> {
        let mut spans = self.lock();
        let span = spans.by_start.remove(&start.addr())?;
        spans.bytes -= span.len;
        Some(span)
    }

    /// The span that starts at `start`.
    pub(super) fn get(&self, start: NonNull<u8>) -> Option<Span> {
        self.lock().by_start.get(&start.addr()).copied()
    }

    /// How much there is.
    pub(super) fn held(&self) -> Held {
        let spans = self.lock();
        Held { spans: spans.by_start.len(), bytes: spans.bytes }
    }

    /// Takes all spans out and gives them to `take`.
    pub(super) fn drain(&mut self, mut take: impl FnMut(Span)) {
        let spans = self.spans.get_mut().unwrap_or_else(PoisonError::into_inner);
        spans.bytes = 0;
        while let Some((_, span)) = spans.by_start.pop_first() {
            take(span);
        }
    }
}
