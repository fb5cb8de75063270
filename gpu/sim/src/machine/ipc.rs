//! Blocks in other processes.
//!
//! A handle is plain data: which process has the block, and where in which of its files. The
//! file is fetched by `pidfd_getfd`, or through `/proc`, from a process that lives; a mapping
//! of it stays, whatever becomes of that process.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::Device;
use crate::mapping::{Mapping, Touch, whole_pages};
use crate::space::{Access, Kind, Origin, Span};
use crate::{Call, SimError};

/// What other processes open a block with: plain data.
pub type IpcHandle = [u8; 64];

/// What a handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offer {
    process: u32,
    file: u32,
    origin: Origin,
    bytes: usize,
}

/// The first word of every handle.
const MAGIC: u64 = u64::from_ne_bytes(*b"anymgpu1");

impl Device<'_> {
    /// What other processes open a block with; its first address is asked for.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if no block starts there, [`SimError::Invalid`] if it was
    /// allocated in the order of a stream, [`SimError::Unsupported`].
    pub fn export(self, base: u64) -> Result<IpcHandle, SimError> {
        self.offer(base).map(Offer::to_bytes)
    }

    /// The same without the process, for drivers whose handles carry a descriptor alone: the
    /// descriptor, which stays the machine's, and where in its file the block is.
    ///
    /// # Errors
    ///
    /// As [`export`](Self::export).
    pub fn export_file(self, base: u64) -> Result<(RawFd, u64, usize), SimError> {
        let Offer { file, origin, bytes, .. } = self.offer(base)?;
        Ok((file as RawFd, origin.offset, bytes))
    }

    fn offer(self, base: u64) -> Result<Offer, SimError> {
        self.enter(Call::Export)?;
        self.needs(self.machine.options.ipc, "blocks in other processes")?;
        let space = self.machine.space();
        let span = space.spans.get(&base).filter(|it| it.device == Some(self.number));
        let wrong = SimError::WrongAddress { address: base };
        let Span { bytes, kind: Kind::Block { at, in_order, .. }, .. } =
            span.ok_or(wrong.clone())?
        else {
            return Err(wrong);
        };
        if *in_order {
            return Err(SimError::Invalid { what: "block, which is of a stream" });
        }
        let arena = self.hardware().arena();
        let origin = Origin { inode: inode(arena.file())?, offset: *at as u64 };
        let file = arena.file().as_raw_fd() as u32;
        Ok(Offer { process: self.machine.process, file, origin, bytes: *bytes })
    }

    /// The address here of a block of another process. Opened again, it has the same, and is
    /// closed as often.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongHandle`] if it is of this process, of one that is gone, or of none.
    pub fn open(self, handle: &IpcHandle) -> Result<u64, SimError> {
        self.enter(Call::Open)?;
        self.needs(self.machine.options.ipc, "blocks in other processes")?;
        let offer = Offer::of(handle).ok_or(WRONG)?;
        if offer.process == self.machine.process {
            return Err(SimError::WrongHandle { what: "it is of this process" });
        }
        self.open_offer(offer, || fetch(offer))
    }

    /// The same by a descriptor of this process.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_file(self, file: OwnedFd, offset: u64, bytes: usize) -> Result<u64, SimError> {
        self.enter(Call::Open)?;
        self.needs(self.machine.options.ipc, "blocks in other processes")?;
        let origin = Origin { inode: inode(&file)?, offset };
        self.open_offer(Offer { process: 0, file: 0, origin, bytes }, || Ok(file))
    }

    fn open_offer(
        self,
        offer: Offer,
        file: impl FnOnce() -> Result<OwnedFd, SimError>,
    ) -> Result<u64, SimError> {
        let mut space = self.machine.space_mut();
        if let Some(&address) = space.opened.get(&offer.origin)
            && let Some(Span { kind: Kind::Opened { times, .. }, .. }) =
                space.spans.get_mut(&address)
        {
            *times += 1;
            return Ok(address);
        }
        let span = self.map_offer(offer, &file()?)?;
        let Kind::Opened { outside, .. } = &span.kind else { return Err(WRONG) };
        let address = outside.address();
        space.opened.insert(offer.origin, address);
        space.spans.insert(address, span);
        Ok(address)
    }

    fn map_offer(self, offer: Offer, file: &OwnedFd) -> Result<Span, SimError> {
        let (offset, taken) = (offer.origin.offset, whole_pages(offer.bytes).ok_or(WRONG)?);
        let outside = Mapping::of_file(file, offset, taken, Touch::Faults)?;
        let inside = Mapping::of_file(file, offset, taken, Touch::Allowed)?;
        Ok(Span {
            bytes: offer.bytes,
            inside: inside.start(),
            device: Some(self.number),
            access: Access::Write,
            kind: Kind::Opened { times: 1, from: offer.origin, outside, inside },
        })
    }

    /// Closes a block of another process, once the device has done what it was asked for.
    ///
    /// # Errors
    ///
    /// [`SimError::WrongAddress`] if none was opened there.
    pub fn close(self, address: u64) -> Result<(), SimError> {
        self.enter(Call::Close)?;
        self.finish_all();
        let mut space = self.machine.space_mut();
        let wrong = SimError::WrongAddress { address };
        let Some(Span { kind: Kind::Opened { times, from, .. }, .. }) =
            space.spans.get_mut(&address)
        else {
            return Err(wrong);
        };
        *times -= 1;
        if *times == 0 {
            let from = *from;
            space.opened.remove(&from);
            space.spans.remove(&address);
        }
        Ok(())
    }
}

impl Offer {
    fn to_bytes(self) -> IpcHandle {
        let words = [
            MAGIC,
            u64::from(self.process),
            u64::from(self.file),
            self.origin.inode,
            self.origin.offset,
            self.bytes as u64,
            0,
            0,
        ];
        let mut bytes = [0; 64];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    fn of(handle: &IpcHandle) -> Option<Self> {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(handle.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        let [MAGIC, process, file, inode, offset, bytes, 0, 0] = words else { return None };
        Some(Self {
            process: process.try_into().ok()?,
            file: file.try_into().ok()?,
            origin: Origin { inode, offset },
            bytes: usize::try_from(bytes).ok().filter(|&it| it > 0)?,
        })
    }
}

/// The file of an offer, from the process that has it.
fn fetch(offer: Offer) -> Result<OwnedFd, SimError> {
    let gone = |_| SimError::WrongHandle { what: "the process is gone, or does not let us" };
    let process = i32::try_from(offer.process).ok().and_then(Pid::from_raw).ok_or(WRONG)?;
    let number = i32::try_from(offer.file).map_err(|_| WRONG)?;
    let by_number = pidfd_open(process, PidfdFlags::empty())
        .and_then(|it| pidfd_getfd(it, number, PidfdGetfdFlags::empty()));
    let file = by_number.or_else(|_| {
        let path = format!("/proc/{}/fd/{number}", offer.process);
        rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
    });
    let file = file.map_err(gone)?;
    // The number may be another process's by now.
    if inode(&file)? == offer.origin.inode { Ok(file) } else { Err(WRONG) }
}

fn inode(file: impl AsFd) -> Result<u64, SimError> {
    rustix::fs::fstat(file).map(|it| it.st_ino).map_err(SimError::system("fstat"))
}

const WRONG: SimError = SimError::WrongHandle { what: "it names no block" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_plain_data() {
        let origin = Origin { inode: 7, offset: 8192 };
        let offer = Offer { process: 1, file: 3, origin, bytes: 5 };
        assert_eq!(Offer::of(&offer.to_bytes()), Some(offer));
        assert_eq!(Offer::of(&[0; 64]), None);
    }
}
