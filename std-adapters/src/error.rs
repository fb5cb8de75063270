//! What can go wrong with a heap, each with what was found and what to do.

use std::io;
use std::path::{Path, PathBuf};

use anymem_core::backend::CommitError;
use anymem_core::container::ContainerError;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::RootError;
use thiserror::Error;

use crate::Size;

/// A text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SizeError {
    /// There is no number in front.
    #[error("{text:?} is not a size: write a number and a unit, as in 64MiB")]
    NotANumber {
        /// The text.
        text: String,
    },
    /// The unit is not known.
    #[error("the unit of {text:?} is not known: use B, KiB, MiB, GiB, TiB, KB, MB, GB or TB")]
    UnknownUnit {
        /// The text.
        text: String,
    },
    /// More bytes than this machine can address.
    #[error("{text:?} is more than this machine can address: use a smaller size")]
    TooLarge {
        /// The text.
        text: String,
    },
}

/// Why a heap's root could not be had as a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RootValueError {
    /// The name is missing, taken or no name, or the root is of another type.
    #[error(transparent)]
    Root(Box<RootError>),
    /// The heap was opened for reading only.
    #[error(
        "the heap is attached read-only, where a value cannot change: open it for writing, \
         or read plain data with root_to_read"
    )]
    ReadOnly,
    /// The value could not be made or reached.
    #[error(transparent)]
    Value(#[from] ContainerError),
    /// The value is in another heap than the one where it was to be bound.
    #[error("the value is in heap {found}, not in {expected}: make it in the heap that names it")]
    OtherHeap {
        /// The heap that the value is in.
        found: AllocatorId,
        /// The heap that was to name it.
        expected: AllocatorId,
    },
}

impl From<RootError> for RootValueError {
    fn from(error: RootError) -> Self {
        Self::Root(Box::new(error))
    }
}

