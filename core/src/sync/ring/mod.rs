//! A bounded ring of slots that survives those who push and pop.
//!
//! # What it guarantees
//!
//! - Each slot has one user at a time; a value that was put in is taken out once,
//!   in the order in which slots were claimed.
//! - Nobody waits for the dead. A slot that a dead process claimed is
//!   [struck out](Ring::strike_out): it counts as taken, and the value that was on
//!   its way into it or out of it is lost. The values in other slots are not.
//! - Those who push do not wait for each other, nor do those who pop. Who pops
//!   waits for the one who pushes at the head of the ring, if that is on its way.
//! - After the ring was closed nothing is put in that nobody is told of: who pops
//!   is told of the end when nothing can come any more, and marks the slot where it
//!   found the end.
//!
//! # Protocol
//!
//! That of Vyukov's bounded queue, with one difference. There a number is drawn
//! first, and the slot follows; who dies in between leaves a slot for which
//! everybody waits. Here the slot is claimed first, by name, and the number (`tail`,
//! `head`) follows; whoever finds a claimed slot there advances it.
//!
//! | step | slot | then |
//! |---|---|---|
//! | push | nothing, lap n → writing, me → value | tail, after the claim |
//! | pop | value, lap n → reading, me → nothing, lap n + 1 | head, after the claim |
//! | push of the only one who does | nothing, lap n → value | tail |
//! | pop of the only one who does | value, lap n → nothing, lap n + 1 | head |
//! | strike out | writing or reading, dead, lap n → nothing, lap n + 1 | |
//! | end | nothing → end | |
//!
//! A slot's lap never goes back, so no number is ahead of the claims: a slot that
//! is claimed at `tail` or `head` was claimed by somebody who found the same number.
//! Who pushes does not read `head`, and who pops does not read `tail`: the slots
//! tell whether the ring is full or empty.

mod own_end;
mod seats;
mod slot_state;
mod steps;

use core::fmt;
use core::sync::atomic::Ordering;

use self::seats::Seats;
pub use self::seats::{SEATS, Seat};
pub use self::slot_state::SlotWords;
use self::slot_state::{Holds, STATES, SlotState};
use super::{AtomicInt, Atomics, Native};
use crate::thread::{Liveness, Owner};

/// Where the state words of a ring's slots are.
pub trait Slots<A: Atomics> {
    /// The state of slot number `index`, which is less than the number of slots.
    fn state(&self, index: usize) -> &A::Word;
}

/// The words of a ring apart from its slots; all 0 at first.
#[derive(Debug)]
pub struct RingParts<'w, A: Atomics = Native> {
    /// Where the next value goes.
    pub tail: &'w A::Word,
    /// Where the next value comes from.
    pub head: &'w A::Word,
    /// Whether the ring was closed.
    pub closed: &'w A::Word,
    /// The seats: [`SEATS`] words at most.
    pub seats: &'w [A::Word],
}

/// The protocol of a ring, over words that stand anywhere.
pub struct Ring<'w, S, A: Atomics = Native> {
    slots: S,
    /// Binary logarithm of the number of slots.
    log: u32,
    tail: &'w A::Word,
    head: &'w A::Word,
    closed: &'w A::Word,
    seats: Seats<'w, A>,
}

/// A slot that the caller may use until it says that it is done.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "others wait for the slot"]
pub struct Place {
    position: usize,
    index: usize,
    /// The slot's word as it was seen; bits that nobody writes included.
    seen: usize,
}

impl Place {
    /// The slot's number.
    #[must_use]
    #[inline]
    pub const fn index(&self) -> usize {
        self.index
    }
}

/// Why there is no slot to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// The ring is full, or empty.
    Idle,
    /// Somebody is at work at the slot whose turn it is.
    Busy(Busy),
    /// The ring was closed, and for who pops: it is empty, and will be.
    Closed,
    /// [`SEATS`] other processes use the ring, which live.
    Crowded,
    /// The words contradict each other.
    Damaged,
}

/// A slot that somebody was seen to be at work at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    index: usize,
    seen: usize,
}

impl<'w, S: Slots<A>, A: Atomics> Ring<'w, S, A> {
    /// How the states of slots are made up, for code that is not Rust.
    pub const STATES: SlotWords = STATES;

    /// The largest binary logarithm of a number of slots.
    pub const MOST_LOG: u32 = usize::BITS / 2 + 8;

    /// The ring of 2 to the power of `log` slots, at least 2, that these are the
    /// words of.
    #[must_use]
    #[inline]
    pub fn new(slots: S, log: u32, parts: RingParts<'w, A>) -> Self {
        let RingParts { tail, head, closed, seats } = parts;
        let log = log.clamp(1, Self::MOST_LOG);
        Self { slots, log, tail, head, closed, seats: Seats::new(seats) }
    }

