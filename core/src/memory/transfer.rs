//! Bytes from any memory to any other, the shortest way there is.

use core::ptr::NonNull;

use super::temporary::{TEMPORARY, Temporary};
use super::{MemoryError, Place};

/// Which way bytes went from one memory to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// The processor can use both: it copied them.
    Host,
    /// The processor can use the source: one copy to the other memory.
    To,
    /// The processor can use the destination: one copy from the other memory.
    From,
    /// The two memories have a direct way.
    Peer,
    /// By way of a [temporary](super::TEMPORARY) in the processor's memory, a part at a time.
    Temporary,
}

/// Copies `len` bytes from one place to another, and says which way they went.
///
/// The places may be in any two memories, or in one, and may then overlap if the processor
/// can use it or it has a way to itself ([`Memory::copy_peer`](super::Memory::copy_peer)).
///
/// # Errors
///
/// - [`OutOfRange`](MemoryError::OutOfRange) if a place has fewer bytes; nothing is copied
///   then.
/// - [`Overlap`](MemoryError::Overlap); nothing is copied then.
/// - What one of the memories says; the bytes of the destination are then anything.
///
/// # Safety
///
/// Both places are within blocks of their memories, the source initialised; nobody uses the
/// destination or writes the source meanwhile.
#[doc(alias = "mem_copy")]
pub unsafe fn transfer(to: Place<'_>, from: Place<'_>, len: usize) -> Result<Route, MemoryError> {
    // SAFETY: passed on from the caller.
    unsafe { carry(to, from, len, false) }
}

/// As [`transfer`], but it may be done only when both memories have been flushed.
///
/// # Errors
///
/// As [`transfer`]. What fails later, the [`flush`](super::Memory::flush) says.
///
/// # Safety
///
/// As [`transfer`], until then.
pub unsafe fn post_transfer(
    to: Place<'_>,
    from: Place<'_>,
    len: usize,
) -> Result<Route, MemoryError> {
    // SAFETY: passed on from the caller.
    unsafe { carry(to, from, len, true) }
}

/// # Safety
///
/// As for [`transfer`], or for [`post_transfer`] if it is `posted`.
unsafe fn carry(
    to: Place<'_>,
    from: Place<'_>,
    len: usize,
    posted: bool,
) -> Result<Route, MemoryError> {
    has(to, len)?;
    has(from, len)?;
    match (to.memory.host(to.address), from.memory.host(from.address)) {
        (Some(target), Some(source)) => {
            // SAFETY: passed on from the caller; they may overlap.
            unsafe { target.copy_from(source, len) };
            Ok(Route::Host)
        }
        (None, Some(source)) => {
            // SAFETY: passed on from the caller.
            unsafe { send(to, source, len, posted) }.map(|()| Route::To)
        }
        (Some(target), None) => {
            // SAFETY: passed on from the caller.
            unsafe { fetch(target, from, len, posted) }.map(|()| Route::From)
        }
        // SAFETY: passed on from the caller.
        (None, None) => unsafe { cross(to, from, len) },
    }
}

fn has(place: Place<'_>, len: usize) -> Result<(), MemoryError> {
    if len <= place.len {
        return Ok(());
    }
    Err(MemoryError::OutOfRange { start: 0, len, of: place.len })
}

/// # Safety
///
/// As for [`carry`].
unsafe fn send(
    to: Place<'_>,
    source: NonNull<u8>,
    len: usize,
    posted: bool,
) -> Result<(), MemoryError> {
    let source = source.as_ptr();
    // SAFETY: passed on from the caller, both.
    unsafe {
        if posted {
            to.memory.post_copy_to(to.address, source, len)
        } else {
            to.memory.copy_to(to.address, source, len)
        }
    }
}

/// # Safety
///
/// As for [`carry`].
unsafe fn fetch(
    target: NonNull<u8>,
    from: Place<'_>,
    len: usize,
    posted: bool,
) -> Result<(), MemoryError> {
    let target = target.as_ptr();
    // SAFETY: passed on from the caller, both.
    unsafe {
        if posted {
            from.memory.post_copy_from(target, from.address, len)
        } else {
            from.memory.copy_from(target, from.address, len)
        }
    }
}

/// Copies between two memories that the processor cannot use.
///
/// # Safety
///
/// As for [`transfer`].
unsafe fn cross(to: Place<'_>, from: Place<'_>, len: usize) -> Result<Route, MemoryError> {
    // SAFETY: passed on from the caller.
    if let Some(done) = unsafe { to.memory.copy_peer(to.address, from, len) } {
        return done.map(|()| Route::Peer);
    }
    if to.memory.id() == from.memory.id() && to.address.overlaps(from.address, len) {
        return Err(MemoryError::Overlap);
    }
    // SAFETY: passed on from the caller, and they do not overlap.
    unsafe { relay(to, from, len) }.map(|()| Route::Temporary)
}

/// Copies a part at a time.
///
/// # Safety
///
/// As for [`transfer`], and the places do not overlap.
unsafe fn relay(to: Place<'_>, from: Place<'_>, len: usize) -> Result<(), MemoryError> {
    let mut temporary = Temporary::new();
    let buffer = temporary.as_mut_ptr();
    for done in (0..len).step_by(TEMPORARY) {
        let part = TEMPORARY.min(len - done);
        // SAFETY: the part lies within what the caller vouches for, and in the temporary.
        unsafe { from.memory.copy_from(buffer, from.address.byte_add(done), part)? };
        // SAFETY: the same; the bytes have just been written.
        unsafe { to.memory.copy_to(to.address.byte_add(done), buffer, part)? };
    }
    Ok(())
}
