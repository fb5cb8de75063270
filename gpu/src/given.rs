//! Blocks that a driver gives, of any kind, and gets back.

use std::ptr::{self, NonNull};

use anymem::provider::{MemoryKind, Span};

use crate::known::{self, What};
use crate::{Device, GpuError, offers};

/// A block of the driver's: its address on the device, which for pinned memory
/// ([`MemoryKind::Host`]) is the processor's.
pub(crate) fn take(device: &Device, kind: MemoryKind, bytes: usize) -> Result<u64, GpuError> {
    let block = device.hold(counted(kind, bytes), |driver, number| match kind {
        MemoryKind::Host => {
            let block = driver.allocate_pinned(number, bytes)?;
            Ok(block.as_ptr().expose_provenance() as u64)
        }
        MemoryKind::Managed => driver.allocate_managed(number, bytes),
        _ => driver.allocate(number, bytes),
    })?;
    known::note(device, What::Block(kind), block, bytes);
    Ok(block)
}

/// Gives a block back: at once, or when no other process has it open any more. It is held as
/// before if that fails.
///
/// # Safety
///
/// It came from [`take`], and nobody uses it any more.
pub(crate) unsafe fn give(
    device: &Device,
    kind: MemoryKind,
    block: u64,
    bytes: usize,
) -> Result<(), GpuError> {
    if kind == MemoryKind::Device
        && let Err(in_use) = offers::end(device, block, bytes)
    {
        let device = device.clone();
        in_use.then(move || {
            // SAFETY: passed on from the caller; other processes use it no more either.
            let _ = unsafe { free(&device, MemoryKind::Device, block) };
            device.let_go(bytes);
        });
        return Ok(());
    }
    // SAFETY: passed on from the caller.
    unsafe { free(device, kind, block) }?;
    device.let_go(counted(kind, bytes));
    Ok(())
}

/// Has the driver take a block back, which is known no more then.
///
/// # Safety
///
/// As [`give`].
unsafe fn free(device: &Device, kind: MemoryKind, block: u64) -> Result<(), GpuError> {
    let known = known::forget(block);
    // SAFETY: passed on from the caller.
    unsafe { hand_back(device, kind, block) }.inspect_err(|_| known::recall(known))
}

/// # Safety
///
/// As [`give`].
unsafe fn hand_back(device: &Device, kind: MemoryKind, block: u64) -> Result<(), GpuError> {
    let (driver, number) = (device.driver(), device.number());
    if kind != MemoryKind::Host {
        // SAFETY: passed on from the caller.
        return unsafe { driver.free(number, block) };
    }
    let pinned = NonNull::new(host(block));
    let pinned = pinned.ok_or(GpuError::WrongAddress { device: number, address: block })?;
    // SAFETY: passed on from the caller.
    unsafe { driver.free_pinned(number, pinned) }
}

/// What memory of that kind is called.
pub(crate) const fn called(kind: MemoryKind) -> &'static str {
    match kind {
        MemoryKind::Managed => "managed",
        MemoryKind::Host => "pinned",
        _ => "device",
    }
}

/// What of a block is the device's memory.
pub(crate) fn counted(kind: MemoryKind, bytes: usize) -> usize {
    if kind == MemoryKind::Host { 0 } else { bytes }
}

/// The span at an address of a driver's.
pub(crate) fn span_at(at: u64, len: usize) -> Option<Span> {
    // Pinned and managed memory was exposed by the driver; the device's own is never followed.
    let start = NonNull::new(ptr::with_exposed_provenance_mut(usize::try_from(at).ok()?))?;
    Some(Span::new(start, len))
}

/// The processor's pointer to a block that it can use.
pub(crate) fn host(block: u64) -> *mut u8 {
    ptr::with_exposed_provenance_mut(block as usize)
}
