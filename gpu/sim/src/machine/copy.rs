//! Copies and fills.
//!
//! Addresses are looked at twice: when a command is asked for, which refuses it, and when it is
//! done, which loses the device.

use std::ptr::NonNull;

use super::{Device, Stream};
use crate::command::{Command, HostBytes, Place};
use crate::space::Access;
use crate::{Call, Completion, SimError};

/// One side of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The processor's memory, which the devices may know or not.
    Host(NonNull<u8>),
    /// An address of the device that copies.
    Device(u64),
    /// An address of another device.
    Peer(u32, u64),
}

impl Device<'_> {
    /// Copies bytes, in the order of `stream`; without one, they are copied on return, after
    /// what the default stream was asked for.
    ///
    /// Host memory that is neither pinned nor registered is read before this returns, and
    /// written too.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if one of the device's is none of its, [`SimError::NoSuch`]
    /// stream.
    ///
    /// # Safety
    ///
    /// Host memory is there until that is done; nobody uses the destination or writes the
    /// source meanwhile.
    pub unsafe fn copy(
        self,
        stream: Option<Stream>,
        to: Side,
        from: Side,
        bytes: usize,
    ) -> Result<(), SimError> {
        self.enter(Call::Copy)?;
        let (to_place, from_place) = (self.place(to), self.place(from));
        self.look_at(&to_place, bytes, Access::Write)?;
        self.look_at(&from_place, bytes, Access::Read)?;
        let Some(stream) = stream else {
            return self.ask_and_wait(Command::Copy { to: to_place, from: from_place, bytes });
        };
        // SAFETY: as the caller promises.
        let from_place = unsafe { self.stage(from_place, bytes) };
        let waits = self.is_pageable(&to_place, bytes);
        let mark = self.ask(stream, Command::Copy { to: to_place, from: from_place, bytes })?;
        if waits {
            self.finish(mark);
        }
        Ok(())
    }

    /// Sets bytes to one value, in the order of `stream`, or before it returns.
    ///
    /// # Errors
    ///
    /// As [`copy`](Self::copy).
    pub fn fill(
        self,
        stream: Option<Stream>,
        address: u64,
        byte: u8,
        bytes: usize,
    ) -> Result<(), SimError> {
        self.enter(Call::Fill)?;
        self.look_at(&Place::Device { device: self.number, address }, bytes, Access::Write)?;
        let command = Command::Fill { address, byte, bytes };
        match stream {
            Some(stream) => self.ask(stream, command).map(drop),
            None => self.ask_and_wait(command),
        }
    }

    fn ask_and_wait(self, command: Command) -> Result<(), SimError> {
        let mark = self.ask(self.default_stream(), command)?;
        self.finish(mark);
        self.is_alive()
    }

    fn place(self, side: Side) -> Place {
        match side {
            Side::Host(address) => Place::Host(HostBytes(address)),
            Side::Device(address) => Place::Device { device: self.number, address },
            Side::Peer(device, address) => Place::Device { device, address },
        }
    }

    /// Refuses addresses that are none of the device's.
    fn look_at(self, place: &Place, bytes: usize, access: Access) -> Result<(), SimError> {
        let Place::Device { device, address } = *place else { return Ok(()) };
        self.machine.device(device)?;
        let found = self.machine.space().pieces(device, address, bytes, access);
        found.map(drop).map_err(|address| SimError::WrongAddress { address })
    }

    /// Reads what may be gone once the call has returned.
    ///
    /// # Safety
    ///
    /// The bytes are there.
    unsafe fn stage(self, place: Place, bytes: usize) -> Place {
        match place {
            Place::Host(HostBytes(at)) if self.is_pageable(&place, bytes) && !self.is_eager() => {
                // SAFETY: as the caller promises.
                Place::Staged(unsafe { std::slice::from_raw_parts(at.as_ptr(), bytes) }.to_vec())
            }
            place => place,
        }
    }

    /// Whether it is host memory that is not said to stay where it is.
    fn is_pageable(self, place: &Place, bytes: usize) -> bool {
        let Place::Host(HostBytes(at)) = place else { return false };
        !self.machine.space().is_host_known(at.as_ptr() as u64, bytes)
    }

    fn is_eager(self) -> bool {
        self.machine.options.completion == Completion::Eager
    }
}
