//! The two ends of a queue: how values go in, and how they come out.

#[cfg(feature = "async")]
use core::task::{Context, Poll};
use core::time::Duration;

use super::block::{End, View};
use super::wait::Not;
use super::{EndError, PopError, PushError};
use crate::sync::ring::{Blocked, Seat};
#[cfg(feature = "async")]
use crate::thread::Watch;

/// An end that anybody uses: each claims a slot for itself.
pub(super) struct Shared<'q, T>(pub(super) View<'q, T>);

/// An end with one user.
pub(super) struct Own<'q, T> {
    pub(super) view: View<'q, T>,
    end: &'q End,
}

/// Where values go in.
pub(super) trait Put<T> {
    fn view(&self) -> &View<'_, T>;

    /// Puts the value in, if there is a place for it; else it stays.
    fn put(&self, value: &mut Option<T>) -> Result<(), Not>;

    #[inline]
    fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        let mut value = Some(value);
        let put = self.put(&mut value);
        finish(put.map(|()| self.view().announce(&self.view().front.tail, 1)), value)
    }

    fn push_within(&self, value: T, most: Option<Duration>) -> Result<(), PushError<T>> {
        let (view, mut value) = (self.view(), Some(value));
        let put = view.until(&view.front.head, most, || self.put(&mut value));
        finish(put.map(|()| view.announce(&view.front.tail, 1)), value)
    }

    #[cfg(feature = "async")]
    fn poll_push(
        &self,
        value: &mut Option<T>,
        watch: &mut Option<Watch>,
        cx: &Context<'_>,
    ) -> Poll<Result<(), Not>> {
        let view = self.view();
        let put = view.poll(&view.front.head, watch, cx, || self.put(value));
        put.map_ok(|()| view.announce(&view.front.tail, 1))
    }

    fn try_push_many(&self, values: impl Iterator<Item = T>) -> Result<usize, PushError<T>> {
        let view = self.view();
        let mut pushed = Announcement { view, end: &view.front.tail, count: 0 };
        for value in values {
            let mut value = Some(value);
            let put = self.put(&mut value);
            finish(put, value)?;
            pushed.count += 1;
        }
        Ok(pushed.count)
    }
}

/// Where values come out.
pub(super) trait Take<T> {
    fn view(&self) -> &View<'_, T>;

    fn take(&self) -> Result<T, Not>;

    #[inline]
    fn try_pop(&self) -> Result<T, PopError> {
        let value = self.take().map_err(Not::popped)?;
        self.view().announce(&self.view().front.head, 1);
        Ok(value)
    }

    fn pop_within(&self, most: Option<Duration>) -> Result<T, PopError> {
        let view = self.view();
        let taken = view.until(&view.front.tail, most, || self.take());
        let value = taken.map_err(Not::popped)?;
        view.announce(&view.front.head, 1);
        Ok(value)
    }

    #[cfg(feature = "async")]
    fn poll_pop(&self, watch: &mut Option<Watch>, cx: &Context<'_>) -> Poll<Result<T, Not>> {
        let view = self.view();
        let taken = view.poll(&view.front.tail, watch, cx, || self.take());
        taken.map_ok(|value| {
            view.announce(&view.front.head, 1);
            value
        })
    }

    fn try_pop_many(&self, most: usize, mut each: impl FnMut(T)) -> Result<usize, PopError> {
        let view = self.view();
        let mut popped = Announcement { view, end: &view.front.head, count: 0 };
        while popped.count < most {
            match self.take() {
                Ok(value) => {
                    popped.count += 1;
                    each(value);
                }
                Err(_) if popped.count > 0 => break,
                Err(error) => return Err(error.popped()),
            }
        }
        Ok(popped.count)
    }
}

impl<T> Shared<'_, T> {
    /// This process's seat.
    #[inline]
    pub(super) fn seat(&self) -> Result<Seat, Blocked> {
        let model = self.0.heap.model();
        self.0.ring().seat(model.owner(), model)
    }
}

impl<T> Put<T> for Shared<'_, T> {
    fn view(&self) -> &View<'_, T> {
        &self.0
    }

    #[inline]
    fn put(&self, value: &mut Option<T>) -> Result<(), Not> {
        let ring = self.0.ring();
        let place = self.0.claim(|| ring.claim_room(self.seat()?))?;
        match value.take() {
            Some(value) => {
                self.0.write(&place, value);
                ring.fill(place);
            }
            None => ring.free(place),
        }
        Ok(())
    }
}

impl<T> Take<T> for Shared<'_, T> {
    fn view(&self) -> &View<'_, T> {
        &self.0
    }

    #[inline]
    fn take(&self) -> Result<T, Not> {
        let ring = self.0.ring();
        let place = self.0.claim(|| ring.claim_value(self.seat()?))?;
        let value = self.0.read(&place);
        ring.free(place);
        Ok(value)
    }
}

impl<'q, T> Own<'q, T> {
    /// Takes an end that nobody alive has.
    pub(super) fn take(view: View<'q, T>, end: &'q End) -> Result<Self, EndError> {
        let (model, lock) = (view.heap.model(), end.user.robust());
        // What the one before left is in order, however far it got.
        match lock.try_acquire(model.owner(), model) {
            Some(_) => Ok(Self { view, end }),
            None => Err(EndError::Taken(lock.holder())),
        }
    }

    /// An error in a child that was forked from the process that has the end.
    #[inline]
    fn is_own(&self) -> Result<(), Not> {
        let me = self.view.heap.model().owner().to_word();
        let holder = self.end.user.robust().holder();
        if holder.is_some_and(|holder| holder.to_word() == me) {
            return Ok(());
        }
        Err(Not::Foreign)
    }
}

impl<T> Drop for Own<'_, T> {
    fn drop(&mut self) {
        if self.is_own().is_ok() {
            self.end.user.robust().release();
        }
    }
}

impl<T> Put<T> for Own<'_, T> {
    fn view(&self) -> &View<'_, T> {
        &self.view
    }

    #[inline]
    fn put(&self, value: &mut Option<T>) -> Result<(), Not> {
        self.is_own()?;
        let ring = self.view.ring();
        let place = self.view.claim(|| ring.own_room())?;
        let Some(moved) = value.take() else { return Ok(()) };
        self.view.write(&place, moved);
        ring.fill_own(place).map_err(|place| {
            *value = Some(self.view.read(&place));
            Not::Closed
        })
    }
}

impl<T> Take<T> for Own<'_, T> {
    fn view(&self) -> &View<'_, T> {
        &self.view
    }

    #[inline]
    fn take(&self) -> Result<T, Not> {
        self.is_own()?;
        let ring = self.view.ring();
        let place = self.view.claim(|| ring.own_value())?;
        let value = self.view.read(&place);
        ring.free_own(place);
        Ok(value)
    }
}

/// The outcome of a push, with the value where it was not put in.
#[inline]
pub(super) fn finish<T>(put: Result<(), Not>, value: Option<T>) -> Result<(), PushError<T>> {
    match (put, value) {
        (Err(not), Some(value)) => Err(not.pushed(value)),
        _ => Ok(()),
    }
}

/// Announces `count` values or places when it is dropped, also when a panic unwinds.
struct Announcement<'v, T> {
    view: &'v View<'v, T>,
    end: &'v End,
    count: usize,
}

impl<T> Drop for Announcement<'_, T> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.view.announce(self.end, self.count);
        }
    }
}
