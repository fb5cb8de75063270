//! The queue from which one thread pops.

use core::time::Duration;

use super::super::{ContainerError, ShmSafe};
use super::block::Block;
use super::ends::{Put, Shared};
#[cfg(feature = "async")]
use super::future::{At, PushFuture};
use super::own::Consumer;
use super::{EndError, PushError};

/// A bounded queue into which anybody pushes, in any process, and from which one
/// thread pops: the one that has its [`Consumer`].
///
/// What it promises, and what becomes of those who die, is told in [`queue`](super).
///
/// ```no_run
/// use anymem_core::container::{EndError, ShmMpsc};
///
/// fn log(lines: &ShmMpsc<[u8; 128]>) -> Result<(), EndError> {
///     let mut lines = lines.consumer()?;
///     while let Ok(line) = lines.pop() {
///         println!("{}", String::from_utf8_lossy(&line));
///     }
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmMpsc<T: ShmSafe> {
    pub(super) block: Block<T>,
}

impl<T: ShmSafe> ShmMpsc<T> {
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

    /// The end that values come out of, for the calling thread.
    ///
    /// # Errors
    ///
    /// [`EndError::Taken`] while a living process has it, this one included.
    pub fn consumer(&self) -> Result<Consumer<'_, T>, EndError> {
        Consumer::take(self.block.open()?)
    }

    fn push_within(&self, value: T, most: Option<Duration>) -> Result<(), PushError<T>> {
        match self.block.open() {
            Ok(view) => Shared(view).push_within(value, most),
            Err(error) => Err(PushError::Heap(error, value)),
        }
    }
}

super::traits::queue!(ShmMpsc);
