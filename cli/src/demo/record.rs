//! What the segment knows of one file.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use anymem::container::ShmSafe;

use super::outcome::Outcome;

/// Who has a file, and what became of it.
#[derive(Debug, Default, ShmSafe)]
#[repr(C)]
pub(crate) struct Record {
    bytes: AtomicU64,
    words: AtomicU64,
    /// An [`Outcome`].
    outcome: AtomicU32,
}

impl Record {
    pub(crate) fn outcome(&self) -> Outcome {
        // Acquire: pairs with the Release in `settle`, for the sizes.
        Outcome::from_bits(self.outcome.load(Ordering::Acquire))
    }

    /// Takes the file for a seat; whether nobody had it.
    pub(crate) fn take(&self, seat: u32) -> bool {
        let [waiting, taken] = [Outcome::Waiting, Outcome::Taken { seat }].map(Outcome::into_bits);
        let swap = |from, to| {
            self.outcome.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
        };
        swap(waiting, taken).is_ok()
    }

    /// Notes that the file of `bytes` bytes with `words` words was counted.
    ///
    /// May be done again, by the successor of one who died in it.
    pub(crate) fn counted(&self, bytes: u64, words: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.words.store(words, Ordering::Relaxed);
        self.settle(Outcome::Counted);
    }

    /// Notes what became of the file.
    pub(crate) fn settle(&self, outcome: Outcome) {
        // Release: pairs with the Acquire in `outcome`.
        self.outcome.store(outcome.into_bits(), Ordering::Release);
    }

    /// Bytes of text, and words in it, of a file that was counted.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.words.load(Ordering::Relaxed))
    }
}
