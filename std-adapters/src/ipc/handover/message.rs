//! What the two ends of a hand-over say to each other.
//!
//! | question | words | answer |
//! |---|---|---|
//! | ledger | `MAGIC, 1, 0, 0` | `MAGIC, 1, process id, token` and the ledger |
//! | file | `MAGIC, 2, device, inode` | the same and the file, or none |
//! | next file | `MAGIC, 3, device, inode` of the last one | the next one's and the file, or none |
//! | what goes with a file | `MAGIC, 4 + 256 × index, device, inode` | the same and the descriptor, or none |
//!
//! The first file is the next one after device and inode `u64::MAX`. An answer of `MAGIC,
//! 0, 0, 0` means that there is none.

use core::mem::MaybeUninit;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::sys::file_id::FileId;

const MAGIC: u64 = 0x616e_796d_656d_0001;
const BESIDE: u64 = 4;
const SIZE: usize = 4 * size_of::<u64>();

/// A packet, with or without a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    Ledger { pid: u32, token: u32 },
    File(FileId),
    After(Option<FileId>),
    Beside(FileId, usize),
    Nothing,
}

const NO_FILE: FileId = FileId { device: u64::MAX, inode: u64::MAX };

impl Message {
    fn to_words(self) -> [u64; 4] {
        match self {
            Self::Ledger { pid, token } => [MAGIC, 1, u64::from(pid), u64::from(token)],
            Self::File(id) => [MAGIC, 2, id.device, id.inode],
            Self::After(id) => {
                let id = id.unwrap_or(NO_FILE);
                [MAGIC, 3, id.device, id.inode]
            }
            Self::Beside(id, index) => [MAGIC, BESIDE | (index as u64) << 8, id.device, id.inode],
            Self::Nothing => [MAGIC, 0, 0, 0],
        }
    }

    fn from_words([magic, what, first, second]: [u64; 4]) -> Option<Self> {
        let id = FileId { device: first, inode: second };
        match what {
            _ if magic != MAGIC => None,
            0 => Some(Self::Nothing),
            1 => {
                let (pid, token) = (first.try_into().ok()?, second.try_into().ok()?);
                Some(Self::Ledger { pid, token })
            }
            2 => Some(Self::File(id)),
            3 => Some(Self::After(Some(id).filter(|id| *id != NO_FILE))),
            what if what & 0xff == BESIDE => Some(Self::Beside(id, (what >> 8) as usize)),
            _ => None,
        }
    }

    /// Sends it, as one packet.
    pub(super) fn send(
        self,
        socket: BorrowedFd<'_>,
        file: Option<BorrowedFd<'_>>,
    ) -> Result<(), Errno> {
        let bytes = self.to_words().map(u64::to_ne_bytes);
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut room);
        let files = file.map(|file| [file]);
        if let Some(files) = &files {
            let fits = beside.push(SendAncillaryMessage::ScmRights(files));
            debug_assert!(fits, "there is room for one");
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        sendmsg(socket, &[IoSlice::new(bytes.as_flattened())], &mut beside, flags).map(|_| ())
    }

    /// Receives one, and what came beside it; `None` if the other end is gone or says
    /// what nobody understands.
    pub(super) fn receive(
        socket: BorrowedFd<'_>,
    ) -> Result<Option<(Self, Option<OwnedFd>)>, Errno> {
        let mut bytes = [0; SIZE];
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut room);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got = recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut beside, flags)?.bytes;
        let mut files = beside.drain().filter_map(|it| match it {
            RecvAncillaryMessage::ScmRights(files) => Some(files),
            _ => None,
        });
        // All that came are taken, so that none is left open.
        let file = files.by_ref().flatten().fold(None, |first, file| first.or(Some(file)));
        let words = bytes.as_chunks::<8>().0;
        let words = core::array::from_fn(|i| words.get(i).map_or(0, |it| u64::from_ne_bytes(*it)));
        Ok(Self::from_words(words).filter(|_| got == SIZE).map(|message| (message, file)))
    }
}
