//! What one process tells another so that it finds a block.

use core::fmt;

use anymem_core::container::ShmSafe;

use super::IpcError;
use crate::sys::file_id::FileId;

/// What one process tells another so that it finds a block: 64 bytes of plain data,
/// which can be sent as bytes or stand in a shared heap.
///
/// It names a file and a place in it, never an address. What it says is checked wherever
/// it is opened: bytes that somebody made up are an error, or name memory that the opener
/// could have opened anyway.
///
/// Handles mean something on one machine until it is started anew. The bytes are:
///
/// | bytes | what |
/// |---|---|
/// | 0..4 | magic, version, kind and access |
/// | 4..8 | check sum of all others |
/// | 8..24 | device of the file, generation of the offer, number of the file |
/// | 24..32 | process id of the owner and a random number of its own |
/// | 32..48 | offset and length in the file, 48 bits each, and number of the offer |
/// | 48..64 | the name, padded with zeroes; or the numbers of two descriptors |
#[derive(Clone, Copy, PartialEq, Eq, Hash, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
pub struct IpcHandle {
    head: u32,
    check: u32,
    device: u32,
    generation: u32,
    inode: u64,
    owner: u64,
    offset_low: u32,
    len_low: u32,
    offset_high: u16,
    len_high: u16,
    slot: u32,
    place: [u32; 4],
}

/// What the file of a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandleKind {
    /// Memory without a name.
    Anonymous,
    /// POSIX shared memory.
    Shm,
    /// A file that has a path.
    File,
    /// A DAX device.
    Dax,
    /// A [stand-in](super::StandIn) for memory that the processor does not reach.
    StandIn,
}

/// What names and paths may have in bytes to stand in a handle themselves.
pub(super) const NAME_ROOM: usize = 16;

const MAGIC: u32 = 0xa3e7;
const VERSION: u8 = 1;
const WRITABLE: u32 = 0x80;
const NAMED: u32 = 0x40;
const MOST: u64 = 1 << 48;

/// Who offers a block: a process id and a random number, for ids are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct OwnerId {
    pub(super) pid: u32,
    pub(super) token: u32,
}

/// All that a handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) kind: HandleKind,
    pub(super) writable: bool,
    pub(super) file: FileId,
    pub(super) owner: OwnerId,
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) place: Place,
}

/// How the file is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// By its name, padded with zeroes.
    Name([u8; NAME_ROOM]),
    /// By a descriptor of its owner.
    Descriptor {
        /// Its number.
        file: i32,
        /// The number of the owner's ledger.
        ledger: i32,
    },
}

impl Place {
    fn to_words(self) -> [u32; 4] {
        match self {
            Self::Name(name) => {
                let words = name.as_chunks::<4>().0;
                core::array::from_fn(|i| words.get(i).map_or(0, |it| u32::from_ne_bytes(*it)))
            }
            Self::Descriptor { file, ledger } => {
                [file.cast_unsigned(), ledger.cast_unsigned(), 0, 0]
            }
        }
    }

    fn from_words(is_name: bool, words: [u32; 4]) -> Self {
        let [file, ledger, ..] = words.map(u32::cast_signed);
        if !is_name {
            return Self::Descriptor { file, ledger };
        }
        let name = words.map(u32::to_ne_bytes);
        Self::Name(core::array::from_fn(|i| name.as_flattened().get(i).copied().unwrap_or(0)))
    }
}

impl IpcHandle {
    /// How many bytes a handle has.
    pub const SIZE: usize = size_of::<Self>();

    pub(super) fn of(parts: &Parts) -> Result<Self, IpcError> {
        let fits = |what, value: u64| {
            if value < MOST { Ok(value) } else { Err(IpcError::TooFar { what, value }) }
        };
        let (offset, len) = (fits("an offset", parts.offset)?, fits("a length", parts.len)?);
        let device = parts.file.device;
        let kind = HandleKind::ALL.iter().position(|kind| *kind == parts.kind).unwrap_or(0) as u32;
        let access = if parts.writable { WRITABLE } else { 0 };
        let named = if matches!(parts.place, Place::Name(_)) { NAMED } else { 0 };
        let mut handle = Self {
            head: MAGIC << 16 | u32::from(VERSION) << 8 | access | named | kind,
            check: 0,
            device: u32::try_from(device)
                .map_err(|_| IpcError::TooFar { what: "a device", value: device })?,
            generation: parts.generation,
            inode: parts.file.inode,
            owner: u64::from(parts.owner.pid) << 32 | u64::from(parts.owner.token),
            offset_low: offset as u32,
            len_low: len as u32,
            offset_high: (offset >> 32) as u16,
            len_high: (len >> 32) as u16,
            slot: parts.slot,
            place: parts.place.to_words(),
        };
        handle.check = handle.sum();
        Ok(handle)
    }

