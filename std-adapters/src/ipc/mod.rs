//! Blocks of any pool in other processes.
//!
//! A block whose provider [shares](crate::provider::Share) its memory gets a
//! [handle](IpcHandle), 64 bytes of plain data, which another process opens:
//!
//! | | what it does |
//! |---|---|
//! | [`get`], [`get_block`] | a handle of a block, which others can open from then on |
//! | [`put`] | puts a handle back; with the last one the block is offered no more |
//! | [`open`] | the block in this process, for as long as the [`Opened`] lives |
//! | [`Opened::into_raw`], [`close`] | the same by address, as C has it |
//! | [`Handover`], [`receive`] | files handed over through a socket |
//! | [`stats`], [`trim`] | the files that are mapped |
//! | [`StandIn`], [`visit`] | the same for memory that the processor does not reach |
//! | [`take_descriptor`] | a file of another process, for who has its number by other ways |
//!
//! (Unified Memory Framework: `umfGetIPCHandle`, `umfPutIPCHandle`, `umfOpenIPCHandle`,
//! `umfCloseIPCHandle`.)
//!
//! # How a file is found
//!
//! A handle names its file by device and number, which is checked on each way to it:
//!
//! 1. It was handed over before ([`receive`]), and kept.
//! 2. By its name, if that has 16 bytes at most: of POSIX shared memory without the
//!    slash, an absolute path, or that of a DAX device.
//! 3. Anonymous memory and longer names: by a descriptor of the process that offers the
//!    block, with `pidfd_getfd`, or through `/proc/PID/fd`. The kernel allows this to
//!    whoever may debug that process (`ptrace_scope`).
//! 4. From the [`Handover`] of that process, if it serves one. It needs no rights and
//!    works between PID namespaces; what was received is there also after the process
//!    has ended.
//!
//! The whole file is mapped once, so all further blocks in it need no system call. Files
//! in which no block is open stay mapped until there are more than
//! `ANYMEM_MAX_OPENED_IPC_HANDLES` (setting `ipc.max_opened_handles`), those go first that
//! were used longest ago. In which one is open stays.
//!
//! # When a handle is valid
//!
//! From [`get`] until it was [`put`] back as often as it was got, or the block was
//! [withdrawn](withdraw) with its memory. Afterwards it cannot be opened: who offers
//! blocks shares a table of generations with his peers, which [`open`] looks into. What is
//! open already stays open, for the file stays; what is in it is up to its owner.
//!
//! This cannot be known of a file that is found by its name while its owner neither lives
//! nor was heard of before, or serves no [`Handover`]: then the name, the file's identity
//! and its length alone are checked. Nor is it known that a named file has grown shorter
//! since it was mapped.
//!
//! # Who is trusted
//!
//! Files and sockets of one's own user, and of those named with [`trust_user`]. Memory
//! without a name must be sealed against shrinking.
//!
//! ```
//! use anymem::ipc::IpcHandle;
//!
//! assert_eq!(IpcHandle::SIZE, 64);
//! let error = IpcHandle::from_bytes(&[0; 64]).unwrap_err();
//! assert!(error.to_string().contains("no handle"));
//! ```

mod cache;
mod error;
mod found;
mod handle;
mod handover;
#[cfg(test)]
mod hostile;
mod knobs;
mod ledger;
mod lingering;
mod locate;
mod offers;
mod opened;
mod owners;
mod process;
mod slot;
mod stand_in;
mod trust;
mod view;
mod views;

use core::ptr::NonNull;

pub use error::IpcError;
pub use found::Found;
pub use handle::{HandleKind, IpcHandle};
pub use handover::{Address, Handover};
pub(crate) use knobs::Knobs;
pub use opened::Opened;
pub use process::take_descriptor;
pub use stand_in::{Guest, StandIn, visit};
pub use trust::trust_user;
pub use views::CacheStats;

use crate::pool::{self, Pool, PoolError};
use crate::provider::{Provider, Share, Span};

/// A handle of the block `span`, which lies in memory that `share` has handed out.
///
/// Others can open it until it was [`put`] back once for each time that it was got.
///
/// # Errors
///
/// [`IpcError::Provider`] if the memory is not `share`'s, [`IpcError::TooFar`], and what
/// the system refuses.
pub fn get(share: &dyn Share, span: Span) -> Result<IpcHandle, IpcError> {
    offers::get(share, span)
}

