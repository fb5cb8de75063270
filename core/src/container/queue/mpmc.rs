//! The queue that anybody uses.

use core::time::Duration;

use super::super::{ContainerError, ShmSafe};
use super::block::Block;
use super::ends::{Put, Shared, Take};
#[cfg(feature = "async")]
use super::future::{At, PopFuture, PushFuture};
use super::{PopError, PushError};

/// A bounded queue into which anybody pushes and from which anybody pops, in any
/// process.
///
/// What it promises, and what becomes of those who die, is told in [`queue`](super).
///
/// ```no_run
/// use anymem_core::container::{PopError, PushError, ShmMpmc};
///
/// fn hand_over(queue: &ShmMpmc<[u8; 32]>, message: [u8; 32]) -> bool {
///     match queue.try_push(message) {
///         Ok(()) => true,
///         Err(PushError::Full(message)) => queue.push(message).is_ok(),
///         Err(_) => false,
///     }
/// }
///
/// fn drain(queue: &ShmMpmc<[u8; 32]>) -> Result<(), PopError> {
///     while queue.try_pop_many(64, |message| println!("{message:?}"))? > 0 {}
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmMpmc<T: ShmSafe> {
    pub(super) block: Block<T>,
}

impl<T: ShmSafe> ShmMpmc<T> {
    /// Puts a value in, if there is room.
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back.
    #[inline]
    pub fn try_push(&self, value: T) -> Result<(), PushError<T>> {
        match self.block.open() {
            Ok(view) => Shared(view).try_push(value),
            Err(error) => Err(PushError::Heap(error, value)),
        }
    }

    /// Puts a value in, waiting for room.
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back. Never [`PushError::Full`].
    pub fn push(&self, value: T) -> Result<(), PushError<T>> {
        self.push_within(value, None)
    }

    /// Puts a value in, waiting for room for `most` at most.
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back.
    pub fn push_timeout(&self, value: T, most: Duration) -> Result<(), PushError<T>> {
        self.push_within(value, Some(most))
    }

    /// Puts a value in, once there is room, without keeping a thread; see
    /// [`queue`](super#futures).
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back. Never [`PushError::Full`].
    #[cfg(feature = "async")]
    pub const fn push_async(&self, value: T) -> PushFuture<'_, T> {
        PushFuture::new(At::Shared(&self.block), value)
    }

    /// Puts values in, one after the other, and announces them at once; how many.
    ///
    /// # Errors
    ///
    /// See [`PushError`]: the value that was not put in comes back. Those before it
    /// are in the queue, those after it in the iterator.
    pub fn try_push_many(&self, values: impl Iterator<Item = T>) -> Result<usize, PushError<T>> {
        let mut values = values;
        match self.block.open() {
            Ok(view) => Shared(view).try_push_many(values),
            Err(error) => values.next().map_or(Ok(0), |value| Err(PushError::Heap(error, value))),
        }
    }

    /// Takes the next value out, if there is one.
    ///
    /// # Errors
    ///
    /// See [`PopError`].
    #[inline]
    pub fn try_pop(&self) -> Result<T, PopError> {
        Shared(self.block.open()?).try_pop()
    }

    /// Takes the next value out, waiting for one.
    ///
    /// # Errors
    ///
    /// See [`PopError`]. Never [`PopError::Empty`].
    pub fn pop(&self) -> Result<T, PopError> {
        Shared(self.block.open()?).pop_within(None)
    }

    /// Takes the next value out, waiting for one for `most` at most.
    ///
    /// # Errors
    ///
    /// See [`PopError`].
    pub fn pop_timeout(&self, most: Duration) -> Result<T, PopError> {
        Shared(self.block.open()?).pop_within(Some(most))
    }

    /// Takes the next value out, once there is one, without keeping a thread; see
    /// [`queue`](super#futures).
    ///
    /// # Errors
    ///
    /// See [`PopError`]. Never [`PopError::Empty`].
    #[cfg(feature = "async")]
    pub const fn pop_async(&self) -> PopFuture<'_, T> {
        PopFuture::new(At::Shared(&self.block))
    }

    /// Takes up to `most` values out, as far as they are there, and gives them to
    /// `each`; how many, at least 1 where `most` is.
    ///
    /// # Errors
    ///
    /// See [`PopError`].
    pub fn try_pop_many(&self, most: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        Shared(self.block.open()?).try_pop_many(most, each)
    }

    fn push_within(&self, value: T, most: Option<Duration>) -> Result<(), PushError<T>> {
        match self.block.open() {
            Ok(view) => Shared(view).push_within(value, most),
            Err(error) => Err(PushError::Heap(error, value)),
        }
    }
}

super::traits::queue!(ShmMpmc);
