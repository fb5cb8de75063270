//! Blocks of one kind that a driver gives, aligned as they are asked for.
//!
//! Drivers align as they like, mostly to more than anybody wants. Where that is not enough, a
//! longer block is asked for, and where it begins is noted here.

use std::alloc::Layout;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anymem::provider::MemoryKind;
use anymem_core::memory::MemoryError;

use crate::{Device, GpuError, given, offers};

/// A block as the driver gave it.
#[derive(Debug, Clone, Copy)]
struct Given {
    address: u64,
    bytes: usize,
}

/// The blocks of a memory.
#[derive(Debug)]
pub(super) struct Blocks {
    device: Device,
    kind: MemoryKind,
    /// Those that begin before the address that was handed out, by that.
    longer: Mutex<HashMap<u64, Given>>,
    last: Mutex<Option<GpuError>>,
}

impl Blocks {
    pub(super) fn new(device: &Device, kind: MemoryKind) -> Self {
        Self { device: device.clone(), kind, longer: Mutex::default(), last: Mutex::new(None) }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// A new block of at least a byte.
    pub(super) fn allocate(&self, layout: Layout) -> Result<u64, MemoryError> {
        let said = |error| self.said(error, layout.size());
        let (bytes, align) = (layout.size().max(1), layout.align() as u64);
        let given = self.ask(bytes).map_err(said)?;
        if given.address.is_multiple_of(align) {
            return Ok(given.address);
        }
        // SAFETY: nobody else has heard of it.
        unsafe { self.give_back(given) };
        let full = MemoryError::OutOfMemory { requested: layout.size() };
        let bytes = bytes.checked_add(layout.align() - 1).ok_or(full)?;
        let given = self.ask(bytes).map_err(said)?;
        let address = given.address.next_multiple_of(align);
        self.longer().insert(address, given);
        Ok(address)
    }

    /// Gives a block back.
    ///
    /// # Safety
    ///
    /// It was allocated here with this layout, and nobody uses it any more.
    pub(super) unsafe fn free(&self, address: u64, layout: Layout) {
        let whole = Given { address, bytes: layout.size().max(1) };
        let given = self.longer().remove(&address).unwrap_or(whole);
        // SAFETY: passed on from the caller.
        unsafe { self.give_back(given) };
    }

    fn ask(&self, bytes: usize) -> Result<Given, GpuError> {
        let address = given::take(&self.device, self.kind, bytes)?;
        Ok(Given { address, bytes })
    }

    /// Gives a block back: at once, or when no other process has it open any more.
    ///
    /// # Safety
    ///
    /// It is from [`ask`](Self::ask), and nobody uses it any more.
    unsafe fn give_back(&self, given: Given) {
        let Given { address, bytes } = given;
        offers::settle();
        // SAFETY: passed on from the caller.
        let done = unsafe { given::give(&self.device, self.kind, address, bytes) };
        if let Err(error) = done {
            // The driver is gone, and the block with it.
            self.said(error, bytes);
            self.device.let_go(given::counted(self.kind, bytes));
        }
    }

    /// The error of memories for one of the device, which is kept.
    pub(super) fn said(&self, error: GpuError, requested: usize) -> MemoryError {
        let said = error.of_memory(requested);
        *self.last() = Some(error);
        said
    }

    pub(super) fn last_error(&self) -> Option<GpuError> {
        self.last().clone()
    }

    fn last(&self) -> MutexGuard<'_, Option<GpuError>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn longer(&self) -> MutexGuard<'_, HashMap<u64, Given>> {
        self.longer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
