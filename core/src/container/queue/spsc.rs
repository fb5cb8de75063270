//! The queue with one user at each end.

use super::super::{ContainerError, ShmSafe};
use super::EndError;
use super::block::Block;
use super::own::{Consumer, Producer};

/// A bounded queue into which one thread pushes and from which one pops, in
/// whatever process: those that have its [`Producer`] and its [`Consumer`].
///
/// What it promises, and what becomes of those who die, is told in [`queue`](super).
///
/// ```no_run
/// use anymem_core::container::{EndError, ShmSpsc};
///
/// fn echo(questions: &ShmSpsc<u64>, answers: &ShmSpsc<u64>) -> Result<(), EndError> {
///     let (mut questions, mut answers) = (questions.consumer()?, answers.producer()?);
///     while let Ok(question) = questions.pop() {
///         if answers.push(question + 1).is_err() {
///             break;
///         }
///     }
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmSpsc<T: ShmSafe> {
    pub(super) block: Block<T>,
}

impl<T: ShmSafe> ShmSpsc<T> {
    /// The end that values go in at, for the calling thread.
    ///
    /// # Errors
    ///
    /// [`EndError::Taken`] while a living process has it, this one included.
    pub fn producer(&self) -> Result<Producer<'_, T>, EndError> {
        Producer::take(self.block.open()?)
    }

    /// The end that values come out of, for the calling thread.
    ///
    /// # Errors
    ///
    /// [`EndError::Taken`] while a living process has it, this one included.
    pub fn consumer(&self) -> Result<Consumer<'_, T>, EndError> {
        Consumer::take(self.block.open()?)
    }
}

super::traits::queue!(ShmSpsc);