    /// The handle as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        // SAFETY: the type is made of integers without room between them (its size is
        // asserted below), so all its bytes are set.
        unsafe { core::mem::transmute(*self) }
    }

    /// The handle that `bytes` are.
    ///
    /// # Errors
    ///
    /// [`IpcError::NotAHandle`] and [`IpcError::OtherVersion`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IpcError> {
        let bytes: [u8; Self::SIZE] =
            bytes.try_into().map_err(|_| IpcError::NotAHandle { why: "a handle has 64 bytes" })?;
        // SAFETY: the type is made of integers, which any bytes are.
        let handle: Self = unsafe { core::mem::transmute(bytes) };
        handle.parts().map(|_| handle)
    }

    /// How many bytes the block has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no block is empty")]
    pub fn len(&self) -> u64 {
        u64::from(self.len_high) << 32 | u64::from(self.len_low)
    }

    /// Where in its file the block starts.
    #[must_use]
    pub fn offset(&self) -> u64 {
        u64::from(self.offset_high) << 32 | u64::from(self.offset_low)
    }

    /// The process that offers the block, as it calls itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        (self.owner >> 32) as u32
    }

    /// Whether who opens it may write.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.head & WRITABLE != 0
    }

    /// What the file is.
    ///
    /// # Errors
    ///
    /// The handle is none, or of another version.
    pub fn kind(&self) -> Result<HandleKind, IpcError> {
        Ok(self.parts()?.kind)
    }

    /// Which slot of its owner's ledger the handle names.
    pub(super) fn slot(&self) -> u32 {
        self.slot
    }

    /// What the handle says, if it is one.
    #[inline]
    pub(super) fn parts(&self) -> Result<Parts, IpcError> {
        let kind = HandleKind::ALL.get((self.head & (NAMED - 1)) as usize);
        match kind {
            Some(kind) if self.check == self.sum() && self.has_own_head() && self.len() > 0 => {
                Ok(self.unchecked_parts(*kind))
            }
            _ => Err(self.fault()),
        }
    }

    fn unchecked_parts(&self, kind: HandleKind) -> Parts {
        Parts {
            kind,
            writable: self.writable(),
            file: FileId { device: u64::from(self.device), inode: self.inode },
            owner: OwnerId { pid: self.pid(), token: self.owner as u32 },
            offset: self.offset(),
            len: self.len(),
            slot: self.slot,
            generation: self.generation,
            place: Place::from_words(self.head & NAMED != 0, self.place),
        }
    }

    fn has_own_head(&self) -> bool {
        self.head >> 8 == MAGIC << 8 | u32::from(VERSION)
    }

    #[cold]
    fn fault(&self) -> IpcError {
        let found = (self.head >> 8) as u8;
        if self.head >> 16 != MAGIC {
            IpcError::NotAHandle { why: "they do not begin as one does" }
        } else if found != VERSION {
            IpcError::OtherVersion { found, expected: VERSION }
        } else if self.check != self.sum() {
            IpcError::NotAHandle { why: "their check sum is wrong" }
        } else {
            IpcError::NotAHandle { why: "it is of an unknown kind, or of no bytes" }
        }
    }

    /// Differs wherever one word differs, and nearly always where several do.
    #[inline]
    fn sum(&self) -> u32 {
        // SAFETY: as in `to_bytes`; integers are any bytes.
        let words: [u64; 8] = unsafe { core::mem::transmute(Self { check: 0, ..*self }) };
        let step = |sum: u64, word: u64| {
            let product = (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            product ^ product >> 29
        };
        // Four at a time, for a processor multiplies several at once.
        let [a, b, c, d, e, f, g, h] = words;
        let lanes = [(a, b), (c, d), (e, f), (g, h)].map(|(low, high)| step(step(7, low), high));
        let mixed = lanes.iter().fold(0_u64, |sum, lane| sum.rotate_left(16) ^ lane);
        (mixed ^ mixed >> 32) as u32
    }
}

const _: () = assert!(size_of::<IpcHandle>() == 64 && align_of::<IpcHandle>() == 8);

impl HandleKind {
    const ALL: [Self; 5] = [Self::Anonymous, Self::Shm, Self::File, Self::Dax, Self::StandIn];
}

impl fmt::Debug for IpcHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Ok(parts) => parts.fmt(f),
            Err(error) => write!(f, "IpcHandle({error})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        Parts {
            kind: HandleKind::File,
            writable: true,
            file: FileId { device: 0x1234_5678, inode: 1 << 40 | 7 },
            owner: OwnerId { pid: 4_194_304, token: 0xfeed_beef },
            offset: (1 << 47) + 12_345,
            len: (1 << 33) + 1,
            slot: 99,
            generation: 7,
            place: Place::Name(*b"/dev/dax0.0\0\0\0\0\0"),
        }
    }

    #[test]
    fn what_is_said_is_read_again() {
        let handle = IpcHandle::of(&parts()).expect("it fits");
        let read = IpcHandle::from_bytes(&handle.to_bytes()).expect("a handle");
        assert_eq!(read.parts(), Ok(parts()));
        let place = Place::Descriptor { file: 3, ledger: -1 };
        let small = Parts { writable: false, kind: HandleKind::Anonymous, place, ..parts() };
        assert_eq!(IpcHandle::of(&small).expect("it fits").parts(), Ok(small));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for far in [
            Parts { offset: 1 << 48, ..parts() },
            Parts { len: 1 << 48, ..parts() },
            Parts { file: FileId { device: 1 << 32, inode: 1 }, ..parts() },
        ] {
            assert!(matches!(IpcHandle::of(&far), Err(IpcError::TooFar { .. })));
        }
    }

    #[test]
    fn each_changed_byte_is_seen() {
        let bytes = IpcHandle::of(&parts()).expect("it fits").to_bytes();
        for at in 0..bytes.len() {
            for flip in 1..=255 {
                let mut changed = bytes;
                changed[at] ^= flip;
                IpcHandle::from_bytes(&changed).expect_err("it is another");
            }
        }
        for len in [0, 1, 63, 65] {
            IpcHandle::from_bytes(&vec![0; len]).expect_err("too few or many");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = IpcHandle::of(&parts()).expect("it fits").to_bytes();
        let version = bytes[..4].iter().position(|byte| *byte == VERSION).expect("there");
        bytes[version] = 9;
        let error = IpcHandle::from_bytes(&bytes).expect_err("another version");
        assert_eq!(error, IpcError::OtherVersion { found: 9, expected: VERSION });
    }
}
