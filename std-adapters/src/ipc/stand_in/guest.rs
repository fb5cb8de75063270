//! Who has blocks of a stand-in open.

use core::any::Any;
use core::fmt;
use core::sync::atomic::AtomicU32;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, OnceLock, PoisonError};

use anymem_core::sync::{Uses, Validity};
use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::super::handle::Parts;
use super::super::opened::Opened;
use super::super::slot::Entry;
use super::super::{HandleKind, IpcError, IpcHandle, cache, owners};
use super::head::{ALL_LANES, HEAD, Head, LANES, OWNER, counts_of};
use super::tie::Tie;
use crate::sys::byte_lock;
use crate::thread::fork;

/// What a process keeps for a stand-in as long as it is mapped.
#[derive(Default)]
pub(in super::super) struct Visit {
    // In this order: what the memory was opened as goes before others are told so.
    attached: OnceLock<Box<dyn Any + Send + Sync>>,
    lane: OnceLock<Lane>,
    /// Held by who makes one of these.
    making: Mutex<()>,
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Visit({:?})", self.lane.get())
    }
}

impl Visit {
    /// Whether the owner asked to close the memory.
    pub(in super::super) fn is_closing(&self) -> bool {
        self.lane.get().is_some_and(|lane| lane.head.is_closing())
    }
}

/// Where this process counts what it has open.
#[derive(Debug)]
struct Lane {
    head: Head,
    number: usize,
    tie: Tie,
}

// SAFETY: the head is used as atomics alone, and mapped for as long as the entry is there
// that has the lane.
unsafe impl Send for Lane {}
// SAFETY: as for `Send`.
unsafe impl Sync for Lane {}

/// A block of another process's memory that the processor does not reach, in use here for as
/// long as this lives.
pub struct Guest {
    opened: Opened,
    offset: u64,
    slot: u32,
}

/// Opens a block that a [`StandIn`](super::StandIn) has offered.
///
/// Once the stand-in is mapped, this takes no lock and no system call.
///
/// # Errors
///
/// [`IpcError::NotAStandIn`] for handles of other memory, [`IpcError::Forked`] in a child of
/// the process that opened the memory first, [`IpcError::OwnerGone`] if the owner ended before
/// it was, [`IpcError::TooManyGuests`], and as [`open`](super::super::open).
#[inline]
pub fn visit(handle: &IpcHandle) -> Result<Guest, IpcError> {
    let parts = handle.parts()?;
    let is_one = parts.kind == HandleKind::StandIn && parts.writable;
    if !is_one || parts.offset < HEAD as u64 {
        return Err(IpcError::NotAStandIn);
    }
    let opened = cache::open(&parts)?;
    let entry = opened.entry().ok_or(IpcError::Withdrawn)?;
    let lane = match entry.visit.lane.get() {
        Some(lane) => lane,
        None => enter(entry, &parts)?,
    };
    if !lane.tie.is_own() {
        return Err(IpcError::Forked);
    }
    let count = lane.head.count(lane.number, parts.slot).ok_or(IpcError::Withdrawn)?;
    let offer = entry.owner.as_ref().and_then(|owner| owner.ledger.offer(parts.slot));
    let offer: Validity<'_> = offer.ok_or(IpcError::Withdrawn)?;
    if !Uses::new(count).begin(&offer, parts.generation) {
        return Err(IpcError::Withdrawn);
    }
    Ok(Guest { opened, offset: parts.offset - HEAD as u64, slot: parts.slot })
}

/// Takes a lane, where the owner sees that this process has the memory open.
#[cold]
fn enter<'e>(entry: &'e Entry, parts: &Parts) -> Result<&'e Lane, IpcError> {
    cache::close_what_is_closing();
    let _hold = fork::hold();
    let visit = &entry.visit;
    let _making = visit.making.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lane) = visit.lane.get() {
        return Ok(lane);
    }
    let made = lane_of(entry, parts)?;
    Ok(visit.lane.get_or_init(|| made))
}

