//! Blocks in the order of streams.
//!
//! A block has its address, and its bytes of the device, from the call on. A stream gives it
//! back in its turn; until then it may be used, and after that it is an illegal address.

use super::{Device, Stream};
use crate::command::Command;
use crate::{Call, SimError};

impl Device<'_> {
    /// A block for what the stream is asked for next.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate), and [`SimError::NoSuch`] stream,
    /// [`SimError::Unsupported`].
    pub fn allocate_on(self, stream: Stream, bytes: usize) -> Result<u64, SimError> {
        self.enter(Call::AllocateOn)?;
        self.needs(self.machine.options.stream_ordered, "stream-ordered allocation")?;
        self.look_for(stream)?;
        self.block(bytes, true)
    }

    /// Gives a block back, after what the stream has been asked for.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if no block starts there, [`SimError::NoSuch`] stream,
    /// [`SimError::Unsupported`].
    pub fn free_on(self, stream: Stream, address: u64) -> Result<(), SimError> {
        self.enter(Call::FreeOn)?;
        self.needs(self.machine.options.stream_ordered, "stream-ordered allocation")?;
        if !self.has_block(address) {
            return Err(SimError::WrongAddress { address });
        }
        self.ask(stream, Command::Free { address }).map(drop)
    }
}
