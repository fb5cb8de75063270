//! Blocks of devices' memory that this process offers to others, and what waits for these.
//!
//! A driver's handle names one of its own blocks, the *base*, as a whole. Each base that is
//! offered from has a [stand-in](anymem::ipc::StandIn), whose note says how it is opened; what
//! is offered are places in that.
//!
//! Memory that is given back goes by way of [`end`]: what was offered of it is offered no more,
//! and if somebody has it open yet, it has to wait. A block within a base waits until nobody has
//! a block open that has bytes there. A base waits until nobody has it open, for drivers leave
//! undefined what happens else; but not pages that are unmapped, which the driver itself keeps.
//!
//! Pages that are mapped are a base piece by piece. A block in several pieces has a base of its
//! own, which is all of these.

mod base;
mod bases;
mod note;
mod waiting;

use anymem::ipc::IpcHandle;

pub(crate) use self::base::Pages;
pub(crate) use self::note::{Form, Note};
pub(crate) use self::waiting::InUse;
use self::waiting::Part;
use crate::{Device, GpuError};

/// A handle of a block in one of the driver's own blocks.
///
/// # Errors
///
/// What the driver says of the address, and as [`IpcHandle`]s are got.
pub(crate) fn get(device: &Device, at: u64, len: usize) -> Result<IpcHandle, GpuError> {
    waiting::settle();
    bases::within(device, at, len, || base::Base::of_block(device, at))?.get(at, len)
}

/// A handle of a block in mapped pages, of which each piece has bytes of it.
///
/// # Errors
///
/// As [`get`], and if there are more pieces than a stand-in has descriptors.
pub(crate) fn get_in(
    device: &Device,
    pages: &Pages,
    at: u64,
    len: usize,
) -> Result<IpcHandle, GpuError> {
    waiting::settle();
    let make = || base::Base::of_pages(device, pages);
    let base = match pages.pieces.len() {
        1 => bases::within(device, at, len, make),
        _ => bases::run(device, pages.start, pages.len(), make),
    };
    base?.get(at, len)
}

/// Ends all offers that have bytes there, for the memory is about to be given back.
///
/// Costs a load where nothing was ever offered.
///
/// # Errors
///
/// What has to be waited for.
#[inline]
pub(crate) fn end(device: &Device, at: u64, len: usize) -> Result<(), InUse> {
    if bases::are_none() { Ok(()) } else { end_slowly(device, at, len) }
}

/// Ends all offers of pages that are about to be unmapped, together with those of all pages
/// that are offered in one with them. Who has them open keeps them.
pub(crate) fn end_pages(device: &Device, at: u64, len: usize) {
    if !bases::are_none() {
        for base in bases::leave(device, at, len, true) {
            let _ = Part::withdrawn(base, at, len);
        }
    }
}

#[cold]
fn end_slowly(device: &Device, at: u64, len: usize) -> Result<(), InUse> {
    let parts: Vec<_> = bases::leave(device, at, len, false)
        .into_iter()
        .map(|base| Part::withdrawn(base, at, len))
        .filter(|part| !part.is_over())
        .collect();
    if parts.is_empty() { Ok(()) } else { Err(InUse::new(parts)) }
}

/// Gives memory back that nobody uses any more; how many blocks. To be called without locks of
/// a pool's, which the memory may go back to.
pub(crate) fn settle() -> usize {
    waiting::settle()
}

/// How many blocks wait to be given back.
pub(crate) fn waiting() -> usize {
    waiting::count()
}

/// Where a base is that this process itself offers, if it is the one that a note is of.
pub(crate) fn own(device: &Device, note: &Note) -> Option<u64> {
    bases::own(device, note)
}