fn lane_of(entry: &Entry, parts: &Parts) -> Result<Lane, IpcError> {
    let no_room = || IpcError::system("mmap", "a stand-in", Errno::NOMEM);
    let base = entry.view.place(0, HEAD as u64).ok_or_else(no_room)?;
    // SAFETY: so much is mapped for as long as the entry is there, whose file is sealed, as
    // was looked at when it was mapped.
    let head = unsafe { Head::new(base) };
    if !head.is_one() {
        return Err(IpcError::NotAStandIn);
    }
    let file = entry.view.as_fd();
    if !byte_lock::is_locked(file, OWNER) {
        return Err(IpcError::OwnerGone { pid: parts.owner.pid });
    }
    let taken = Tie::first_of(file, ALL_LANES)?;
    let (tie, number) = taken.ok_or(IpcError::TooManyGuests { most: LANES })?;
    let number = number as usize;
    // Whoever had the lane before may have died with blocks open.
    let counts = counts_of(number);
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(file, flags, counts.start, counts.end - counts.start)
        .map_err(|error| IpcError::system("fallocate", "a stand-in", error))?;
    Ok(Lane { head, number, tie })
}

impl Guest {
    /// Where in the memory the block starts.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes the block has.
    #[must_use]
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "no block is empty")]
    pub fn len(&self) -> usize {
        self.opened.len()
    }

    /// What the owner says of the memory. Other guests can write to it as well.
    #[must_use]
    pub fn note(&self) -> [u8; super::StandIn::NOTE] {
        self.lane().map_or([0; super::StandIn::NOTE], |lane| lane.head.note())
    }

    /// A descriptor that goes with the memory, by its number from 0 on: taken from the owner,
    /// or handed over by his [`Handover`](super::super::Handover).
    ///
    /// # Errors
    ///
    /// [`IpcError::OwnerGone`], [`IpcError::NotAllowed`], and [`IpcError::Withdrawn`] if there
    /// is none.
    pub fn descriptor(&self, index: usize) -> Result<OwnedFd, IpcError> {
        let entry = self.opened.entry().ok_or(IpcError::Withdrawn)?;
        let owner = entry.owner.as_ref().ok_or(IpcError::Withdrawn)?;
        let number = self.lane().and_then(|lane| lane.head.descriptor(index));
        let number = number.ok_or(IpcError::Withdrawn)?;
        owner.take(number).or_else(|refusal| {
            match owners::fetch_beside(owner.address(), entry.key.file, index) {
                Ok(descriptor) => descriptor.ok_or(IpcError::Withdrawn),
                Err(_) => Err(owners::no_access(owner.id.pid, refusal)),
            }
        })
    }

    /// What this process keeps for the memory as long as it keeps that open: made the first
    /// time, the same for all blocks of it.
    ///
    /// Dropped before the owner is told that the memory is open here no more. `make` must not
    /// fork, nor come here again for the same memory.
    ///
    /// # Errors
    ///
    /// What `make` fails with; [`IpcError::OtherUse`] if something of another type is kept.
    pub fn attached<T, E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E>
    where
        T: Any + Send + Sync,
        E: From<IpcError>,
    {
        let visit = &self.opened.entry().ok_or(IpcError::Withdrawn)?.visit;
        let kept = match visit.attached.get() {
            Some(kept) => kept,
            None => {
                let _hold = fork::hold();
                let _making = visit.making.lock().unwrap_or_else(PoisonError::into_inner);
                match visit.attached.get() {
                    Some(kept) => kept,
                    None => {
                        let made: Box<dyn Any + Send + Sync> = Box::new(make()?);
                        visit.attached.get_or_init(|| made)
                    }
                }
            }
        };
        kept.downcast_ref().ok_or_else(|| IpcError::OtherUse.into())
    }

    /// Whether the owner lives; with its process, memory of a device may be gone.
    #[must_use]
    pub fn owner_lives(&self) -> bool {
        let entry = self.opened.entry();
        entry.is_some_and(|entry| byte_lock::is_locked(entry.view.as_fd(), OWNER))
    }

    #[inline]
    fn lane(&self) -> Option<&Lane> {
        self.opened.entry()?.visit.lane.get()
    }

    #[inline]
    fn count(&self) -> Option<&AtomicU32> {
        let lane = self.lane()?;
        // What a forked child has a copy of is its parent's use.
        if lane.tie.is_own() { lane.head.count(lane.number, self.slot) } else { None }
    }
}

impl Drop for Guest {
    #[inline]
    fn drop(&mut self) {
        let Some(count) = self.count() else { return };
        <Uses<'_>>::new(count).end();
        if self.lane().is_some_and(|lane| lane.head.is_closing()) {
            cache::give_up(self.opened.slot());
        }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guest({}..{})", self.offset, self.offset + self.len() as u64)
    }
}
