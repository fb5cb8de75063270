//! Which offers of a process hold: generations that it and its peers share.
//!
//! Each process that offers blocks has one, in a memory file of its own. A word per offer
//! holds its generation ([`Validity`]), which is another one once it is taken back. A
//! handle says the number and the generation, so whoever has the ledger sees with one load
//! whether a handle is still valid. Peers cannot write to it, nor shrink it.

use core::sync::atomic::{AtomicU32, Ordering};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use anymem_core::sync::Validity;
use rustix::fs::{MemfdFlags, SealFlags};

use super::IpcError;
use super::handle::OwnerId;
use crate::sys::map::{MapError, Mapping};
use crate::sys::random;

/// Offers that can hold at a time.
pub(super) const SLOTS: usize = 1 << 20;

/// The head's room; its words: magic, process id, token.
const HEAD: usize = 4096;
const LEN: usize = HEAD + SLOTS * size_of::<u32>();
const MAGIC: u32 = 0x6c64_6765;

/// The ledger's words.
#[derive(Debug)]
struct Words(Mapping);

impl Words {
    fn head(&self, at: usize) -> &AtomicU32 {
        debug_assert!(at < HEAD / 4);
        // SAFETY: within the mapping, which is page-aligned and `LEN` long; the file is
        // sealed against shrinking; other processes use it as atomics, too.
        unsafe { self.0.base().cast::<AtomicU32>().add(at).as_ref() }
    }

    #[inline]
    fn slot(&self, slot: u32) -> Option<Validity<'_>> {
        let at = Some(slot as usize).filter(|slot| *slot < SLOTS)?;
        // SAFETY: as in `head`; `at` is below `SLOTS`.
        let word = unsafe { self.0.base().add(HEAD).cast::<AtomicU32>().add(at).as_ref() };
        Some(Validity::new(word))
    }
}

/// The ledger of this process.
#[derive(Debug)]
pub(super) struct OwnLedger {
    words: Words,
    file: OwnedFd,
    owner: OwnerId,
    free: Vec<u32>,
    /// Slots from here on were never used.
    fresh: u32,
}

impl OwnLedger {
    pub(super) fn new() -> Result<Self, IpcError> {
        let file =
            sealed_file().map_err(|error| IpcError::system("memfd_create", "ledger", error))?;
        let mapping = Mapping::file(file.as_fd(), LEN, true).map_err(unmapped)?;
        let seals = SealFlags::FUTURE_WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals)
            .map_err(|error| IpcError::system("fcntl(F_ADD_SEALS)", "ledger", error))?;
        let owner = OwnerId { pid: std::process::id(), token: random() as u32 | 1 };
        let words = Words(mapping);
        for (at, value) in [MAGIC, owner.pid, owner.token].into_iter().enumerate() {
            words.head(at).store(value, Ordering::Relaxed);
        }
        Ok(Self { words, file, owner, free: Vec::new(), fresh: 0 })
    }

    pub(super) fn owner(&self) -> OwnerId {
        self.owner
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    pub(super) fn number(&self) -> i32 {
        self.file.as_raw_fd()
    }

    /// Begins an offer: its number and generation.
    pub(super) fn offer(&mut self) -> Result<(u32, u32), IpcError> {
        let slot = self.free.pop().unwrap_or(self.fresh);
        let validity = self.words.slot(slot).ok_or(IpcError::TooManyOffered { most: SLOTS })?;
        let generation = validity.begin();
        self.fresh = self.fresh.max(slot + 1);
        Ok((slot, generation))
    }

    /// Ends an offer, whose number is not given to another one yet.
    pub(super) fn end(&self, slot: u32) {
        if let Some(validity) = self.words.slot(slot) {
            validity.end();
        }
    }

    /// Lets the number of an offer that has ended be another one's.
    pub(super) fn free(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Takes an offer back.
    pub(super) fn withdraw(&mut self, slot: u32) {
        self.end(slot);
        self.free(slot);
    }
}

/// The ledger of another process, or of this one as others see it.
#[derive(Debug)]
pub(super) struct PeerLedger(Words);

impl PeerLedger {
    /// Opens what should be the ledger of `owner`; `None` if it is not.
    pub(super) fn open(file: BorrowedFd<'_>, owner: OwnerId) -> Option<Self> {
        let wanted = SealFlags::SHRINK | SealFlags::FUTURE_WRITE;
        if !rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals.contains(wanted)) {
            return None;
        }
        let size = rustix::fs::fstat(file).ok()?.st_size;
        if size != LEN as i64 {
            return None;
        }
        let words = Words(Mapping::file(file, LEN, false).ok()?);
        let head = [0, 1, 2].map(|at| words.head(at).load(Ordering::Relaxed));
        (head == [MAGIC, owner.pid, owner.token]).then_some(Self(words))
    }

    /// What is known of an offer.
    #[inline]
    pub(super) fn offer(&self, slot: u32) -> Option<Validity<'_>> {
        self.0.slot(slot)
    }

    /// Whether the offer still holds.
    #[inline]
    pub(super) fn holds(&self, slot: u32, generation: u32) -> bool {
        self.offer(slot).is_some_and(|validity| validity.holds(generation))
    }
}

/// A memory file of the right length, which keeps it.
fn sealed_file() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create(c"anymem-ipc-ledger", flags)?;
    rustix::fs::ftruncate(&file, LEN as u64)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)?;
    Ok(file)
}

fn unmapped(MapError(code): MapError) -> IpcError {
    IpcError::system("mmap", "ledger", io::Error::from_raw_os_error(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_holds_until_it_is_taken_back() {
        let mut own = OwnLedger::new().expect("made");
        let peer = PeerLedger::open(own.file(), own.owner()).expect("a ledger");
        let (slot, generation) = own.offer().expect("room");
        assert!(peer.holds(slot, generation));
        assert!(!peer.holds(slot, generation + 1) && !peer.holds(slot + 1, generation));
        assert!(!peer.holds(u32::MAX, generation) && !peer.holds(slot + 1, 0));
        own.withdraw(slot);
        assert!(!peer.holds(slot, generation) && !peer.holds(slot, generation + 1));
        let (again, newer) = own.offer().expect("room");
        assert_eq!(again, slot);
        assert!(peer.holds(slot, newer) && !peer.holds(slot, generation));
    }

    #[test]
    fn only_the_owners_ledger_is_taken_for_it() {
        let own = OwnLedger::new().expect("made");
        let other = OwnerId { token: own.owner().token ^ 2, ..own.owner() };
        assert!(PeerLedger::open(own.file(), other).is_none());
        let plain = rustix::fs::memfd_create(c"plain", MemfdFlags::CLOEXEC).expect("made");
        assert!(PeerLedger::open(plain.as_fd(), own.owner()).is_none());
        Mapping::file(own.file(), LEN, true).expect_err("peers cannot write");
    }
}
