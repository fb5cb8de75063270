//! A bit for each of 64 pages, without 64-bit atomics.

use crate::sync::atomic::{AtomicU32, Ordering};

/// Bits of 64 pages, that threads change beside each other.
#[derive(Debug, Default)]
pub(super) struct AtomicBits([AtomicU32; 2]);

const fn halves(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

impl AtomicBits {
    #[inline]
    pub(super) fn load(&self) -> u64 {
        // Acquire: pairs with the Release in `set` and `clear`; who sees a bit sees what
        // came before it.
        let [low, high] = self.0.each_ref().map(|half| u64::from(half.load(Ordering::Acquire)));
        low | high << 32
    }

    /// Sets bits; those that are set already cost a load.
    #[inline]
    pub(super) fn set(&self, bits: u64) {
        for (half, bits) in self.0.iter().zip(halves(bits)) {
            if half.load(Ordering::Relaxed) & bits != bits {
                half.fetch_or(bits, Ordering::Release);
            }
        }
    }

    /// Clears bits; those that are clear already cost a load.
    #[inline]
    pub(super) fn clear(&self, bits: u64) {
        for (half, bits) in self.0.iter().zip(halves(bits)) {
            if half.load(Ordering::Relaxed) & bits != 0 {
                half.fetch_and(!bits, Ordering::Release);
            }
        }
    }
}
