//! How many blocks there are, counted by many threads.

use core::cell::Cell;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// Places to count in, so that few threads share one.
const PLACES: usize = 16;

/// How many blocks there are and how many bytes they have.
///
/// Each thread counts in one of a few places, so that threads seldom write to one line; a
/// place may be below zero where others free.
#[derive(Debug)]
pub(super) struct Tally {
    places: [Place; PLACES],
}

#[derive(Debug)]
#[repr(align(128))]
struct Place {
    bytes: AtomicIsize,
    blocks: AtomicIsize,
}

impl Place {
    const fn new() -> Self {
        Self { bytes: AtomicIsize::new(0), blocks: AtomicIsize::new(0) }
    }
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The calling thread's place; `PLACES` if it has none yet.
    static MINE: Cell<usize> = const { Cell::new(PLACES) };
}

impl Tally {
    pub(super) const fn new() -> Self {
        Self { places: [const { Place::new() }; PLACES] }
    }

    /// A block of `bytes` was handed out.
    pub(super) fn add(&self, bytes: usize) {
        self.count(bytes.cast_signed(), 1);
    }

    /// A block of `bytes` came back.
    pub(super) fn sub(&self, bytes: usize) {
        self.count(bytes.cast_signed().wrapping_neg(), -1);
    }

    fn count(&self, bytes: isize, blocks: isize) {
        let place = &self.places[thread_number() % PLACES];
        place.bytes.fetch_add(bytes, Ordering::Relaxed);
        place.blocks.fetch_add(blocks, Ordering::Relaxed);
    }

    /// The bytes and the blocks that are handed out.
    pub(super) fn sums(&self) -> (usize, usize) {
        let sum = |of: fn(&Place) -> &AtomicIsize| {
            let places = self.places.iter().map(|place| of(place).load(Ordering::Relaxed));
            usize::try_from(places.fold(0, isize::wrapping_add)).unwrap_or(0)
        };
        (sum(|place| &place.bytes), sum(|place| &place.blocks))
    }
}

/// A number of the calling thread's, which few others have.
pub(super) fn thread_number() -> usize {
    MINE.with(|mine| {
        if mine.get() == PLACES {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % PLACES);
        }
        mine.get()
    })
}