    /// How many values are in the ring or on their way; exact while nobody pushes
    /// or pops.
    #[must_use]
    pub fn len(&self) -> usize {
        let head = self.head.load(Ordering::Relaxed);
        let len = self.tail.load(Ordering::Relaxed).wrapping_sub(head);
        // The two were not read at once.
        if len > usize::MAX / 2 { 0 } else { len.min(1 << self.log) }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From here on nobody begins to push.
    pub fn close(&self) {
        // Release: who finds the end finds what the caller did before.
        self.closed.store(1, Ordering::Release);
    }

    /// Whether the ring was closed.
    #[must_use]
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire) != 0
    }

    /// The seat of the process `me`, which takes one if it has none.
    ///
    /// # Errors
    ///
    /// [`Blocked::Crowded`], and [`Blocked::Idle`] while another thread of the same
    /// process is about to have one.
    #[inline]
    pub fn seat<L: Liveness + ?Sized>(&self, me: Owner, liveness: &L) -> Result<Seat, Blocked> {
        match self.seats.of(me) {
            Some(seat) => Ok(seat),
            None => self.seats.take(me, liveness, |seat| self.clear(seat)),
        }
    }

    /// Claims a slot to put a value into; [`fill`](Self::fill) is to follow.
    ///
    /// # Errors
    ///
    /// There is none.
    #[inline]
    pub fn claim_room(&self, seat: Seat) -> Result<Place, Blocked> {
        loop {
            let place = self.room()?;
            if self.claim(&place, Holds::Writing(seat.0)) {
                self.advance(self.tail, place.position);
                return Ok(place);
            }
        }
    }

    /// The value is in its place.
    #[inline]
    pub fn fill(&self, place: Place) {
        let state = SlotState::new(self.lap(place.position), Holds::Value);
        // Release: pairs with the Acquire of who claims the value.
        self.state(&place).store(state.into_bits(), Ordering::Release);
    }

    /// Claims a slot to take the value out of it; [`free`](Self::free) is to follow.
    ///
    /// # Errors
    ///
    /// There is none.
    #[inline]
    pub fn claim_value(&self, seat: Seat) -> Result<Place, Blocked> {
        loop {
            let place = self.value()?;
            if self.claim(&place, Holds::Reading(seat.0)) {
                self.advance(self.head, place.position);
                return Ok(place);
            }
        }
    }

    /// The value is out of its place.
    #[inline]
    pub fn free(&self, place: Place) {
        let state = SlotState::new(self.next_lap(self.lap(place.position)), Holds::Nothing);
        // Release: pairs with the Acquire of who claims the room.
        self.state(&place).store(state.into_bits(), Ordering::Release);
    }

    /// Whether there is a value in slot number `index`, while nobody uses the ring.
    #[must_use]
    pub fn holds_value(&self, index: usize) -> bool {
        let bits = self.slots.state(index & self.mask()).load(Ordering::Acquire);
        SlotState::from_bits(bits).holds == Holds::Value
    }

    /// Whether the one who was seen at work has got on.
    #[must_use]
    #[inline]
    pub fn has_got_on(&self, busy: Busy) -> bool {
        self.slots.state(busy.index).load(Ordering::Relaxed) != busy.seen
    }

    /// Gives up on the one who was seen at work, if it is dead; whether to look at
    /// the ring again. Asks whether a process lives.
    #[cold]
    pub fn strike_out<L: Liveness + ?Sized>(&self, busy: Busy, liveness: &L) -> bool {
        let state = SlotState::from_bits(busy.seen);
        let dead = state.seat().is_some_and(|seat| self.seats.is_dead(seat, liveness));
        if dead {
            self.give_up(busy.index, busy.seen);
        }
        dead || self.has_got_on(busy)
    }

    /// Strikes out all that was claimed by a seat whose process is dead.
    fn clear(&self, seat: Seat) {
        for index in 0..=self.mask() {
            let seen = self.slots.state(index).load(Ordering::Acquire);
            if SlotState::from_bits(seen).seat() == Some(seat.0) {
                self.give_up(index, seen);
            }
        }
    }

    /// Ends the lap of a slot whose claim was `seen` to be a dead one's.
    fn give_up(&self, index: usize, seen: usize) {
        let lap = SlotState::from_bits(seen).lap;
        let next = SlotState::new(self.next_lap(lap), Holds::Nothing).into_bits();
        // Whoever was faster did the same: a claim is made once in a lap.
        let state = self.slots.state(index);
        let _ = state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed);
    }
}

impl<S: Slots<A>, A: Atomics> fmt::Debug for Ring<'_, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = if self.is_closed() { ", closed" } else { "" };
        write!(f, "Ring({} of {}{closed})", self.len(), 1_usize << self.log)
    }
}
