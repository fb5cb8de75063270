//! Blocks of a device's memory, managed and pinned ones.

use std::ptr::NonNull;

use super::Device;
use crate::mapping::{Mapping, whole_pages};
use crate::space::{Access, HostPages, Kind, Span};
use crate::{Call, SimError};

impl Device<'_> {
    /// Bytes that are free, and all of them.
    ///
    /// # Errors
    ///
    /// Those of all calls.
    pub fn free_and_total(self) -> Result<(usize, usize), SimError> {
        self.enter(Call::Ask)?;
        let meter = &self.hardware().meter;
        Ok((meter.free(), meter.total()))
    }

    /// A block of its memory, at an address that the processor cannot touch.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] for no bytes, [`SimError::OutOfMemory`].
    pub fn allocate(self, bytes: usize) -> Result<u64, SimError> {
        self.enter(Call::Allocate)?;
        self.block(bytes, false)
    }

    /// A new block, which was allocated in the order of a stream or not.
    pub(super) fn block(self, bytes: usize, in_order: bool) -> Result<u64, SimError> {
        let taken = self.pages_for(bytes)?;
        let hardware = self.hardware();
        let charge = hardware.meter.take(taken, bytes)?;
        let mut arena = hardware.arena();
        let at = arena.take(taken).ok_or_else(|| self.out_of_memory(bytes))?;
        let (address, inside) = (arena.address(at), arena.bytes(at));
        drop(arena);
        let kind = Kind::Block { at, taken, in_order, charge };
        let device = Some(self.number);
        let span = Span { bytes, inside, device, access: Access::Write, kind };
        self.machine.space_mut().spans.insert(address, span);
        Ok(address)
    }

    fn pages_for(self, bytes: usize) -> Result<usize, SimError> {
        if bytes == 0 {
            return Err(SimError::Invalid { what: "size" });
        }
        whole_pages(bytes).ok_or_else(|| self.out_of_memory(bytes))
    }

    fn out_of_memory(self, asked: usize) -> SimError {
        let meter = &self.hardware().meter;
        SimError::OutOfMemory { asked, free: meter.free(), total: meter.total() }
    }

    /// Gives a block back, managed or not, once the device has done what it was asked for.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if no block starts there.
    pub fn free(self, address: u64) -> Result<(), SimError> {
        self.enter(Call::Free)?;
        self.finish_all();
        self.drop_block(address)
    }

    /// Whether a block that [`free`](Self::free) takes starts there.
    pub(super) fn has_block(self, address: u64) -> bool {
        self.machine.space().spans.get(&address).is_some_and(|it| self.is_block(it))
    }

    fn is_block(self, span: &Span) -> bool {
        match span.kind {
            Kind::Block { .. } => span.device == Some(self.number),
            Kind::Managed { .. } => true,
            _ => false,
        }
    }

    pub(super) fn drop_block(self, address: u64) -> Result<(), SimError> {
        let span = self.take_span(address, |it| self.is_block(it))?;
        if let Kind::Block { at, taken, .. } = span.kind {
            self.hardware().arena().give(at, taken);
        }
        Ok(())
    }

    /// Takes a span out of the address space, if it is such a one.
    pub(super) fn take_span(
        self,
        address: u64,
        is_it: impl FnOnce(&Span) -> bool,
    ) -> Result<Span, SimError> {
        let mut space = self.machine.space_mut();
        let wrong = SimError::WrongAddress { address };
        if !space.spans.get(&address).is_some_and(is_it) {
            return Err(wrong);
        }
        space.spans.remove(&address).ok_or(wrong)
    }

    /// A block that the processor and all devices use at one address.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] for no bytes, [`SimError::Unsupported`].
    pub fn allocate_managed(self, bytes: usize) -> Result<u64, SimError> {
        self.enter(Call::AllocateManaged)?;
        self.needs(self.machine.options.managed, "managed memory")?;
        let memory = Mapping::anonymous(self.pages_for(bytes)?)?;
        let (address, inside) = (memory.address(), memory.start());
        let kind = Kind::Managed { memory };
        let span = Span { bytes, inside, device: None, access: Access::Write, kind };
        self.machine.space_mut().spans.insert(address, span);
        Ok(address)
    }

    /// A block of the processor's memory, which all devices use at the same address.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] for no bytes.
    pub fn allocate_pinned(self, bytes: usize) -> Result<NonNull<u8>, SimError> {
        self.enter(Call::AllocatePinned)?;
        let taken = self.pages_for(bytes)?;
        let memory = Mapping::anonymous(taken)?;
        let (address, inside) = (memory.address(), memory.start());
        let kind = Kind::Pinned { memory };
        let span = Span { bytes, inside, device: None, access: Access::Write, kind };
        let mut space = self.machine.space_mut();
        space.spans.insert(address, span);
        space.host.insert(address, HostPages { bytes: taken, device_address: address });
        Ok(inside)
    }

    /// Gives a pinned block back, once the device has done what it was asked for.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if no pinned block starts there.
    pub fn free_pinned(self, address: NonNull<u8>) -> Result<(), SimError> {
        self.enter(Call::FreePinned)?;
        self.finish_all();
        let address = address.as_ptr() as u64;
        let pinned = self.take_span(address, |it| matches!(it.kind, Kind::Pinned { .. }))?;
        self.machine.space_mut().host.remove(&address);
        drop(pinned);
        Ok(())
    }

    /// The block or mapping that an address is in: its first address, and its bytes.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`].
    pub fn base_of(self, address: u64) -> Result<(u64, usize), SimError> {
        self.enter(Call::Ask)?;
        let space = self.machine.space();
        let found = space
            .find(address)
            .filter(|(_, it)| it.device.is_none_or(|owner| owner == self.number));
        found.map(|(start, it)| (start, it.bytes)).ok_or(SimError::WrongAddress { address })
    }

    /// Refuses what the options do not have.
    pub(super) fn needs(self, is_there: bool, what: &'static str) -> Result<(), SimError> {
        if is_there { Ok(()) } else { Err(SimError::Unsupported { what }) }
    }
}
