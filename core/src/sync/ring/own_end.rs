//! The ends of a ring that have one user: no claims, for there is nobody else.

use core::sync::atomic::Ordering;

use super::super::{AtomicInt, Atomics};
use super::slot_state::Holds;
use super::{Blocked, POSITIONS, Place, Ring, Slots};

impl<S: Slots<A>, A: Atomics> Ring<'_, S, A> {
    /// The slot to put the next value into, for the only one who pushes;
    /// [`fill_own`](Self::fill_own) is to follow, or nothing.
    ///
    /// # Errors
    ///
    /// There is none.
    #[inline]
    pub fn own_room(&self) -> Result<Place, Blocked> {
        self.room()
    }

    /// The value is in its place, unless the end of the ring was found there.
    ///
    /// # Errors
    ///
    /// The place, where no value is to come any more.
    #[inline]
    pub fn fill_own(&self, place: Place) -> Result<(), Place> {
        if !self.claim(&place, Holds::Nothing, Holds::Value) {
            return Err(place);
        }
        step(self.tail, &place);
        Ok(())
    }

    /// The slot to take the next value out of, for the only one who pops;
    /// [`free_own`](Self::free_own) is to follow, or nothing.
    ///
    /// # Errors
    ///
    /// There is none.
    #[inline]
    pub fn own_value(&self) -> Result<Place, Blocked> {
        self.value()
    }

    /// The value is out of its place.
    #[inline]
    pub fn free_own(&self, place: Place) {
        let next = Place { ..place };
        self.free(place);
        step(self.head, &next);
    }
}

/// Moves an end on, which is the caller's.
#[inline]
fn step<W: AtomicInt<Int = usize>>(end: &W, place: &Place) {
    let next = place.position.wrapping_add(1) & POSITIONS;
    // Release: pairs with the Acquire in `look`.
    end.store(next, Ordering::Release);
}
