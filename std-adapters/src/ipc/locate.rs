//! From what a handle says to the file that it is of.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags, SealFlags, Stat};
use rustix::io::Errno;

use super::IpcError;
use super::handle::{HandleKind, NAME_ROOM, Parts, Place};
use super::owners::{self, Owner};
use super::trust::trusts;
use super::view::{id_of, stat};
use crate::sys::file_id::FileId;

/// Where POSIX shared memory has its names.
const SHM: &str = "/dev/shm";

/// What the paths of DAX devices begin with.
const DAX: &str = "/dev/dax";

/// Who offers the block; `None` if that is not known, where it is not needed either.
pub(super) fn owner(parts: &Parts) -> Result<Option<Arc<Owner>>, IpcError> {
    match parts.place {
        Place::Descriptor { ledger, .. } => owners::meet(parts.owner, ledger).map(Some),
        Place::Name(_) => Ok(owners::introduced(parts.owner)),
    }
}

/// Opens the file of a block.
pub(super) fn file(parts: &Parts, owner: Option<&Owner>) -> Result<OwnedFd, IpcError> {
    if let Some(file) = owners::received(parts.file) {
        return admitted(copy(&file)?, parts);
    }
    let found = match &parts.place {
        Place::Descriptor { file, .. } => by_number(*file, parts, owner),
        Place::Name(name) => by_name(name, parts),
    };
    match (found.and_then(|file| admitted(file, parts)), owner) {
        (Err(error), Some(owner)) if may_be_handed_over(&error) => {
            match owners::fetch(owner.address(), parts.file) {
                Ok(Some(file)) => admitted(copy(&file)?, parts),
                // The owner offers nothing of it.
                Ok(None) => Err(IpcError::Withdrawn),
                Err(_) => Err(error),
            }
        }
        (result, _) => result,
    }
}

fn copy(file: &OwnedFd) -> Result<OwnedFd, IpcError> {
    let copy = file.try_clone();
    copy.map_err(|error| IpcError::system("fcntl(F_DUPFD_CLOEXEC)", "a shared file", error))
}

/// Whether that means that the file was not found, and not that it is no good.
fn may_be_handed_over(error: &IpcError) -> bool {
    use IpcError::{NotAllowed, OtherFile, OwnerGone, System};
    matches!(error, NotAllowed { .. } | OtherFile { .. } | OwnerGone { .. } | System { .. })
}

fn by_number(number: i32, parts: &Parts, owner: Option<&Owner>) -> Result<OwnedFd, IpcError> {
    let pid = parts.owner.pid;
    let owner = owner.filter(|it| it.is_near()).ok_or(IpcError::OwnerGone { pid })?;
    let file = owner.take(number);
    let file = file.map_err(|refusal| owners::no_access(pid, refusal))?;
    match id_of(&file) {
        Ok(id) if id == parts.file => Ok(file),
        // The number is another file's by now.
        _ => Err(IpcError::Withdrawn),
    }
}

fn by_name(name: &[u8; NAME_ROOM], parts: &Parts) -> Result<OwnedFd, IpcError> {
    let path = path_of(name, parts.kind)?;
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

fn path_of(name: &[u8; NAME_ROOM], kind: HandleKind) -> Result<PathBuf, IpcError> {
    let len = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_ROOM);
    let name = OsStr::from_bytes(&name[..len]);
    let is_plain = len > 0 && !name.as_bytes().contains(&b'/') && name != "." && name != "..";
    let path = Path::new(name);
    let (path, is_right) = match kind {
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
    // Memory without a name is kept from shrinking by nothing but seals.
    let may_shrink =
        || !rustix::fs::fcntl_get_seals(&file).is_ok_and(|seals| seals.contains(SealFlags::SHRINK));
    let is_nameless = matches!(parts.kind, HandleKind::Anonymous | HandleKind::StandIn);
    if is_nameless && may_shrink() {
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
        FileType::CharacterDevice => kind == HandleKind::Dax,
        _ => false,
    }
}
