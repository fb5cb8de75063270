//! Two rooms, of which one at most has somebody in it.
//!
//! Room synchronization, as Blelloch, Cheng and Gibbons describe it (2001), for two rooms of
//! which one goes before the other.
//!
//! # What it guarantees
//!
//! - Any number of threads are in a room at the same time, as long as the other is empty.
//! - Whoever enters a room sees all that was done in the other before it became empty.
//! - Nobody enters the minor room while somebody is in the major one or waits for it, so that
//!   those who wait for that one wait only for who was in the minor room when they came.
//!
//! # Protocol
//!
//! The word counts who is in the minor room, and 65 536 times who is in the major room or
//! waits for it. Who enters the minor room counts himself once nobody is counted for the
//! major one. Who enters the major room counts himself at once, and waits for the minor room
//! to be empty.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Whose visitors wait for those who are in the other one, and those who wait for it.
    Minor,
    /// Whose visitors wait for those who are in the other one.
    Major,
}

/// One visitor of the major room.
const MAJOR: u32 = 1 << 16;
const MINORS: u32 = MAJOR - 1;

impl Room {
    const fn one(self) -> u32 {
        match self {
            Self::Minor => 1,
            Self::Major => MAJOR,
        }
    }

    /// Whether one more may be counted where the word is this.
    const fn admits(self, word: u32) -> bool {
        match self {
            Self::Minor => word < MINORS,
            Self::Major => word <= u32::MAX - MAJOR,
        }
    }
}

/// The protocol, over a word that stands anywhere and begins with 0.
pub struct Rooms<'w, A: Atomics = Native> {
    word: &'w A::U32,
    pause: fn(),
}

impl<'w, A: Atomics> Rooms<'w, A> {
    /// The rooms whose visitors are counted in `word`; who waits calls `pause` between two
    /// looks.
    #[must_use]
    pub const fn new(word: &'w A::U32, pause: fn()) -> Self {
        Self { word, pause }
    }

    /// Enters a room, which the calling thread is in neither of.
    ///
    /// A thread that is in the major room already may enter it once more, for it is counted.
    pub fn enter(&self, room: Room) {
        self.enter_unless(room, || false);
    }

    /// Enters a room as [`enter`](Self::enter) does, unless `give_up`, which is asked between
    /// two looks, says so first; whether it entered.
    pub fn enter_unless(&self, room: Room, mut give_up: impl FnMut() -> bool) -> bool {
        self.count(room, &mut give_up) && (room == Room::Minor || self.await_minors(&mut give_up))
    }

    /// Counts a visitor once the room admits one.
    fn count(&self, room: Room, give_up: &mut impl FnMut() -> bool) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if !room.admits(word) {
                if give_up() {
                    return false;
                }
                (self.pause)();
                word = self.word.load(Ordering::Relaxed);
                continue;
            }
            let counted = word + room.one();
            // Acquire: pairs with the Release in `leave`.
            let order = Ordering::Acquire;
            match self.word.compare_exchange(word, counted, order, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(found) => word = found,
            }
        }
    }

    /// Waits in front of the major room, and leaves that where it is not worth it any more.
    fn await_minors(&self, give_up: &mut impl FnMut() -> bool) -> bool {
        // Acquire: pairs with the Release in `leave`.
        while self.word.load(Ordering::Acquire) & MINORS != 0 {
            if give_up() {
                self.leave(Room::Major);
                return false;
            }
            (self.pause)();
        }
        true
    }

    /// Leaves a room, for who is in it.
    pub fn leave(&self, room: Room) {
        // Release: pairs with the Acquire in `enter` and `await_minors`; publishes what was
        // done in the room.
        self.word.fetch_add(room.one().wrapping_neg(), Ordering::Release);
    }
}

impl<A: Atomics> fmt::Debug for Rooms<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Ordering::Relaxed);
        write!(f, "Rooms({} minor, {} major)", word & MINORS, word / MAJOR)
    }
}