/// A handle of a live block of whatever pool, with all bytes that may be
/// [used](crate::pool::usable_size).
///
/// # Errors
///
/// [`IpcError::Pool`] if no pool has the address, [`IpcError::NotShareable`], and as
/// [`get`].
pub fn get_block(block: NonNull<u8>) -> Result<IpcHandle, IpcError> {
    let nobodys = || PoolError::Nobodys { address: block.addr().get() };
    let owner = pool::owner(block).ok_or_else(nobodys)?;
    let pool = owner.pool().ok_or_else(nobodys)?;
    get_from(pool.provider(), Span::new(block, pool.usable_size(block)?))
}

/// As [`get`], of a provider that may not share its memory.
///
/// # Errors
///
/// As [`get`], and [`IpcError::NotShareable`].
pub fn get_from(provider: &dyn Provider, span: Span) -> Result<IpcHandle, IpcError> {
    let refusal = || IpcError::NotShareable { provider: provider.name().to_owned() };
    get(provider.share().ok_or_else(refusal)?, span)
}

/// Puts a handle back; whether that was the last time, and nobody can open it any more.
///
/// # Errors
///
/// [`IpcError::NotOffered`] if it was put back before, or got by another process.
pub fn put(handle: &IpcHandle) -> Result<bool, IpcError> {
    offers::put(handle)
}

/// How many blocks this process offers.
#[must_use]
pub fn offered() -> usize {
    offers::offered()
}

/// Makes the handles of all blocks in `span` invalid, for the memory is about to be given
/// back; how many blocks were offered.
///
/// [Pools](crate::pool::Tracked) do it by themselves when they give memory back. Costs a
/// load where nothing is offered.
///
/// # Errors
///
/// As [`get`].
pub fn withdraw(share: &dyn Share, span: Span) -> Result<usize, IpcError> {
    offers::withdraw(share, span)
}

/// Opens a block of another process, or of this one.
///
/// # Errors
///
/// [`IpcError::NotAHandle`] for bytes that are none, [`IpcError::Withdrawn`] if the block
/// is offered no more, [`IpcError::OwnerGone`] and [`IpcError::NotAllowed`] if its file
/// cannot be had, [`IpcError::OutOfReach`] if only a device reaches it,
/// [`IpcError::OtherFile`], [`IpcError::BeyondFile`],
/// [`IpcError::ForeignOwner`] and [`IpcError::Unsealed`] if it is not as it should be.
#[inline]
pub fn open(handle: &IpcHandle) -> Result<Opened, IpcError> {
    let parts = handle.parts()?;
    if parts.kind == HandleKind::StandIn {
        return Err(IpcError::OutOfReach);
    }
    cache::open(&parts)
}

/// Closes a block that was left open with [`Opened::into_raw`].
///
/// # Errors
///
/// [`IpcError::NotOpen`] if it was closed as often as it was opened.
///
/// # Safety
///
/// Who calls it is one of those that opened the block, and does not use it afterwards.
pub unsafe fn close(block: NonNull<u8>) -> Result<(), IpcError> {
    cache::close_raw(block.addr().get())
}

/// What is mapped at an address of a block of another process; `None` if none is.
#[must_use]
pub fn find(at: NonNull<u8>) -> Option<Found> {
    cache::look_up(at.addr().get(), Found::of)
}

/// Has the process that serves at `address` hand over all files of which it offers blocks;
/// how many.
///
/// They are kept, so that its handles can be opened without rights to it, and after it has
/// ended, until [`trim`] is called.
///
/// # Errors
///
/// [`IpcError::NobodyServes`], [`IpcError::ForeignPeer`], [`IpcError::NotAHandover`], and
/// what the system refuses.
pub fn receive(address: &Address) -> Result<usize, IpcError> {
    owners::receive(address)
}

/// Unmaps files in which no block is open and forgets what was handed over; how many were
/// unmapped.
pub fn trim() -> usize {
    owners::forget();
    cache::trim()
}

/// What the mapped files were counted by.
#[must_use]
pub fn stats() -> CacheStats {
    cache::stats()
}
