//! Addresses without memory, memory without addresses, and how they come together.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::{Device, lock};
use crate::mapping::Mapping;
use crate::physical::Physical;
use crate::space::{Access, Kind, Reservation, Span};
use crate::{Call, SimError};

/// Physical memory of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pages(u64);

impl Pages {
    /// Its number: no other physical memory of the machine has had it.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The physical memory of that number, if there is some.
    pub fn of(number: u64) -> Self {
        Self(number)
    }
}

impl Device<'_> {
    /// Reserves addresses, in multiples of the granularity.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] for another size, [`SimError::Unsupported`].
    pub fn reserve(self, bytes: usize) -> Result<u64, SimError> {
        self.enter(Call::Reserve)?;
        self.is_granular(bytes)?;
        let grain = self.machine.options.granularity;
        let whole = bytes.checked_add(grain).ok_or(SimError::Invalid { what: "size" })?;
        let mapping = Mapping::reserve(whole)?;
        let address = mapping.address().next_multiple_of(grain as u64);
        let reservation = Reservation { bytes, mapping };
        self.machine.space_mut().reservations.insert(address, reservation);
        Ok(address)
    }

    /// Gives reserved addresses back, all of them.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if they are not reserved so, or something is mapped there.
    pub fn release(self, address: u64, bytes: usize) -> Result<(), SimError> {
        self.enter(Call::Release)?;
        let mut space = self.machine.space_mut();
        let is_it = space.reservations.get(&address).is_some_and(|it| it.bytes == bytes);
        if !is_it || space.is_used(address, bytes) {
            return Err(SimError::WrongAddress { address });
        }
        space.reservations.remove(&address);
        Ok(())
    }

    /// Memory of the device without an address, in multiples of the granularity.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] for another size, [`SimError::OutOfMemory`],
    /// [`SimError::Unsupported`].
    pub fn create_pages(self, bytes: usize) -> Result<Pages, SimError> {
        self.enter(Call::CreatePhysical)?;
        self.is_granular(bytes)?;
        let charge = self.hardware().meter.take(bytes, bytes)?;
        Ok(self.keep(Physical::new(bytes, charge)?))
    }

    /// Names physical memory no more. It is there for as long as it is mapped.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] memory.
    pub fn destroy_pages(self, pages: Pages) -> Result<(), SimError> {
        self.enter(Call::DestroyPhysical)?;
        lock(&self.machine.pages).remove(&pages.0).map(drop).ok_or(NO_PAGES)
    }

    /// Maps all of some physical memory to reserved addresses, where it cannot be touched
    /// until [`set_access`](Self::set_access).
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if they are not reserved, or something is mapped there;
    /// [`SimError::Invalid`] if it is not as many bytes; [`SimError::NoSuch`] memory.
    pub fn map(self, address: u64, bytes: usize, pages: Pages) -> Result<(), SimError> {
        self.enter(Call::Map)?;
        let pages = self.physical(pages)?;
        let grain = self.machine.options.granularity as u64;
        if bytes != pages.bytes() || !address.is_multiple_of(grain) {
            return Err(SimError::Invalid { what: "size or alignment of the mapping" });
        }
        let mut space = self.machine.space_mut();
        let free = !space.is_used(address, bytes);
        let place = space.reservation(address, bytes).filter(|_| free);
        let mapping = &place.ok_or(SimError::WrongAddress { address })?.mapping;
        mapping.put((address - mapping.address()) as usize, bytes, pages.file())?;
        let (inside, device) = (pages.inside(), Some(self.number));
        let kind = Kind::Mapped { pages };
        let span = Span { bytes, inside, device, access: Access::None, kind };
        space.spans.insert(address, span);
        Ok(())
    }

    /// Says what the device may do with whole mappings.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if the addresses are not those of whole mappings.
    pub fn set_access(self, address: u64, bytes: usize, access: Access) -> Result<(), SimError> {
        self.enter(Call::SetAccess)?;
        let mut space = self.machine.space_mut();
        for start in mapped(&space.spans, address, bytes)? {
            if let Some(span) = space.spans.get_mut(&start) {
                span.access = access;
            }
        }
        Ok(())
    }

    /// Ends whole mappings, once the device has done what it was asked for.
    ///
    /// # Errors
    ///
    /// As [`set_access`](Self::set_access).
    pub fn unmap(self, address: u64, bytes: usize) -> Result<(), SimError> {
        self.enter(Call::Unmap)?;
        self.finish_all();
        let mut space = self.machine.space_mut();
        let starts = mapped(&space.spans, address, bytes)?;
        let place = space.reservation(address, bytes).ok_or(SimError::WrongAddress { address })?;
        place.mapping.clear((address - place.mapping.address()) as usize, bytes)?;
        for start in starts {
            space.spans.remove(&start);
        }
        Ok(())
    }

    /// A descriptor of physical memory, for other processes.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] memory.
    pub fn export_pages(self, pages: Pages) -> Result<OwnedFd, SimError> {
        self.enter(Call::ExportPhysical)?;
        self.physical(pages)?.export()
    }

    /// The physical memory of a descriptor.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongHandle`] if it is of something else.
    pub fn import_pages(self, descriptor: OwnedFd) -> Result<Pages, SimError> {
        self.enter(Call::ImportPhysical)?;
        self.needs(self.machine.options.virtual_memory, "virtual memory management")?;
        Ok(self.keep(Physical::import(descriptor)?))
    }

    fn keep(self, pages: Physical) -> Pages {
        let number = self.machine.number();
        lock(&self.machine.pages).insert(number, Arc::new(pages));
        Pages(number)
    }

    fn physical(self, pages: Pages) -> Result<Arc<Physical>, SimError> {
        lock(&self.machine.pages).get(&pages.0).cloned().ok_or(NO_PAGES)
    }

    fn is_granular(self, bytes: usize) -> Result<(), SimError> {
        let options = &self.machine.options;
        self.needs(options.virtual_memory, "virtual memory management")?;
        if bytes > 0 && bytes.is_multiple_of(options.granularity) {
            Ok(())
        } else {
            Err(SimError::Invalid { what: "size, which is no multiple of the granularity" })
        }
    }
}

/// Where the mappings start that fill the addresses.
fn mapped(
    spans: &std::collections::BTreeMap<u64, Span>,
    address: u64,
    bytes: usize,
) -> Result<Vec<u64>, SimError> {
    let wrong = SimError::WrongAddress { address };
    let end = address.checked_add(bytes as u64).filter(|_| bytes > 0).ok_or(wrong.clone())?;
    let mut at = address;
    let mut starts = Vec::new();
    for (&start, span) in spans.range(address..end) {
        if start != at || !matches!(span.kind, Kind::Mapped { .. }) {
            return Err(wrong);
        }
        starts.push(start);
        at += span.bytes as u64;
    }
    if at == end { Ok(starts) } else { Err(wrong) }
}

const NO_PAGES: SimError = SimError::NoSuch { what: "physical memory" };
