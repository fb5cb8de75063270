//! Seats that are taken and left again, each under a name, while others look for names.
//!
//! # What it guarantees
//!
//! - Who looks for a name gets what the holder of a seat of that name wrote to it. He never
//!   gets what the holder of another name wrote, however often the seat changes hands while
//!   he looks.
//! - A seat that is held from before somebody looks until after is found.
//! - At most one seat of a name is held at a time, and of those who try to take one at the
//!   same time, one does.
//! - Looking and leaving take a bounded number of steps. Nobody waits for anybody, so that
//!   whoever stops for ever (as a thread does in a forked child) keeps one seat at most.
//!   Two who take seats of one name may turn each other away, and try again.
//!
//! Whether what a holder wrote may still be *used* after he left is between him and those
//! who look for him.
//!
//! # Protocol
//!
//! A seat's word has its phase, and the *turn*: how often it was claimed.
//!
//! | bits | meaning | next |
//! |---|---|---|
//! | all 0 | nobody ever had it | claimed, in the first turn |
//! | `000` | vacant | claimed, in the next turn |
//! | `010` | claimed: name and the rest are being written by the claimant | offered |
//! | `100` | offered to the claimant, who looks whether he is the only one | held, or vacant |
//! | `101` | held | vacant |
//! | others | the turn | |
//!
//! Looking goes through the seats in an order that the name tells, up to one that nobody ever
//! had, for the first vacant one is claimed. In each it reads the word, the name, what was
//! written, and the word again:
//!
//! - The word after says *held*: so nobody is turned away who was found.
//! - The word before says the same turn, and that all was written (*offered* or *held*). A
//!   claimant changes the word before he writes anything, so whoever read anything that a
//!   later one wrote sees the later turn. So all that was read is one turn's.
//!
//! Names alone would not do: between a look at the name and one at the rest the seat may be
//! left, be another's, and be left to one of the same name again. Nor would the rest: where
//! it is an address, that may be used again.
//!
//! Who takes a seat is offered it, and only then looks for others of the same name. Of two
//! such at least one sees the other. He gives way if the other holds his seat, and turns him
//! away if it is only offered, by the same word with which the other would get to hold it.
//! Claimants whose name cannot be read yet are no matter: they will look later.
//!
//! The turn wraps: who sleeps for just as many turns of one seat as an eighth of what a word
//! counts does not notice.

use core::fmt;
use core::ptr;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// In the word: the claimant has the seat.
const HELD: usize = 1;

/// In the word: the name and the rest are being written.
const CLAIMED: usize = 2;

/// In the word: the name and the rest are written.
const OFFERED: usize = 4;

const PHASE: usize = HELD | CLAIMED | OFFERED;

/// From one turn to the next.
const STEP: usize = PHASE + 1;

/// One seat; `NAME` words are a name, `T` is atomics that its holder writes.
pub struct Seat<T, const NAME: usize, A: Atomics = Native> {
    word: A::Word,
    name: [A::Word; NAME],
    held: T,
}

impl<T, const NAME: usize, A: Atomics> Seat<T, NAME, A> {
    /// A seat that nobody ever had, where `word` is 0; the others may be anything.
    #[must_use]
    pub const fn new(word: A::Word, name: [A::Word; NAME], held: T) -> Self {
        Self { word, name, held }
    }

    /// What `read` makes of what the holder wrote, if there is one of this name.
    ///
    /// While `read` runs the seat may change hands, so that it may only load; then its
    /// result is dropped.
    #[inline]
    pub fn look<R>(&self, name: [usize; NAME], read: impl FnOnce(&T) -> R) -> Option<R> {
        let ((read, other), change) = self.glance(|seat| (read(&seat.held), seat.differs(name)));
        (other | change == 0).then_some(read)
    }

    /// As [`look`](Self::look), whatever the name; `None` as well where `read` says so.
    pub fn peek<R>(&self, read: impl FnOnce(&T) -> Option<R>) -> Option<R> {
        let (read, change) = self.glance(|seat| read(&seat.held));
        read.filter(|_| change == 0)
    }

    /// What `read` makes of the seat, and 0 if all that was read is one holder's.
    #[inline]
    fn glance<R>(&self, read: impl FnOnce(&Self) -> R) -> (R, usize) {
        // Acquire: pairs with the Release in `offer`; publishes what was written.
        // Where it is not held by now, it must be afterwards.
        let held = self.word.load(Ordering::Acquire) | HELD;
        let read = read(self);
        // Acquire: pairs with the fence in `claim`; keeps what was read before the load.
        A::fence(Ordering::Acquire);
        (read, self.word.load(Ordering::Relaxed) ^ held)
    }

    /// Leaves the seat, if it is held and `is_mine` says so; whether it was left.
    ///
    /// `is_mine` is as for [`peek`](Self::peek).
    pub fn leave(&self, is_mine: impl FnOnce(&T) -> bool) -> bool {
        // Acquire: pairs with the Release in `offer`.
        let word = self.word.load(Ordering::Acquire);
        word & HELD != 0 && is_mine(&self.held) && self.vacate(word)
    }

