//! What is known of an address.

use anymem::provider::MemoryKind;

use super::super::About;
use super::structures::AllocProperties;
use super::table::Word;
use super::{At, LevelZeroDriver};
use crate::GpuError;

/// `ze_memory_type_t`; `HOST_IMPORTED` is the processor's pages that were there before.
const HOST: u32 = 1;
const DEVICE: u32 = 2;
const SHARED: u32 = 3;
const HOST_IMPORTED: u32 = 4;

impl LevelZeroDriver {
    /// What is known of an address in any context: each driver has one of its own.
    pub(super) fn about_any(&self, address: u64) -> Result<Option<About>, GpuError> {
        for number in 0..self.count() {
            let at = self.at(number)?;
            if let Some((about, device)) = at.about(address)? {
                let is_it = |card: &super::Card| card.device == device;
                let device = self.cards.iter().position(is_it).map(|number| number as u32);
                let is_host = about.kind == MemoryKind::Host;
                return Ok(Some(About { device: device.filter(|_| !is_host), ..about }));
            }
        }
        Ok(None)
    }
}

impl At<'_> {
    /// What is known of an address in the card's context, and the device that it is on.
    fn about(self, address: u64) -> Result<Option<(About, Word)>, GpuError> {
        let (mut found, mut device) = (AllocProperties::NEW, 0);
        // SAFETY: the context is the card's; of an address that is none nothing is said.
        self.said(unsafe {
            self.table.about(self.card.context, address as Word, &mut found, &mut device)
        })?;
        let kind = match found.kind {
            HOST | HOST_IMPORTED => MemoryKind::Host,
            DEVICE => MemoryKind::Device,
            SHARED => MemoryKind::Managed,
            _ => return Ok(None),
        };
        let (start, bytes) = self.base_of(address)?;
        Ok(Some((About { kind, device: None, start, bytes, id: Some(found.id) }, device)))
    }
}
