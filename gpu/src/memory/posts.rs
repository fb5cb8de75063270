//! Copies that go on while others are asked for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::scope::finish;
use crate::{GpuError, Stream};

/// A stream, and how often what it was asked for has failed.
#[derive(Debug)]
pub(super) struct Posts {
    stream: Stream,
    failures: AtomicU32,
    /// Held while the stream is waited for: who comes second must find the first one's failure
    /// counted.
    flushing: Mutex<()>,
}

impl Posts {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, failures: AtomicU32::new(0), flushing: Mutex::new(()) }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Waits until nothing is under way any more.
    pub(super) fn flush(&self) -> Result<(), GpuError> {
        let _first = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        finish(&self.stream).inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }
}
