//! A block of the driver's, of which blocks are offered.

use anymem::ipc::{IpcHandle, StandIn};

use super::note::{Form, Note, stamp};
use crate::driver::PhysicalId;
use crate::{Device, GpuError};

/// Pages that are mapped one behind the other, in pieces that were made each by itself.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Where the first is mapped.
    pub(crate) start: u64,
    /// The pieces, and how many bytes each has.
    pub(crate) pieces: Vec<(PhysicalId, usize)>,
}

impl Pages {
    /// How many bytes they have together.
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(|(_, len)| len).sum()
    }

    /// Where the first of several pieces ends, and the last begins.
    fn seams(&self) -> Option<(u64, u64)> {
        let [(_, first), .., (_, last)] = &self.pieces[..] else { return None };
        Some((self.start + *first as u64, self.start + (self.len() - last) as u64))
    }
}

/// A block of the driver's, of which blocks are offered.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) start: u64,
    pub(super) len: usize,
    pub(super) stamp: u64,
    /// Whether the driver keeps the memory by itself for as long as anybody has it open.
    pub(super) keeps_itself: bool,
    /// Where the first of several pieces ends, and the last begins.
    seams: Option<(u64, u64)>,
    pub(super) stand_in: StandIn,
}

impl Base {
    /// The driver's own block that an address is in.
    pub(super) fn of_block(device: &Device, at: u64) -> Result<Self, GpuError> {
        let (driver, number) = (device.driver(), device.number());
        let (start, len) = driver.base_of(number, at)?;
        let handle = driver.export(number, start)?;
        let stamp = stamp();
        let note =
            Note { kind: device.kind(), form: Form::Handle(handle), len: len as u64, start, stamp };
        let stand_in = StandIn::new(len as u64, &note.to_bytes(), [])?;
        Ok(Self { start, len, stamp, keeps_itself: false, seams: None, stand_in })
    }

    /// Pages that are mapped.
    pub(super) fn of_pages(device: &Device, pages: &Pages) -> Result<Self, GpuError> {
        let (start, len, stamp) = (pages.start, pages.len(), stamp());
        let form = Form::Pages(pages.pieces.iter().map(|(_, len)| *len).collect());
        let note = Note { kind: device.kind(), form, len: len as u64, start, stamp };
        let export = |(piece, _): &(PhysicalId, usize)| {
            device.driver().export_physical(device.number(), *piece)
        };
        let descriptors = pages.pieces.iter().map(export).collect::<Result<Vec<_>, _>>()?;
        let stand_in = StandIn::new(len as u64, &note.to_bytes(), descriptors)?;
        Ok(Self { start, len, stamp, keeps_itself: true, seams: pages.seams(), stand_in })
    }

    pub(super) fn get(&self, at: u64, len: usize) -> Result<IpcHandle, GpuError> {
        Ok(self.stand_in.get(at.wrapping_sub(self.start), len)?)
    }

    /// Whether nothing more is offered of it once a block with these bytes is given back.
    pub(super) fn goes_with(&self, start: u64, end: u64) -> bool {
        match self.seams {
            // The block in all pieces: two such would overlap.
            Some((first, last)) => start < first && last < end,
            // Pages stay while they are mapped.
            None => !self.keeps_itself && self.start >= start && self.end() <= end,
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.len as u64)
    }
}
