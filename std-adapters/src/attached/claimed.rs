//! Which slots of a heap this process has claimed.

use core::sync::atomic::{AtomicU64, Ordering};

use anymem_core::segment::Config;

const WORDS: usize = Config::MOST_SLOTS.div_ceil(64);

/// A bit for each slot of a heap.
pub(super) struct Claimed {
    words: [AtomicU64; WORDS],
}

impl Claimed {
    pub(super) const fn new() -> Self {
        Self { words: [const { AtomicU64::new(0) }; WORDS] }
    }

    pub(super) fn add(&self, slot: u32) {
        if let Some(word) = self.words.get(slot as usize / 64) {
            word.fetch_or(1 << (slot % 64), Ordering::Relaxed);
        }
    }

    /// Takes the slot out; whether it was in, which is so for one caller only.
    pub(super) fn remove(&self, slot: u32) -> bool {
        let bit = 1 << (slot % 64);
        let word = self.words.get(slot as usize / 64);
        word.is_some_and(|word| word.fetch_and(!bit, Ordering::Relaxed) & bit != 0)
    }

    /// Some slot that is in.
    pub(super) fn any(&self) -> Option<u32> {
        self.words.iter().zip(0_u32..).find_map(|(word, index)| {
            let bits = word.load(Ordering::Relaxed);
            (bits != 0).then(|| index * 64 + bits.trailing_zeros())
        })
    }

    pub(super) fn clear(&self) {
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
    }
}
