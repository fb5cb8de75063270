//! How much of a device's memory is in use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::SimError;

/// Bytes of one device: how many there are, and how many are in use.
#[derive(Debug)]
pub(crate) struct Meter {
    total: usize,
    used: AtomicUsize,
}

impl Meter {
    pub(crate) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { total, used: AtomicUsize::new(0) })
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn free(&self) -> usize {
        self.total - self.used.load(Ordering::Relaxed)
    }

    /// Takes bytes for somebody who asked for `asked`, until the charge is dropped.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize, asked: usize) -> Result<Charge, SimError> {
        let fits = |used: usize| used.checked_add(bytes).filter(|&sum| sum <= self.total);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(Charge { meter: self.clone(), bytes }),
            Err(used) => {
                Err(SimError::OutOfMemory { asked, free: self.total - used, total: self.total })
            }
        }
    }
}

/// Bytes that somebody has.
#[derive(Debug)]
pub(crate) struct Charge {
    meter: Arc<Meter>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.meter.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
