//! What is known of an address, or a stream, whoever's it is.

use std::ptr::NonNull;

use super::{Device, Machine, Stream};
use crate::space::Kind;
use crate::{Call, SimError};

/// Whose memory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A device's, and no processor can touch it.
    Device(u32),
    /// The processor's, which the device sees too: pinned or registered.
    Host,
    /// Of both.
    Managed,
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Whose memory it is.
    pub owner: Owner,
    /// The first address of the block, on the device.
    pub start: u64,
    /// Bytes of the block.
    pub bytes: usize,
    /// Where the block starts for the processor, if it can touch it.
    pub host: Option<NonNull<u8>>,
    /// The address on the device of what was asked for.
    pub address: u64,
}

impl Device<'_> {
    /// What is known of an address, as [`Machine::about`] says.
    ///
    /// # Errors
    ///
    /// Those of all calls.
    pub fn about(self, address: u64) -> Result<Option<About>, SimError> {
        self.enter(Call::Ask)?;
        Ok(self.machine.about(address))
    }
}

impl Machine {
    /// What is known of an address of a device or of the processor; nothing of memory that
    /// the devices do not know.
    pub fn about(&self, address: u64) -> Option<About> {
        let space = self.space();
        let known = |at| space.find(at).map(|(start, span)| (at, start, span));
        let elsewhere = || known(space.device_address_of(address)?);
        let (address, start, span) = known(address).or_else(elsewhere)?;
        let owner = match (&span.kind, span.device) {
            (_, Some(device)) => Owner::Device(device),
            (Kind::Managed { .. }, None) => Owner::Managed,
            (_, None) => Owner::Host,
        };
        let host = span.device.is_none().then_some(span.inside);
        Some(About { owner, start, bytes: span.bytes, host, address })
    }

    /// The device of a stream, if there is such a stream.
    pub fn device_of(&self, stream: Stream) -> Option<u32> {
        self.turns.lock().get(stream.0).map(|it| it.device)
    }
}
