//! The blocks that this process offers to others.
//!
//! A file is kept open for as long as a block of it is offered, under a number of its
//! own, which handles say: so no handle ever names a descriptor that its provider has
//! closed, and whose number is another file's by now.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::handle::{HandleKind, NAME_ROOM, OwnerId, Parts, Place};
use super::ledger::OwnLedger;
use super::lingering::Lingering;
use super::view::id_of;
use super::{IpcError, IpcHandle};
use crate::provider::{FileRange, ProviderError, Share, SharedName, Span};
use crate::sys::file_id::FileId;
use crate::thread::fork;
use crate::thread::hooks::Hook;

/// Which block of a file: offset, length and access.
pub(super) type Block = (u64, u64, bool);

/// One block that is offered.
#[derive(Debug, Clone, Copy)]
struct Offer {
    handle: IpcHandle,
    file: FileId,
    block: Block,
    /// How often it was got and not put back.
    got: usize,
}

/// A file of which blocks are offered.
#[derive(Debug)]
struct OfferedFile {
    file: OwnedFd,
    /// The descriptors that others need with it.
    beside: Arc<[OwnedFd]>,
    kind: HandleKind,
    place: Place,
    /// The slots of those that are offered.
    blocks: BTreeMap<Block, u32>,
    /// How long the longest block was.
    longest: u64,
}

/// What this process offers.
#[derive(Debug)]
struct Offers {
    /// The fork that it was made after.
    era: u32,
    ledger: OwnLedger,
    files: BTreeMap<FileId, OfferedFile>,
    /// The offers by their slots.
    slots: Vec<Option<Offer>>,
    /// Slots of offers that have ended, whose blocks may still be open.
    lingering: Lingering,
    /// Slots that were looked for, by what their blocks hash to; what stands in a slot says
    /// whether it is the one.
    recent: Vec<u32>,
}

/// Blocks whose slots are at hand.
const RECENT: usize = 2048;

/// Counts the forks that this process comes from: a child offers nothing yet.
static ERA: AtomicU32 = AtomicU32::new(0);

/// How many blocks are offered.
static COUNT: AtomicUsize = AtomicUsize::new(0);

static OFFERS: Mutex<Option<Offers>> = Mutex::new(None);

static FORGET: Hook = Hook::new(|| {
    ERA.fetch_add(1, Ordering::Relaxed);
    COUNT.store(0, Ordering::Relaxed);
});

/// Offers the block `span`; it was got once more.
pub(super) fn get(share: &dyn Share, span: Span) -> Result<IpcHandle, IpcError> {
    if span.len == 0 {
        return Err(ProviderError::BadSize { requested: 0 }.into());
    }
    get_range(&share.file_of(span)?, None)
}

/// Offers a block of a file, with descriptors that others need as well.
pub(super) fn get_range(
    range: &FileRange<'_>,
    beside: Option<&Arc<[OwnedFd]>>,
) -> Result<IpcHandle, IpcError> {
    with(|offers| offers.get(range, beside))
}

/// Puts a handle back; whether that was the last time, and it is valid no more.
pub(super) fn put(handle: &IpcHandle) -> Result<bool, IpcError> {
    with(|offers| offers.put(handle))
}

/// Takes back what is offered of `span`, however often it was got; how many blocks.
pub(super) fn withdraw(share: &dyn Share, span: Span) -> Result<usize, IpcError> {
    if offered() == 0 {
        return Ok(0);
    }
    withdraw_range(&share.file_of(span)?)
}

/// As [`withdraw`], for a range of a file.
pub(super) fn withdraw_range(range: &FileRange<'_>) -> Result<usize, IpcError> {
    if offered() == 0 {
        return Ok(0);
    }
    with(|offers| Ok(offers.withdraw(range)))
}

/// Whether an offer that has ended, of a block with bytes in the range, is in use yet;
/// `is_used` tells so by the offer's slot.
pub(super) fn is_lingering(
    id: FileId,
    offset: u64,
    len: u64,
    is_used: impl Fn(u32) -> bool,
) -> Result<bool, IpcError> {
    with(|offers| {
        let Offers { lingering, ledger, .. } = offers;
        Ok(lingering.look(id, offset, len, is_used, |slot| ledger.free(slot)))
    })
}

/// Has nothing to do with a file any more.
pub(super) fn forget(id: FileId) {
    let _ = with(|offers| {
        let Offers { lingering, ledger, .. } = offers;
        lingering.forget(id, |slot| ledger.free(slot));
        Ok(())
    });
}

