//! What the callbacks of a library's pool take memory from.

use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{PoolError, Tracked};
use crate::provider::{Provider, ProviderError, Span};

thread_local! {
    /// Why a callback of the calling thread got nothing the last time, unless it got
    /// something since.
    static REFUSAL: RefCell<Option<ProviderError>> = const { RefCell::new(None) };

    /// Whether callbacks of the calling thread get nothing.
    static IS_CLOSED: Cell<bool> = const { Cell::new(false) };
}

/// A provider, as the callbacks of a library's pool see it.
#[derive(Debug)]
pub(super) struct Feed {
    memory: Tracked,
    held: AtomicUsize,
}

impl Feed {
    pub(super) fn new(memory: Tracked) -> Self {
        Self { memory, held: AtomicUsize::new(0) }
    }

    pub(super) fn memory(&self) -> &Tracked {
        &self.memory
    }

    /// Bytes that the library has.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// A span for the library; why there is none is noted for [`why`](Self::why).
    pub(super) fn take(&self, size: usize, align: usize) -> Option<Span> {
        if IS_CLOSED.try_with(Cell::get).unwrap_or(false) {
            return None;
        }
        let (span, refusal) = match self.memory.allocate(size, align) {
            Ok(span) => (Some(span), None),
            Err(error) => (None, Some(error)),
        };
        self.held.fetch_add(span.map_or(0, |span| span.len), Ordering::Relaxed);
        // A thread that is just ending has no place to note it any more.
        let _ = REFUSAL.try_with(|noted| noted.replace(refusal));
        span
    }

    /// Takes a span back; whether the provider did.
    ///
    /// # Safety
    ///
    /// As for [`Provider::free`].
    pub(super) unsafe fn give_back(&self, span: Span) -> bool {
        // SAFETY: passed on from the caller.
        let is_freed = unsafe { self.memory.free(span) }.is_ok();
        if is_freed {
            self.held.fetch_sub(span.len, Ordering::Relaxed);
        }
        is_freed
    }

    /// Calls `call`, during which the calling thread's callbacks get nothing.
    pub(super) fn while_closed<R>(call: impl FnOnce() -> R) -> R {
        IS_CLOSED.set(true);
        let done = call();
        IS_CLOSED.set(false);
        done
    }

    /// Why a callback got nothing in the call that the thread made last.
    pub(super) fn refusal(&self) -> Option<ProviderError> {
        REFUSAL.try_with(RefCell::take).ok().flatten()
    }

    /// Why the library has no block of `requested` bytes.
    #[cold]
    pub(super) fn why(&self, requested: usize) -> PoolError {
        PoolError::Provider(self.refusal().unwrap_or_else(|| ProviderError::NoMemory {
            provider: self.memory.name().to_owned(),
            requested,
            code: 0,
        }))
    }
}
