//! What stands at the front of a stand-in's file.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | magic |
//! | 4..8 | how many descriptors go with the memory |
//! | 8..12 | whether the memory is about to go |
//! | 16..2064 | the note |
//! | 2064..3088 | the owner's numbers of the descriptors |
//! | 4096.. | for each lane, for each of the owner's offers, how often it is open |
//! | [`HEAD`].. | nothing: one byte for each byte of the memory |
//!
//! A process that opens blocks has a lane for itself, which is its own for as long as it
//! holds the lock on the lane's byte; the owner holds the one behind all lanes. The bytes lie
//! far behind the file's end. Pages that nobody wrote to take no memory.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::super::ledger::SLOTS;

/// The bytes in front of the memory's.
pub(in super::super) const HEAD: usize = RECORD + LANES * LANE;

/// Processes that can have blocks open at a time.
pub(super) const LANES: usize = 128;

/// Bytes of a note.
pub(super) const NOTE: usize = 2048;

/// Descriptors that can go with the memory.
pub(super) const DESCRIPTORS: usize = 256;

const RECORD: usize = 4096;
const LANE: usize = SLOTS * size_of::<u32>();
const NOTE_AT: usize = 16;
const DESCRIPTORS_AT: usize = NOTE_AT + NOTE;
const MAGIC: u32 = 0x7374_696f;

/// Where the bytes of the locks begin.
const LOCKS: i64 = 1 << 60;

/// The bytes whose locks say which lanes are taken.
pub(super) const ALL_LANES: Range<i64> = LOCKS..LOCKS + LANES as i64;

/// The byte whose lock says that the owner lives.
pub(super) const OWNER: Range<i64> = ALL_LANES.end..ALL_LANES.end + 1;

/// Where in the file a lane's counts are.
pub(super) fn counts_of(lane: usize) -> Range<u64> {
    let start = (RECORD + lane * LANE) as u64;
    start..start + LANE as u64
}

/// The front of a stand-in's file, mapped.
///
/// # Invariants
///
/// [`HEAD`] bytes are mapped at the address for as long as this is used, of a file that is
/// sealed against shrinking; all use them as atomics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head(NonNull<u8>);

impl Head {
    /// What is mapped at `base`.
    ///
    /// # Safety
    ///
    /// As the invariants say, and the base is that of a page.
    pub(super) unsafe fn new(base: NonNull<u8>) -> Self {
        Self(base)
    }

    /// Writes all that stands there, for a file that nobody else knows of yet.
    pub(super) fn begin(&self, note: &[u8; NOTE], descriptors: impl Iterator<Item = i32>) {
        let words = note.as_chunks::<8>().0;
        for (at, word) in words.iter().enumerate() {
            self.note_word(at).store(u64::from_ne_bytes(*word), Ordering::Relaxed);
        }
        let mut count = 0;
        for (index, number) in descriptors.take(DESCRIPTORS).enumerate() {
            self.number(index).store(number.cast_unsigned(), Ordering::Relaxed);
            count += 1;
        }
        self.word(4).store(count, Ordering::Relaxed);
        // Release: pairs with the Acquire in `is_one`.
        self.word(0).store(MAGIC, Ordering::Release);
    }

    /// Whether the file is a stand-in.
    pub(super) fn is_one(&self) -> bool {
        // Acquire: pairs with the Release in `begin`.
        self.word(0).load(Ordering::Acquire) == MAGIC
    }

    /// The owner's number of a descriptor that goes with the memory.
    pub(super) fn descriptor(&self, index: usize) -> Option<i32> {
        let count = self.word(4).load(Ordering::Relaxed) as usize;
        (index < count.min(DESCRIPTORS))
            .then(|| self.number(index).load(Ordering::Relaxed).cast_signed())
    }

    /// Asks all who keep the memory open without need to let go of it.
    pub(super) fn ask_to_close(&self) {
        self.word(8).store(1, Ordering::Relaxed);
    }

    /// Whether they were asked.
    #[inline]
    pub(super) fn is_closing(&self) -> bool {
        self.word(8).load(Ordering::Relaxed) != 0
    }

    /// What the owner says of the memory.
    pub(super) fn note(&self) -> [u8; NOTE] {
        let mut note = [0; NOTE];
        for (at, bytes) in note.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            *bytes = self.note_word(at).load(Ordering::Relaxed).to_ne_bytes();
        }
        note
    }

    /// How often the owner's offer `slot` is open in the process that has `lane`.
    #[inline]
    pub(super) fn count(&self, lane: usize, slot: u32) -> Option<&AtomicU32> {
        let is_there = lane < LANES && (slot as usize) < SLOTS;
        is_there.then(|| self.word(RECORD + lane * LANE + slot as usize * size_of::<u32>()))
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU32 {
        debug_assert!(at.is_multiple_of(4) && at < HEAD);
        // SAFETY: within the head, as all callers see to, which is mapped (type invariant).
        unsafe { self.0.add(at).cast::<AtomicU32>().as_ref() }
    }

    fn number(&self, index: usize) -> &AtomicU32 {
        self.word(DESCRIPTORS_AT + index * size_of::<u32>())
    }

    fn note_word(&self, at: usize) -> &AtomicU64 {
        debug_assert!(at < NOTE / 8);
        // SAFETY: as in `word`.
        unsafe { self.0.add(NOTE_AT).cast::<AtomicU64>().add(at).as_ref() }
    }
}
