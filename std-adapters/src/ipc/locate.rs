//! From what a handle says to the file that it is of.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, SealFlags, Stat};
use rustix::io::Errno;

use super::handle::{HandleKind, NAME_ROOM, Parts};
use super::owners::{self, Owner};
use super::trust::trusts;
use super::view::stat;
use super::IpcError;
use crate::provider::FileId;

/// Where POSIX shared memory has its names.
const SHM: &str = "/dev/shm";

/// What the paths of DAX devices begin with.
const DAX: &str = "/dev/dax";

/// Who offers the block; `None` if that is not known, where it is not needed either.
pub(super) fn owner(parts: &Parts) -> Result<Option<Arc<Owner>>, IpcError> {
    match parts.kind {
        HandleKind::Descriptor => owners::meet(parts.owner, number(&parts.place, 1)).map(Some),
        _ => Ok(owners::introduced(parts.owner)),
    }
}

/// Opens the file of a block.
pub(super) fn file(parts: &Parts, owner: Option<&Owner>) -> Result<OwnedFd, IpcError> {
    if let Some(file) = owners::received(parts.file) {
        return admitted(copy(&file)?, parts);
    }
    let found = match parts.kind {
        HandleKind::Descriptor => by_number(parts, owner),
        _ => by_name(parts),
    };
    match found.and_then(|file| admitted(file, parts)) {
        Err(error) if may_be_handed_over(&error) => match handed_over(parts, owner) {
            Some(file) => admitted(file, parts),
            None => Err(error),
        },
        result => result,
    }
}

fn copy(file: &OwnedFd) -> Result<OwnedFd, IpcError> {
    let copy = file.try_clone();
    copy.map_err(|error| IpcError::system("fcntl(F_DUPFD_CLOEXEC)", "a shared file", error))
}

fn may_be_handed_over(error: &IpcError) -> bool {
    matches!(error, IpcError::NotAllowed { .. } | IpcError::OtherFile { .. } | IpcError::System { .. })
}

fn handed_over(parts: &Parts, owner: Option<&Owner>) -> Option<OwnedFd> {
    let file = owners::fetch(owner?.address(), parts.file).ok()??;
    copy(&file).ok()
}

fn by_number(parts: &Parts, owner: Option<&Owner>) -> Result<OwnedFd, IpcError> {
    let pid = parts.owner.pid;
    let owner = owner.ok_or(IpcError::OwnerGone { pid })?;
    let file = owner.take(number(&parts.place, 0));
    let file = file.map_err(|refusal| owners::no_access(pid, refusal))?;
    match FileId::of(&file) {
        Ok(id) if id == parts.file => Ok(file),
        // The number is another file's by now.
        _ => Err(IpcError::Withdrawn),
    }
}

fn by_name(parts: &Parts) -> Result<OwnedFd, IpcError> {
    let path = path_of(parts)?;
    let place = path.display().to_string();
    let other = || IpcError::OtherFile { place: place.clone() };
    let failed = |call| {
        let place = place.clone();
        move |error: Errno| IpcError::system(call, place, error)
    };
    // What would do something when it is opened is not opened.
    let found = rustix::fs::stat(&path).map_err(failed("stat"))?;
    if !is(&found, parts.file) || !is_memory(&found, parts.kind) {
        return Err(other());
    }
    let access = if parts.writable { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(failed("open"))?;
    if is(&stat(file.as_fd())?, parts.file) { Ok(file) } else { Err(other()) }
}

fn path_of(parts: &Parts) -> Result<PathBuf, IpcError> {
    let len = parts.place.iter().position(|byte| *byte == 0).unwrap_or(NAME_ROOM);
    let name = OsStr::from_bytes(&parts.place[..len]);
    let is_plain = len > 0 && !name.as_bytes().contains(&b'/') && name != "." && name != "..";
    let path = Path::new(name);
    let (path, is_right) = match parts.kind {
        HandleKind::Shm => (Path::new(SHM).join(name), is_plain),
        HandleKind::Dax => (path.to_owned(), name.as_bytes().starts_with(DAX.as_bytes())),
        _ => (path.to_owned(), path.is_absolute()),
    };
    let why = "its name cannot be one of memory";
    if is_right { Ok(path) } else { Err(IpcError::NotAHandle { why }) }
}

/// The file, if it is the handle's, and one that this process can take without harm.
fn admitted(file: OwnedFd, parts: &Parts) -> Result<OwnedFd, IpcError> {
    let found = stat(file.as_fd())?;
    if !is(&found, parts.file) {
        return Err(IpcError::Withdrawn);
    }
    let is_device = FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice;
    if !is_memory(&found, parts.kind) {
        return Err(IpcError::NotAHandle { why: "what it names is no memory" });
    }
    // Who may open a device is up to its permissions.
    if !is_device && !trusts(found.st_uid) {
        return Err(IpcError::ForeignOwner { uid: found.st_uid });
    }
    // Files without a name are kept from shrinking by nothing but seals.
    let may_shrink = || {
        !rustix::fs::fcntl_get_seals(&file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK))
    };
    if !is_device && found.st_nlink == 0 && may_shrink() {
        return Err(IpcError::Unsealed { pid: parts.owner.pid });
    }
    Ok(file)
}

fn is(found: &Stat, id: FileId) -> bool {
    (found.st_dev, found.st_ino) == (id.device, id.inode)
}

fn is_memory(found: &Stat, kind: HandleKind) -> bool {
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => kind != HandleKind::Dax,
        FileType::CharacterDevice => matches!(kind, HandleKind::Dax | HandleKind::Descriptor),
        _ => false,
    }
}

/// One of the two descriptors that a handle without a name says.
fn number(place: &[u8; NAME_ROOM], which: usize) -> i32 {
    place.as_chunks::<4>().0.get(which).map_or(-1, |bytes| i32::from_ne_bytes(*bytes))
}
