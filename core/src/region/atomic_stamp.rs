//! A stamp that others read while it changes.

use super::Stamp;
#[cfg(not(target_has_atomic = "64"))]
use crate::sync::atomic::AtomicU32;
#[cfg(target_has_atomic = "64")]
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;

/// A [`Stamp`] that one thread at a time stores and any may load, which see it whole.
#[derive(Debug, Default)]
#[cfg(target_has_atomic = "64")]
pub struct AtomicStamp(AtomicU64);

#[cfg(target_has_atomic = "64")]
impl AtomicStamp {
    /// The stamp.
    #[must_use]
    #[inline]
    pub fn load(&self) -> Stamp {
        let bits = self.0.load(Ordering::Relaxed);
        Stamp { origin: (bits >> 32) as u32, number: bits as u32 }
    }

    /// Replaces it.
    #[inline]
    pub fn store(&self, stamp: Stamp) {
        self.0.store(u64::from(stamp.origin) << 32 | u64::from(stamp.number), Ordering::Relaxed);
    }
}

/// A [`Stamp`] that one thread at a time stores and any may load, which see it whole.
///
/// Whoever looks while it changes sees nobody's.
#[derive(Debug, Default)]
#[cfg(not(target_has_atomic = "64"))]
pub struct AtomicStamp {
    origin: AtomicU32,
    number: AtomicU32,
}

#[cfg(not(target_has_atomic = "64"))]
impl AtomicStamp {
    /// The stamp.
    #[must_use]
    pub fn load(&self) -> Stamp {
        // Acquire: pairs with the Release in `store`; the origin is read again after all of it.
        let origin = self.origin.load(Ordering::Acquire);
        let number = self.number.load(Ordering::Acquire);
        let again = self.origin.load(Ordering::Relaxed);
        if origin == again { Stamp { origin, number } } else { Stamp::default() }
    }

    /// Replaces it.
    pub fn store(&self, stamp: Stamp) {
        self.origin.store(0, Ordering::Relaxed);
        // Release: pairs with the Acquire in `load`; who sees a new part sees that it changes.
        self.number.store(stamp.number, Ordering::Release);
        self.origin.store(stamp.origin, Ordering::Release);
    }
}
