//! What this process knows of those that offer blocks: their ledgers, and the files that
//! they have handed over.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::IpcError;
use super::handle::OwnerId;
use super::handover::{Address, Client};
use super::ledger::PeerLedger;
use super::process::Process;
use crate::sys::file_id::FileId;
use crate::thread::fork;

/// A process that offers blocks, or did.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) id: OwnerId,
    pub(super) ledger: PeerLedger,
    /// The process, if this one may take descriptors from it.
    process: Option<Process>,
    /// Where it hands files over.
    address: Address,
}

/// What has been heard of others so far.
#[derive(Debug, Default)]
struct Owners {
    known: HashMap<OwnerId, Arc<Owner>>,
    /// The files that were handed over.
    files: HashMap<FileId, Arc<OwnedFd>>,
}

static OWNERS: Mutex<Option<Owners>> = Mutex::new(None);

fn with<R>(work: impl FnOnce(&mut Owners) -> R) -> R {
    let _hold = fork::hold();
    let mut owners: MutexGuard<'_, Option<Owners>> =
        OWNERS.lock().unwrap_or_else(PoisonError::into_inner);
    work(owners.get_or_insert_default())
}

/// Who that is, if this process has heard of him.
pub(super) fn known(id: OwnerId) -> Option<Arc<Owner>> {
    with(|owners| owners.known.get(&id).cloned())
}

/// The file, if it was handed over.
pub(super) fn received(id: FileId) -> Option<Arc<OwnedFd>> {
    with(|owners| owners.files.get(&id).cloned())
}

/// Forgets all that was handed over, and all owners.
pub(super) fn forget() {
    // Dropped after the lock is released.
    let _gone = with(core::mem::take);
}

/// Takes the ledger with the number `ledger` from its owner, or has him hand it over.
pub(super) fn meet(id: OwnerId, ledger: i32) -> Result<Arc<Owner>, IpcError> {
    if let Some(known) = known(id) {
        return Ok(known);
    }
    let taken = Process::open(id.pid).and_then(|process| {
        let file = process.take(ledger)?;
        Ok((process, file))
    });
    let refusal = match taken {
        Ok((process, file)) => match PeerLedger::open(file.as_fd(), id) {
            Some(ledger) => {
                let address = Address::of(id);
                return Ok(keep(Owner { id, ledger, process: Some(process), address }));
            }
            // Another process has the id now, or another file the number.
            None => Errno::SRCH,
        },
        Err(refusal) => refusal,
    };
    introduced(id).ok_or_else(|| no_access(id.pid, refusal))
}

/// Has an owner hand his ledger over where he would by himself; `None` if he does not.
pub(super) fn introduced(id: OwnerId) -> Option<Arc<Owner>> {
    known(id).or_else(|| {
        let mut client = Client::connect(&Address::of(id)).ok()?;
        let owner = introduce(&mut client).ok()?;
        (owner.id == id).then_some(owner)
    })
}

/// Has whoever is at the other end hand his ledger over.
fn introduce(client: &mut Client) -> Result<Arc<Owner>, IpcError> {
    let (id, file) = client.ledger()?;
    if let Some(known) = known(id) {
        return Ok(known);
    }
    let ledger = PeerLedger::open(file.as_fd(), id);
    let ledger = ledger.ok_or_else(|| client.fault("it has no ledger"))?;
    let address = client.address().clone();
    Ok(keep(Owner { id, ledger, process: None, address }))
}

/// Has whoever serves at `address` hand over all files that he offers blocks of; how many.
pub(super) fn receive(address: &Address) -> Result<usize, IpcError> {
    let mut client = Client::connect(address)?;
    introduce(&mut client)?;
    let mut count = 0;
    let mut last = None;
    while let Some((id, file)) = client.file_after(last)? {
        if last >= Some(id) {
            return Err(client.fault("it repeats itself"));
        }
        keep_file(id, file);
        last = Some(id);
        count += 1;
    }
    Ok(count)
}

/// Has the owner hand a file over.
pub(super) fn fetch(address: &Address, id: FileId) -> Result<Option<Arc<OwnedFd>>, IpcError> {
    let file = Client::connect(address)?.file(id)?;
    Ok(file.map(|file| keep_file(id, file)))
}

/// Has the owner hand over a descriptor that goes with a file.
pub(super) fn fetch_beside(
    address: &Address,
    id: FileId,
    index: usize,
) -> Result<Option<OwnedFd>, IpcError> {
    Client::connect(address)?.beside(id, index)
}

fn keep(owner: Owner) -> Arc<Owner> {
    let owner = Arc::new(owner);
    with(|owners| owners.known.entry(owner.id).or_insert(owner).clone())
}

fn keep_file(id: FileId, file: OwnedFd) -> Arc<OwnedFd> {
    let file = Arc::new(file);
    with(|owners| owners.files.entry(id).or_insert(file).clone())
}

impl Owner {
    /// Whether this process may take descriptors from him.
    pub(super) fn is_near(&self) -> bool {
        self.process.is_some()
    }

    /// Takes the descriptor `number` of the owner.
    pub(super) fn take(&self, number: i32) -> Result<OwnedFd, Errno> {
        self.process.as_ref().ok_or(Errno::PERM)?.take(number)
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }
}

/// What it means that an owner's descriptors cannot be had.
pub(super) fn no_access(pid: u32, refusal: Errno) -> IpcError {
    match refusal {
        Errno::SRCH | Errno::INVAL | Errno::NOENT => IpcError::OwnerGone { pid },
        Errno::BADF => IpcError::Withdrawn,
        other => IpcError::NotAllowed { pid, why: std::io::Error::from(other).to_string() },
    }
}