/// How many blocks are offered.
pub(super) fn offered() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// Who this process is to others.
pub(super) fn own_id() -> Result<OwnerId, IpcError> {
    with(|offers| Ok(offers.ledger.owner()))
}

/// Shows the ledger.
pub(super) fn with_ledger<R>(show: impl FnOnce(BorrowedFd<'_>) -> R) -> Result<R, IpcError> {
    with(|offers| Ok(show(offers.ledger.file())))
}

/// Shows a file of which blocks are offered.
pub(super) fn with_file<R>(
    id: FileId,
    show: impl FnOnce(BorrowedFd<'_>) -> R,
) -> Result<Option<R>, IpcError> {
    with(|offers| Ok(offers.files.get(&id).map(|it| show(it.file.as_fd()))))
}

/// Shows a descriptor that goes with a file of which blocks are offered.
pub(super) fn with_beside<R>(
    id: FileId,
    index: usize,
    show: impl FnOnce(BorrowedFd<'_>) -> R,
) -> Result<Option<R>, IpcError> {
    with(|offers| {
        let beside = offers.files.get(&id).and_then(|it| it.beside.get(index));
        Ok(beside.map(|beside| show(beside.as_fd())))
    })
}

/// The first file after `id` of which blocks are offered, in order.
pub(super) fn file_after(id: Option<FileId>) -> Result<Option<FileId>, IpcError> {
    with(|offers| Ok(offers.files.keys().find(|it| Some(**it) > id).copied()))
}

fn with<R>(work: impl FnOnce(&mut Offers) -> Result<R, IpcError>) -> Result<R, IpcError> {
    fork::call_in_child(&FORGET);
    let _hold = fork::hold();
    let mut offers: MutexGuard<'_, Option<Offers>> =
        OFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    let era = ERA.load(Ordering::Relaxed);
    if offers.as_ref().is_none_or(|it| it.era != era) {
        *offers = Some(Offers::new(era)?);
    }
    match offers.as_mut() {
        Some(offers) => work(offers),
        None => Err(IpcError::NotOffered),
    }
}

impl Offers {
    fn new(era: u32) -> Result<Self, IpcError> {
        let (ledger, recent) = (OwnLedger::new()?, vec![0; RECENT]);
        let (files, slots) = (BTreeMap::new(), Vec::new());
        Ok(Self { era, ledger, files, slots, lingering: Lingering::default(), recent })
    }

    /// The offer of a block, if there is one.
    fn find(&mut self, file: FileId, block: Block) -> Option<&mut Offer> {
        // Of a product the highest bits depend on all others.
        let hash = (file.inode ^ block.0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        let recent = &mut self.recent[hash as usize % RECENT];
        let is_it = |offer: &Offer| offer.block == block && offer.file == file;
        let at_hand = self.slots.get(*recent as usize).and_then(Option::as_ref);
        if !at_hand.is_some_and(is_it) {
            *recent = *self.files.get(&file)?.blocks.get(&block)?;
        }
        self.slots.get_mut(*recent as usize)?.as_mut()
    }

    fn get(
        &mut self,
        range: &FileRange<'_>,
        beside: Option<&Arc<[OwnedFd]>>,
    ) -> Result<IpcHandle, IpcError> {
        let block = (range.offset, range.len as u64, range.writable);
        if let Some(offer) = self.find(range.id, block) {
            offer.got += 1;
            return Ok(offer.handle);
        }
        let (kind, place) = match self.files.get(&range.id) {
            Some(known) => (known.kind, known.place),
            None => self.add_file(range, beside)?,
        };
        match self.offer(range, kind, place) {
            Ok((slot, handle)) => {
                if let Some(file) = self.files.get_mut(&range.id) {
                    file.longest = file.longest.max(block.1);
                    file.blocks.insert(block, slot);
                }
                let index = slot as usize;
                self.slots.resize(self.slots.len().max(index + 1), None);
                self.slots[index] = Some(Offer { handle, file: range.id, block, got: 1 });
                COUNT.fetch_add(1, Ordering::Relaxed);
                Ok(handle)
            }
            Err(error) => {
                self.drop_unused(range.id);
                Err(error)
            }
        }
    }

    fn offer(
        &mut self,
        range: &FileRange<'_>,
        kind: HandleKind,
        place: Place,
    ) -> Result<(u32, IpcHandle), IpcError> {
        let (slot, generation) = self.ledger.offer()?;
        let parts = Parts {
            kind,
            writable: range.writable,
            file: range.id,
            owner: self.ledger.owner(),
            offset: range.offset,
            len: range.len as u64,
            slot,
            generation,
            place,
        };
        let handle = IpcHandle::of(&parts).inspect_err(|_| self.ledger.withdraw(slot))?;
        Ok((slot, handle))
    }

    /// Keeps the file open, and says how handles name it.
    fn add_file(
        &mut self,
        range: &FileRange<'_>,
        beside: Option<&Arc<[OwnedFd]>>,
    ) -> Result<(HandleKind, Place), IpcError> {
        let copied = range.file.try_clone_to_owned();
        let call = "fcntl(F_DUPFD_CLOEXEC)";
        let file = copied.map_err(|error| IpcError::system(call, "a shared file", error))?;
        let beside = beside.map_or_else(|| Arc::from([]), Arc::clone);
        if id_of(&file)? != range.id {
            // The program closed a descriptor that is not its own, and opened another.
            return Err(IpcError::OtherFile { place: "the provider's descriptor".into() });
        }
        let (kind, name) = name_of(&range.name);
        let numbers = (file.as_raw_fd(), self.ledger.number());
        let by_number = Place::Descriptor { file: numbers.0, ledger: numbers.1 };
        let place = if fits(kind, name) { Place::Name(padded(name)) } else { by_number };
        let added = OfferedFile { file, beside, kind, place, blocks: BTreeMap::new(), longest: 0 };
        self.files.insert(range.id, added);
        Ok((kind, place))
    }

    fn put(&mut self, handle: &IpcHandle) -> Result<bool, IpcError> {
        // One that is offered here is a good one, so only others need be looked at.
        let offer = self.slots.get_mut(handle.slot() as usize).and_then(Option::as_mut);
        let Some(offer) = offer.filter(|offer| offer.handle == *handle) else {
            return handle.parts().and(Err(IpcError::NotOffered));
        };
        offer.got -= 1;
        let is_last = offer.got == 0;
        if is_last {
            self.take_back(handle.slot());
        }
        Ok(is_last)
    }

    fn withdraw(&mut self, range: &FileRange<'_>) -> usize {
        let Some(file) = self.files.get_mut(&range.id) else { return 0 };
        let end = range.offset.saturating_add(range.len as u64);
        // No block that starts before can reach into the range.
        let first = range.offset.saturating_sub(file.longest);
        let near = file.blocks.range((first, 0, false)..(end, 0, false));
        let hit: Vec<_> = near
            .filter(|((at, len, _), _)| range.offset < at.saturating_add(*len))
            .map(|(_, slot)| *slot)
            .collect();
        hit.iter().for_each(|slot| self.take_back(*slot));
        hit.len()
    }

    /// Ends an offer, however often it was got.
    fn take_back(&mut self, slot: u32) {
        let Some(offer) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        self.ledger.end(slot);
        let mut file = self.files.get_mut(&offer.file);
        if let Some(file) = &mut file {
            file.blocks.remove(&offer.block);
        }
        // The number says who counts what, until nobody does.
        match file {
            Some(file) if file.kind == HandleKind::StandIn => {
                self.lingering.add(offer.file, offer.block, slot);
            }
            _ => self.ledger.free(slot),
        }
        COUNT.fetch_sub(1, Ordering::Relaxed);
        self.drop_unused(offer.file);
    }

    fn drop_unused(&mut self, id: FileId) {
        if self.files.get(&id).is_some_and(|it| it.blocks.is_empty()) {
            self.files.remove(&id);
        }
    }
}

fn name_of<'n>(name: &SharedName<'n>) -> (HandleKind, &'n [u8]) {
    match *name {
        SharedName::Anonymous => (HandleKind::Anonymous, &[]),
        SharedName::Shm(name) => (HandleKind::Shm, name.as_bytes()),
        SharedName::File(path) => (HandleKind::File, path.as_os_str().as_bytes()),
        SharedName::Dax(path) => (HandleKind::Dax, path.as_os_str().as_bytes()),
        SharedName::StandIn => (HandleKind::StandIn, &[]),
    }
}

/// Whether a name can stand in a handle, and means the same to every process.
fn fits(kind: HandleKind, name: &[u8]) -> bool {
    let is_whole = kind == HandleKind::Shm || name.first() == Some(&b'/');
    is_whole && (1..=NAME_ROOM).contains(&name.len()) && !name.contains(&0)
}

fn padded(bytes: &[u8]) -> [u8; NAME_ROOM] {
    core::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0))
}
