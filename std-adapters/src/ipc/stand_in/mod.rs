//! Files that stand in for memory which the processor does not reach, such as a device's.
//!
//! Such memory has no file that others could map. In its place they get one that is as long,
//! and has nothing in it but a [note](StandIn::new) in front: so a handle of a block of it is
//! a handle as any other, of the same place in the file, and what a valid handle is, how the
//! file is found, who is trusted and what is kept mapped is as for any other. Who opens it
//! [becomes a guest](visit): he reads the note, and does with it whatever opens that memory.
//!
//! # When the memory may go
//!
//! The owner [withdraws](StandIn::withdraw) what he offers. Then nobody can open it any more,
//! and the owner asks whether somebody still does [use it](StandIn::is_used): guests count
//! what they have open ([`Uses`](anymem_core::sync::Uses)), each process in a lane of its own,
//! whose lock the kernel takes away when that process ends, however it ends. Whether somebody
//! has the memory [open at all](StandIn::is_open) is another question: a process keeps it,
//! once it was opened, as it keeps files mapped, until it [trims](super::trim) or was
//! [asked](StandIn::ask_to_close) to let go.

mod guest;
mod head;
mod tie;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use anymem_core::sync::Uses;
pub(super) use guest::Visit;
pub use guest::{Guest, visit};
pub(super) use head::HEAD;
use head::{ALL_LANES, Head, OWNER};
use rustix::fs::{MemfdFlags, SealFlags};
use tie::Tie;

use super::view::id_of;
use super::{IpcError, IpcHandle, offers};
use crate::provider::{FileRange, SharedName};
use crate::sys::byte_lock;
use crate::sys::file_id::FileId;
use crate::sys::map::{MapError, Mapping};

/// What other processes open instead of memory that the processor does not reach.
///
/// It belongs to the process that made it; in a forked child it is nothing.
#[derive(Debug)]
pub struct StandIn {
    file: File,
    id: FileId,
    len: u64,
    head: Mapping,
    descriptors: Arc<[OwnedFd]>,
    /// By which others see that this process lives.
    tie: Tie,
}

impl StandIn {
    /// Bytes that a note has room for.
    pub const NOTE: usize = head::NOTE;

    /// Descriptors that can go with the memory.
    pub const DESCRIPTORS: usize = head::DESCRIPTORS;

    /// For `len` bytes of memory, with what others need to know to open it, and the
    /// descriptors that they need for it, if any.
    ///
    /// # Errors
    ///
    /// [`IpcError::TooManyDescriptors`] if there are more than
    /// [`DESCRIPTORS`](Self::DESCRIPTORS), and what the system refuses.
    pub fn new(
        len: u64,
        note: &[u8; Self::NOTE],
        descriptors: impl Into<Arc<[OwnedFd]>>,
    ) -> Result<Self, IpcError> {
        let descriptors = descriptors.into();
        if descriptors.len() > Self::DESCRIPTORS {
            let (asked, most) = (descriptors.len(), Self::DESCRIPTORS);
            return Err(IpcError::TooManyDescriptors { asked, most });
        }
        let size = (HEAD as u64).checked_add(len);
        let size = size.ok_or(IpcError::TooFar { what: "a length", value: len })?;
        let file = sealed_file(size)
            .map_err(|error| IpcError::system("memfd_create", "a stand-in", error))?;
        let head = Mapping::file(file.as_fd(), HEAD, true).map_err(|MapError(code)| {
            IpcError::system("mmap", "a stand-in", io::Error::from_raw_os_error(code))
        })?;
        let tie = Tie::first_of(file.as_fd(), OWNER)?;
        let busy =
            || IpcError::system("fcntl(F_OFD_SETLK)", "a stand-in", rustix::io::Errno::AGAIN);
        let (tie, _) = tie.ok_or_else(busy)?;
        let made = Self { id: id_of(&file)?, file, len, head, descriptors, tie };
        made.head().begin(note, made.descriptors.iter().map(AsRawFd::as_raw_fd));
        Ok(made)
    }

    /// How many bytes the memory has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no memory is empty")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// A handle of a block of the memory; it was got once more.
    ///
    /// # Errors
    ///
    /// [`IpcError::BeyondFile`] if the memory does not have the bytes, and as
    /// [`get`](super::get).
    pub fn get(&self, offset: u64, len: usize) -> Result<IpcHandle, IpcError> {
        let end = offset.checked_add(len as u64).filter(|end| *end <= self.len && len > 0);
        end.ok_or(IpcError::BeyondFile { offset, len: len as u64, size: self.len })?;
        offers::get_range(&self.range(offset, len as u64), Some(&self.descriptors))
    }

    /// Makes the handles of all blocks invalid that have bytes there; how many were offered.
    ///
    /// # Errors
    ///
    /// As [`get`](super::get).
    pub fn withdraw(&self, offset: u64, len: u64) -> Result<usize, IpcError> {
        if !self.tie.is_own() {
            return Ok(0);
        }
        offers::withdraw_range(&self.range(offset, len))
    }

    /// Whether somebody has a block open that has bytes there, and is not offered any more.
    ///
    /// # Errors
    ///
    /// As [`get`](super::get).
    pub fn is_used(&self, offset: u64, len: u64) -> Result<bool, IpcError> {
        if !self.tie.is_own() {
            return Ok(false);
        }
        let (head, lanes) = (self.head(), self.lanes());
        offers::is_lingering(self.id, HEAD as u64 + offset, len, |slot| {
            lanes.iter().any(|lane| {
                let count = head.count(*lane, slot);
                count.is_some_and(|count| !<Uses<'_>>::new(count).are_over())
            })
        })
    }

    /// Whether a process has the memory open, if only because it keeps it so.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tie.is_own() && !self.lanes().is_empty()
    }

    /// Asks all processes that keep the memory open to let go of it: they do once no block of
    /// it is open in them, but not while they do nothing at all with handles.
    pub fn ask_to_close(&self) {
        if self.tie.is_own() {
            self.head().ask_to_close();
        }
    }

    /// The lanes of living processes that have the memory open.
    fn lanes(&self) -> Vec<usize> {
        let locked = byte_lock::locked(self.file.as_fd(), ALL_LANES);
        locked.into_iter().map(|byte| (byte - ALL_LANES.start) as usize).collect()
    }

    fn range(&self, offset: u64, len: u64) -> FileRange<'_> {
        FileRange {
            file: self.file.as_fd(),
            id: self.id,
            name: SharedName::StandIn,
            offset: HEAD as u64 + offset,
            len: len as usize,
            writable: true,
        }
    }

    fn head(&self) -> Head {
        // SAFETY: so much is mapped for as long as this lives; the file is sealed.
        unsafe { Head::new(self.head.base()) }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if self.tie.is_own() {
            self.ask_to_close();
            let _ = self.withdraw(0, self.len);
            offers::forget(self.id);
        }
    }
}

/// A memory file of `size` bytes, which keeps them.
fn sealed_file(size: u64) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(rustix::fs::memfd_create(c"anymem-stand-in", flags)?);
    file.set_len(size)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)?;
    Ok(file)
}
