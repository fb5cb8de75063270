//! Whose the bytes of some memory are, as a driver has to know.

use std::ptr::NonNull;

use anymem_core::memory::{Address, MemoryId, Place};

use super::{DeviceAddress, identity};

/// Who reaches some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// The processor: pinned, registered and managed memory, and any other of it.
    Host(NonNull<u8>),
    /// A device of the driver, by its number.
    Device(u32, DeviceAddress),
}

impl Whose {
    /// Who reaches `place`, for the driver of the memory `known`; `None` if nobody does whom
    /// the driver knows.
    pub(super) fn of(place: Place<'_>, known: MemoryId) -> Option<Self> {
        if let Some(host) = place.memory.host(place.address) {
            return Some(Self::Host(host));
        }
        let number = identity::number_of(place.memory.id(), known)?;
        Some(Self::Device(number, DeviceAddress::from_raw(place.address)?))
    }
}
