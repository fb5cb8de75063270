//! What a driver's block of another process was opened as.

use std::sync::OnceLock;

use anymem::ipc::{Guest, IpcError};

use crate::driver::{IpcBytes, PhysicalId};
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
#[derive(Debug, Clone, Copy)]
enum Opening {
    /// It is this process's own.
    Own,
    Handle,
    Pages {
        pages: PhysicalId,
        len: usize,
    },
}

impl Import {
    fn new(device: &Device, note: &Note, guest: &Guest) -> Result<Self, GpuError> {
        let (start, form) = match (offers::own(device, note), note.form) {
            // A driver may refuse to open what its own process has.
            (Some(start), _) => (start, Opening::Own),
            (None, Form::Handle(handle)) => (open(device, &handle)?, Opening::Handle),
            (None, Form::Pages) => {
                let len = usize::try_from(note.len).map_err(|_| IpcError::NotAStandIn)?;
                let (start, pages) = map(device, guest, len)?;
                (start, Opening::Pages { pages, len })
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

/// Imports pages and maps them.
fn map(device: &Device, guest: &Guest, len: usize) -> Result<(u64, PhysicalId), GpuError> {
    let (driver, number) = (device.driver(), device.number());
    let pages = driver.import_physical(number, guest.descriptor()?)?;
    let mapped = driver.reserve(number, len).and_then(|start| {
        // SAFETY: the addresses were just reserved; a driver refuses pages of another length.
        let mapped = unsafe { driver.map(number, start, len, pages) };
        if mapped.is_err() {
            // SAFETY: reserved above, and nothing is mapped. If it fails addresses are lost.
            let _ = unsafe { driver.release(number, start, len) };
        }
        mapped.map(|()| start)
    });
    if mapped.is_err() {
        // SAFETY: imported above, and named nowhere. If it fails the driver has them.
        let _ = unsafe { driver.destroy_physical(number, pages) };
    }
    mapped.map(|start| (start, pages))
}

impl Drop for Import {
    fn drop(&mut self) {
        let (driver, number) = (self.device.driver(), self.device.number());
        // What fails here is that the driver is gone, or another process's, and the block with
        // it.
        match self.form {
            Opening::Own => {}
            Opening::Handle => {
                // SAFETY: opened by `open`; no block of it is open any more.
                let _ = unsafe { driver.close(number, self.start) };
            }
            Opening::Pages { pages, len } => {
                // SAFETY: mapped and reserved by `map`, imported there; as above.
                let _ = unsafe { driver.unmap(number, self.start, len) }
                    .and_then(|()| unsafe { driver.release(number, self.start, len) })
                    .and_then(|()| unsafe { driver.destroy_physical(number, pages) });
            }
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
