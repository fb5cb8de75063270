//! How much a provider has handed out.

use core::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are handed out, and the most that ever were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes that are handed out now.
    pub current: usize,
    /// The most bytes there were at a time, since the peak was reset last.
    pub peak: usize,
}

/// Counts bytes, for who implements a [`Provider`](super::Provider).
#[derive(Debug, Default)]
pub struct Meter {
    current: AtomicUsize,
    peak: AtomicUsize,
}

impl Meter {
    /// Nothing is handed out.
    #[must_use]
    pub const fn new() -> Self {
        Self { current: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// `bytes` more are handed out.
    pub fn add(&self, bytes: usize) {
        let now = self.current.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    /// `bytes` came back.
    pub fn sub(&self, bytes: usize) {
        self.current.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What it has counted.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let current = self.current.load(Ordering::Relaxed);
        Usage { current, peak: self.peak.load(Ordering::Relaxed).max(current) }
    }

    /// Lets the most that there were be what there is.
    pub fn reset_peak(&self) {
        self.peak.store(self.current.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
