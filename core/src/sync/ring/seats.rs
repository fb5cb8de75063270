//! Short numbers for the processes that use a ring.
//!
//! A slot's word has no room for the name of a process, so each process takes a
//! *seat* in a table of the ring, once, and claims slots by the seat's number.
//! Threads of a process share a seat.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free |
//! | [`Owner::to_word`] | that process has the seat |
//! | the same, with a spare bit | it has it, and clears the claims of the dead one before |
//!
//! | transition | by |
//! |---|---|
//! | free → me | compare-exchange |
//! | dead → me, clearing | compare-exchange from the very word that was found dead |
//! | me, clearing → me | store, when no slot is claimed by the seat any more |
//!
//! A seat is not given up: it is taken from the dead when none is free. While it
//! is cleared its claims count as those of the dead. Who dies clearing is dead in
//! its turn.

use core::sync::atomic::Ordering;

use super::super::{AtomicInt, Atomics, Native};
use super::Blocked;
use super::slot_state::SEAT_BITS;
use crate::thread::{Liveness, Owner};

/// How many processes can use a ring at a time.
pub const SEATS: usize = 1 << SEAT_BITS;

const FREE: usize = 0;
const CLEARING: usize = Owner::SPARE_BITS & Owner::SPARE_BITS.wrapping_neg();

/// A seat's number, less than [`SEATS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat(pub(super) usize);

impl Seat {
    /// The number.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }
}

/// The protocol of the seats, over words that stand anywhere.
pub(super) struct Seats<'w, A: Atomics = Native> {
    words: &'w [A::Word],
}

impl<'w, A: Atomics> Seats<'w, A> {
    pub(super) const fn new(words: &'w [A::Word]) -> Self {
        Self { words }
    }

    /// The words in the order in which `me` looks at them.
    fn from(&self, me: usize) -> impl Iterator<Item = (Seat, &'w A::Word)> {
        let (words, count) = (self.words, self.words.len().min(SEATS));
        (0..count).filter_map(move |distance| {
            let number = me.wrapping_add(distance) % count;
            words.get(number).map(|word| (Seat(number), word))
        })
    }

    /// The seat of the process `me`.
    #[inline]
    pub(super) fn of(&self, me: Owner) -> Option<Seat> {
        let me = me.to_word();
        // Relaxed: the word is this process's own.
        self.from(me).find(|(_, word)| word.load(Ordering::Relaxed) == me).map(|(seat, _)| seat)
    }

    /// Takes a seat for `me`: a free one, or that of a dead process, whose claims
    /// `clear` undoes.
    ///
    /// # Errors
    ///
    /// [`Blocked::Crowded`] if all are those of living processes, and
    /// [`Blocked::Idle`] while another thread of this one clears a seat.
    #[cold]
    pub(super) fn take<L: Liveness + ?Sized>(
        &self,
        me: Owner,
        liveness: &L,
        clear: impl Fn(Seat),
    ) -> Result<Seat, Blocked> {
        let me = me.to_word();
        // All threads of a process look in the same order, so they meet at the same.
        let is_mine = |word| exchange::<A>(word, FREE, me).map_or_else(|seen| seen == me, |_| true);
        if let Some((seat, _)) = self.from(me).find(|(_, word)| is_mine(word)) {
            return Ok(seat);
        }
        let mut refusal = Blocked::Crowded;
        for (seat, word) in self.from(me) {
            let seen = word.load(Ordering::Acquire);
            if seen == me | CLEARING {
                refusal = Blocked::Idle;
            } else if !liveness.is_alive(owner(seen))
                && exchange::<A>(word, seen, me | CLEARING).is_ok()
            {
                clear(seat);
                // Release: whoever sees a claim by this seat from here on sees whose
                // it is.
                word.store(me, Ordering::Release);
                return Ok(seat);
            }
        }
        Err(refusal)
    }

    /// Whether nobody alive claims anything by this seat, of which a claim was
    /// seen.
    #[cold]
    pub(super) fn is_dead<L: Liveness + ?Sized>(&self, seat: usize, liveness: &L) -> bool {
        let seen = self.words.get(seat).map_or(FREE, |word| word.load(Ordering::Acquire));
        // A claim by nobody is damage: it would be waited for without end.
        seen == FREE || seen & CLEARING != 0 || !liveness.is_alive(owner(seen))
    }
}

fn owner(word: usize) -> Owner {
    Owner::from_word(word & !Owner::SPARE_BITS)
}

fn exchange<A: Atomics>(word: &A::Word, seen: usize, new: usize) -> Result<usize, usize> {
    // AcqRel: what was seen of a dead process is seen by who finds this one's seat.
    word.compare_exchange(seen, new, Ordering::AcqRel, Ordering::Relaxed)
}
