//! What a driver's block of another process was opened as.

use std::sync::OnceLock;

use anymem::ipc::{Guest, IpcError};

use super::mapping::Mapping;
use crate::driver::IpcBytes;
use crate::offers::{self, Form, Note};
use crate::{Device, GpuError};

/// A driver's block, open on a device.
#[derive(Debug)]
struct Import {
    device: Device,
    /// Where it is there.
    start: u64,
    form: Opening,
}

/// How it was opened, and so how it is closed.
#[derive(Debug)]
enum Opening {
    /// It is this process's own.
    Own,
    Handle,
    /// They are unmapped when this is dropped.
    #[expect(dead_code, reason = "it is there to be dropped")]
    Pages(Mapping),
}

impl Import {
    fn new(device: &Device, note: &Note, guest: &Guest) -> Result<Self, GpuError> {
        let (start, form) = match (offers::own(device, note), &note.form) {
            // A driver may refuse to open what its own process has.
            (Some(start), _) => (start, Opening::Own),
            (None, Form::Handle(handle)) => (open(device, handle)?, Opening::Handle),
            (None, Form::Pages(pieces)) => {
                let len = pieces.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len));
                let len = len.filter(|len| *len as u64 == note.len && !pieces.contains(&0));
                let mut mapping = Mapping::new(device, len.ok_or(IpcError::NotAStandIn)?)?;
                for (index, piece) in pieces.iter().enumerate() {
                    mapping.append(guest.descriptor(index)?, *piece)?;
                }
                (mapping.start(), Opening::Pages(mapping))
            }
        };
        Ok(Self { device: device.clone(), start, form })
    }
}

fn open(device: &Device, handle: &IpcBytes) -> Result<u64, GpuError> {
    // SAFETY: the handle's owner, whom this process trusts, said that it is of `export`; he
    // keeps the block for as long as this process is a guest there, which it is until the import
    // was dropped.
    unsafe { device.driver().open(device.number(), handle) }
}

impl Drop for Import {
    fn drop(&mut self) {
        if let Opening::Handle = self.form {
            let (driver, number) = (self.device.driver(), self.device.number());
            // SAFETY: opened by `open`; no block of it is open any more. What fails is that the
            // driver is gone, or another process's, and the block with it.
            let _ = unsafe { driver.close(number, self.start) };
        }
    }
}

/// A driver's block on all devices that it was opened on.
///
/// A list that only grows, so it is read without a lock. Who opens at the same time as another
/// closes what he opened in vain: drivers count.
#[derive(Debug, Default)]
struct Chain {
    import: OnceLock<Import>,
    next: OnceLock<Box<Chain>>,
}

/// A driver's block of another process, as this one has opened it.
#[derive(Debug)]
pub(super) struct Imports {
    note: Note,
    first: Chain,
}

impl Imports {
    pub(super) fn new(guest: &Guest) -> Result<Self, GpuError> {
        let note = Note::from_bytes(&guest.note()).ok_or(IpcError::NotAStandIn)?;
        Ok(Self { note, first: Chain::default() })
    }

    /// Where the block is on a device, on which it is opened if it is not yet.
    #[inline]
    pub(super) fn on(&self, device: &Device, guest: &Guest) -> Result<u64, GpuError> {
        let mut at = &self.first;
        loop {
            match at.import.get() {
                Some(import) if import.device == *device => return Ok(import.start),
                Some(_) => at = at.next.get_or_init(Box::default),
                None => {
                    let import = self.open(device, guest)?;
                    let _ = at.import.set(import);
                }
            }
        }
    }

    #[cold]
    fn open(&self, device: &Device, guest: &Guest) -> Result<Import, GpuError> {
        if device.kind() != self.note.kind {
            return Err(GpuError::WrongDriver { asked: device.kind(), found: self.note.kind });
        }
        Import::new(device, &self.note, guest)
    }

    /// How many bytes the driver's block has.
    #[inline]
    pub(super) fn len(&self) -> u64 {
        self.note.len
    }
}
