//! Pushing by code that is not Rust, in the name of this process: a kernel on a device.

use super::super::words::RingWords;
use super::super::{ContainerError, ShmSafe};
use super::block::Block;
use super::ends::Shared;
use super::{PushError, ShmMpsc};

impl<T: ShmSafe> ShmMpsc<T> {
    /// Where its words are, for code that is not Rust.
    pub const WORDS: RingWords = Block::<T>::WORDS;

    /// The number by which slots are claimed for this process, for code that keeps to the
    /// [protocol](crate::sync::ring) itself.
    ///
    /// The process keeps it for as long as it lives. What it claimed is given up by the
    /// others when it is dead.
    ///
    /// # Errors
    ///
    /// [`PushError::Crowded`], [`PushError::Heap`]; [`PushError::Full`] while another thread
    /// of the process is about to have one.
    pub fn seat(&self) -> Result<usize, PushError<()>> {
        let view = self.block.open().map_err(|error| PushError::Heap(error, ()))?;
        let seat = view.claim(|| Shared(view).seat());
        seat.map(|seat| seat.number()).map_err(|not| not.pushed(()))
    }

    /// Wakes who sleeps until values come, where such code pushed some and could not.
    ///
    /// Who is not woken looks again within some hundredths of a second.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the queue is damaged.
    pub fn announce(&self) -> Result<(), ContainerError> {
        let view = self.block.open()?;
        view.announce(&view.front.tail, usize::MAX);
        Ok(())
    }
}
