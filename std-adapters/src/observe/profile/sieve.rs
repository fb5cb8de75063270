//! Which blocks are surely not sampled, so that freeing them needs no lock.
//!
//! Each entry counts the sampled blocks whose addresses lead to it. Whoever
//! frees a block has learned of it after it was counted, so that all orders may
//! be relaxed.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

/// Binary logarithm of the number of entries.
const BITS: u32 = 16;

/// Made with the first sampled block: where the profile is made, there may be
/// no memory yet.
#[derive(Debug)]
pub(super) struct Sieve(OnceLock<Box<[AtomicU32]>>);

impl Sieve {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Whether it takes a closer look to tell if `block` is sampled.
    pub(super) fn may_have(&self, block: NonNull<u8>) -> bool {
        self.0.get().is_some_and(|counts| counts[entry(block)].load(Ordering::Relaxed) > 0)
    }

    pub(super) fn add(&self, block: NonNull<u8>) {
        let counts = self.0.get_or_init(|| (0..1 << BITS).map(|_| AtomicU32::new(0)).collect());
        counts[entry(block)].fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back one [`add`](Self::add).
    pub(super) fn remove(&self, block: NonNull<u8>) {
        if let Some(counts) = self.0.get() {
            counts[entry(block)].fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// By multiplication with the golden ratio (D. Knuth, *The Art of Computer
/// Programming*, 6.4).
fn entry(block: NonNull<u8>) -> usize {
    let hash = (block.addr().get() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - BITS)) as usize
}