    /// 0 if the seat has this name.
    #[inline]
    fn differs(&self, name: [usize; NAME]) -> usize {
        let words = self.name.iter().zip(name);
        words.fold(0, |other, (word, part)| other | (word.load(Ordering::Relaxed) ^ part))
    }

    /// Whether nobody ever had it.
    fn is_new(&self) -> bool {
        // Relaxed: whoever knows of a later seat that was taken knows of this one.
        self.word.load(Ordering::Relaxed) == 0
    }

    /// Claims the seat if it is vacant; the word in which it is offered.
    fn claim(&self) -> Option<usize> {
        let vacant = self.word.load(Ordering::Relaxed);
        if vacant & PHASE != 0 {
            return None;
        }
        // Never 0 again, with which looking ends.
        let turn = vacant.wrapping_add(STEP).max(STEP);
        // Acquire: pairs with the Release in `vacate`; what was written before is
        // overwritten.
        let order = Ordering::Acquire;
        self.word.compare_exchange(vacant, turn | CLAIMED, order, Ordering::Relaxed).ok()?;
        // Release: pairs with the fence in `glance`; who reads what is written next sees
        // this turn.
        A::fence(Ordering::Release);
        Some(turn | OFFERED)
    }

    /// Writes the name and the rest, for the claimant.
    fn offer(&self, offered: usize, name: [usize; NAME], write: impl FnOnce(&T)) {
        for (word, part) in self.name.iter().zip(name) {
            word.store(part, Ordering::Relaxed);
        }
        write(&self.held);
        // Release: pairs with the Acquire in `glance`; publishes what was written.
        self.word.store(offered, Ordering::Release);
    }

    /// Holds the seat that was offered; whether nobody turned the claimant away.
    fn hold(&self, offered: usize) -> bool {
        self.exchange(offered, offered | HELD)
    }

    /// Makes the seat vacant, if its word is still this one.
    fn vacate(&self, word: usize) -> bool {
        self.exchange(word, word & !PHASE)
    }

    fn exchange(&self, word: usize, new: usize) -> bool {
        // Release: pairs with the Acquire in `claim`, and in `glance`; the seat was read and
        // written before.
        self.word.compare_exchange(word, new, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    /// Whether somebody of this name holds the seat; turns away to whom it is offered.
    fn resists(&self, name: [usize; NAME]) -> bool {
        // Acquire: pairs with the Release in `offer`; publishes the name.
        let word = self.word.load(Ordering::Acquire);
        if word & OFFERED == 0 || self.differs(name) != 0 {
            return false;
        }
        let is_turned_away = word & HELD == 0 && self.vacate(word);
        !is_turned_away && self.look(name, |_| ()).is_some()
    }
}

impl<T, const NAME: usize, A: Atomics> fmt::Debug for Seat<T, NAME, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word.load(Ordering::Relaxed);
        write!(f, "Seat(phase {:03b}, turn {})", word & PHASE, word / STEP)
    }
}

/// Why no seat was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSeat {
    /// A seat of this name is held.
    NameTaken,
    /// None is vacant.
    Full,
}

/// Seats in the order in which a name is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Seats<I>(I);

impl<'s, I, T, const NAME: usize, A> Seats<I>
where
    I: Iterator<Item = &'s Seat<T, NAME, A>> + Clone,
    T: 's,
    A: Atomics,
{
    /// All seats there are, in the order that belongs to the name.
    #[must_use]
    pub const fn new(seats: I) -> Self {
        Self(seats)
    }

    /// What `read` makes of what the holder of this name wrote, as in [`Seat::look`].
    #[must_use]
    pub fn find<R>(&self, name: [usize; NAME], read: impl Fn(&T) -> R) -> Option<R> {
        self.used().find_map(|seat| seat.look(name, &read))
    }

    /// Takes a seat for this name, and has `write` fill it.
    ///
    /// # Errors
    ///
    /// The name has a seat, or all are taken.
    pub fn take(&self, name: [usize; NAME], write: impl Fn(&T)) -> Result<(), NoSeat> {
        loop {
            if self.find(name, |_| ()).is_some() {
                return Err(NoSeat::NameTaken);
            }
            let claimed = self.0.clone().find_map(|seat| Some((seat, seat.claim()?)));
            let Some((seat, offered)) = claimed else { return Err(NoSeat::Full) };
            seat.offer(offered, name, &write);
            // SeqCst: of two who are here, the later one sees the other's offer.
            A::fence(Ordering::SeqCst);
            let mut others = self.used().filter(|other| !ptr::eq(*other, seat));
            if others.any(|other| other.resists(name)) {
                seat.vacate(offered);
                return Err(NoSeat::NameTaken);
            }
            if seat.hold(offered) {
                return Ok(());
            }
        }
    }

    fn used(&self) -> impl Iterator<Item = I::Item> {
        self.0.clone().take_while(|seat| !seat.is_new())
    }
}