/// Why a heap, or the memory for one, could not be had.
///
/// The heap without a name that [`MemfdBackend`](crate::backend::MemfdBackend)
/// makes goes by its label here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeapError {
    /// The name cannot be one.
    #[error(
        "{name:?} cannot name a heap, for it {why}: use 1 to 200 bytes without a slash, \
         and neither . nor .."
    )]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The size is not written right.
    #[error(transparent)]
    BadSize(#[from] SizeError),
    /// A heap of no bytes was asked for.
    #[error("a heap of 0 bytes holds nothing: give a size, such as 64MiB")]
    ZeroSize,
    /// More was asked for than a file or an address space can hold.
    #[error("{size:#} is more than this system can map: use a smaller size")]
    AbsurdSize {
        /// What was asked for.
        size: Size,
    },
    /// The size has no room for the heap's own tables.
    #[error(
        "{size:#} is too small for a heap with {slots} slots: use a larger size or fewer slots"
    )]
    TooSmall {
        /// What was asked for.
        size: Size,
        /// How many heap slots were to fit.
        slots: usize,
    },
    /// The permission bits are not any.
    #[error("{mode:#o} are no permission bits: use three octal digits, such as 0o600")]
    BadMode {
        /// The bits.
        mode: u32,
    },
    /// The name is taken.
    #[error("a heap named {name:?} exists already: open it, unlink it first, or use another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is no such heap.
    #[error("there is no heap named {name:?}: create it first, or check the name")]
    Missing {
        /// The name.
        name: String,
    },
    /// The system doesn't allow it.
    #[error(
        "not allowed to {action} the heap {name:?}: use its owner's account, or let the \
         owner create it with more permissions"
    )]
    Permission {
        /// The name.
        name: String,
        /// What was tried.
        action: &'static str,
    },
    /// Somebody else's heap, whose contents this process has no reason to
    /// trust.
    #[error(
        "the heap {name:?} belongs to user {found}, not to you: if you trust that user, \
         open it with trust_other_owners(true)"
    )]
    ForeignOwner {
        /// The name.
        name: String,
        /// The owner's user id.
        found: u32,
    },
    /// Something else is there.
    #[error("{name:?} is not a heap, for it {why}: check the name, or unlink it")]
    NotASegment {
        /// The name.
        name: String,
        /// What was found.
        why: &'static str,
    },
    /// The heap was made by another version of this library.
    #[error(
        "the heap {name:?} has layout version {found}, this program reads {expected}: \
         use a program of that version, or create the heap anew"
    )]
    OtherVersion {
        /// The name.
        name: String,
        /// The version found.
        found: u32,
        /// The version this program has.
        expected: u32,
    },
    /// The heap was made by a program with other constants.
    #[error(
        "the heap {name:?} was made by a program with another layout ({why}): use the \
         same build settings, or create the heap anew"
    )]
    OtherLayout {
        /// The name.
        name: String,
        /// What differs.
        why: String,
    },
    /// The file is shorter than the heap in it.
    #[error(
        "the heap {name:?} is truncated: {length} bytes are there, {needed} are needed; \
         unlink it and create it anew"
    )]
    Truncated {
        /// The name.
        name: String,
        /// How many bytes there are.
        length: u64,
        /// How many there must be.
        needed: u64,
    },
    /// Another process is creating it at this moment.
    #[error("the heap {name:?} is still being created by process {creator}: try again")]
    StillCreating {
        /// The name.
        name: String,
        /// The process that creates it.
        creator: u32,
    },
    /// The process that was creating it has died.
    #[error(
        "process {creator} died while it created the heap {name:?}: unlink it and create it anew"
    )]
    CreatorDied {
        /// The name.
        name: String,
        /// The process that began to create it.
        creator: u32,
    },
    /// A peer may shrink the memory under this process.
    #[error(
        "the memory of {name:?} is not sealed against shrinking: create it with \
         MemfdBackend, or add the seal F_SEAL_SHRINK"
    )]
    Unsealed {
        /// The name.
        name: String,
    },
    /// Private memory that no other process can open.
    #[error("{name:?} is private memory, which cannot be attached to: use a shared backend")]
    NotShareable {
        /// What was to be opened.
        name: String,
    },
    /// The file system is full.
    #[error("no space for the heap {name:?}: {error}")]
    NoSpace {
        /// The name.
        name: String,
        /// What was asked for.
        error: CommitError,
    },
    /// The directory for heaps is not there.
    #[error("there is no directory {path:?} for heaps: create or mount it, or name another")]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The directory for heaps takes no more files.
    #[error("{path:?} has no room for another heap: unlink one, or raise its limits")]
    DirectoryFull {
        /// The directory.
        path: PathBuf,
    },
    /// The process may not have so much address space.
    #[error(
        "no address space for {size}: use a smaller size, or raise the limit (ulimit -v, \
         vm.max_map_count, vm.overcommit_memory)"
    )]
    NoAddressSpace {
        /// What was asked for.
        size: Size,
    },
    /// The process may not make files of that length.
    #[error("files may have {limit} at most here, not {size}: raise the limit (ulimit -f)")]
    FileLimit {
        /// What was asked for.
        size: Size,
        /// The limit.
        limit: Size,
    },
    /// Another heap of the same id is attached in this process.
    #[error(
        "the id {id} of the heap {name:?} is that of another heap attached in this process: \
         detach that one, or create one of them with another id"
    )]
    IdTaken {
        /// The name.
        name: String,
        /// The id.
        id: AllocatorId,
    },
    /// The id is the one that no heap has.
    #[error("the null allocator id cannot name a heap: use any other")]
    NullId,
    /// More heap slots than a heap can have.
    #[error("{slots} heap slots are more than a heap can have: use {most} at most")]
    TooManySlots {
        /// What was asked for.
        slots: usize,
        /// The most there can be.
        most: usize,
    },
    /// This process has too many heaps attached.
    #[error("this process has as many heaps attached as it can: detach one first")]
    TooManyHeaps,
    /// This process has the heap open for reading only.
    #[error(
        "this process has the heap {name:?} attached read-only: open it for writing first, \
         or detach the read-only handle"
    )]
    AttachedReadOnly {
        /// The name.
        name: String,
    },
    /// Others in this process still use it.
    #[error("{handles} other handles of the heap {name:?} are alive: drop them first")]
    InUse {
        /// The name.
        name: String,
        /// How many.
        handles: usize,
    },
    /// The heap's own numbers make no sense.
    #[error("the heap {name:?} is damaged ({what}): verify it, or create it anew")]
    Damaged {
        /// The name.
        name: String,
        /// What was found.
        what: String,
    },
    /// No device can use the memory.
    #[error("no device can use {name:?}: {why}")]
    Device {
        /// What was asked for.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A system call failed in a way that nothing above describes.
    #[error("{call} failed for {path:?}: {}", io::Error::from_raw_os_error(*code))]
    System {
        /// The call.
        call: &'static str,
        /// What it was called for.
        path: PathBuf,
        /// The system's error number.
        code: i32,
    },
}

impl HeapError {
    /// What an error of the system means for the heap `name`, whose file is
    /// `path`.
    pub(crate) fn from_io(
        error: &io::Error,
        name: &str,
        action: &'static str,
        path: &Path,
    ) -> Self {
        let name = name.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::AlreadyExists => Self::Exists { name },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission { name, action }
            }
            _ => {
                let code = error.raw_os_error().unwrap_or(0);
                Self::System { call: action, path: path.into(), code }
            }
        }
    }
}
