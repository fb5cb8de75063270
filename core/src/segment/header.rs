//! The first bytes of a segment: what it is, and who made it.
//!
//! The header is written once, while the segment's state is `CREATING`, and
//! never changes after it has become `READY`. The counters behind it (frontier,
//! search start, hints) are hints or grow only; each is bounded where it is
//! read.

use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use super::geometry::{Geometry, WORD};
use crate::backend::{Backend, CommitError};
use crate::offset::{AllocatorId, Offset};
use crate::size_class::{Classes, MAX_CLASSES};
use crate::sync::Bytes;
use crate::thread::{Liveness, Owner};

/// Bytes that the header takes, counters included.
pub(crate) const HEADER_BYTES: usize = 1024;

/// The first eight bytes of every segment.
pub const MAGIC: [u8; 8] = *b"anymem\x1a\n";

/// The version of the layout. Segments of another version are refused.
pub const VERSION: u32 = 1;

const CREATING: u32 = 1;
const READY: u32 = 2;

/// What the creator writes and every attacher verifies.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    magic: [u8; 8],
    version: u32,
    /// 1 as this machine stores it: tells the byte order.
    order: u32,
    layout: u64,
    len: u64,
    pub(crate) id: u64,
    slots: u32,
    roots: u32,
    creator_pid: u32,
    state: u32,
    creator_start: u64,
}

/// The words behind the header that change, by their place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counter {
    /// Slabs below this number have committed metadata. Grows only.
    Frontier,
    /// No slab below this number is free; a hint.
    Search,
    /// Double frees that were seen and ignored.
    DoubleFrees,
}

impl Counter {
    pub(crate) const fn at(self) -> Offset {
        Offset::new(128 + self as usize * WORD)
    }
}

/// The shared slab of a class that was last seen with a free block; a hint.
pub(crate) const fn shared_hint_at(class: usize) -> Offset {
    Offset::new(256 + class * WORD)
}

const _: () = assert!(size_of::<Header>() <= 128);
const _: () = assert!(256 + MAX_CLASSES * WORD <= HEADER_BYTES);

/// Why a segment could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateError {
    /// The span is too short for a heap.
    TooSmall {
        /// Bytes that there are.
        len: usize,
        /// Heap slots that were asked for.
        slots: usize,
    },
    /// There is no space behind the span.
    NoSpace(CommitError),
    /// The id is the null id.
    NullId,
    /// More heap slots than a segment can have.
    TooManySlots {
        /// Slots that were asked for.
        slots: usize,
        /// The most there can be.
        most: usize,
    },
    /// The span can only be read.
    ReadOnly,
    /// The base is not aligned to the slab size.
    Misaligned {
        /// The alignment needed, in bytes.
        needed: usize,
    },
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { len, slots } => write!(
                f,
                "{len} bytes are too few for a heap with {slots} slots: give more memory, fewer \
                 slots or a smaller slab size"
            ),
            Self::NoSpace(error) => error.fmt(f),
            Self::NullId => f.write_str("the null allocator id cannot be used: choose another"),
            Self::TooManySlots { slots, most } => {
                write!(f, "{slots} heap slots were asked for, {most} are the most: ask for fewer")
            }
            Self::ReadOnly => f.write_str("a heap cannot be made in memory that is read-only"),
            Self::Misaligned { needed } => {
                write!(f, "the memory must start at a multiple of {needed} bytes")
            }
        }
    }
}

impl core::error::Error for CreateError {}

impl From<CommitError> for CreateError {
    fn from(error: CommitError) -> Self {
        Self::NoSpace(error)
    }
}

/// Why a span was not accepted as a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachError {
    /// The span is shorter than a header.
    TooShort {
        /// Bytes that there are.
        len: usize,
        /// Bytes that a header takes.
        needed: usize,
    },
    /// The span does not start as a segment does.
    NotASegment {
        /// Its first eight bytes.
        found: [u8; 8],
    },
    /// The segment was made on a machine of the other byte order.
    OtherByteOrder,
    /// The segment has another layout version.
    OtherVersion {
        /// The segment's version.
        found: u32,
        /// The version this program understands.
        expected: u32,
    },
    /// The segment was made with another slab size, word size or other classes.
    OtherLayout {
        /// The segment's layout fingerprint.
        found: u64,
        /// This program's.
        expected: u64,
    },
    /// The segment is longer than what is there of it: it was cut off.
    Truncated {
        /// Bytes that there are.
        len: u64,
        /// Bytes that the header tells of.
        expected: u64,
    },
    /// The creator has not finished yet: try again.
    StillCreating {
        /// The creator.
        creator: Owner,
    },
    /// The creator died before it finished: remove the segment.
    CreatorDied {
        /// The creator that was.
        creator: Owner,
    },
    /// The numbers in the header contradict each other.
    Damaged,
    /// The base is not aligned to the slab size.
    Misaligned {
        /// The alignment needed, in bytes.
        needed: usize,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { len, needed } => write!(
                f,
                "{len} bytes are no segment, whose header alone takes {needed}: the file was cut \
                 off or is something else"
            ),
            Self::NotASegment { found } => {
                write!(f, "not a segment: it starts with {:?}", found.escape_ascii())
            }
            Self::OtherByteOrder => {
                f.write_str("the segment comes from a machine of the other byte order")
            }
            Self::OtherVersion { found, expected } => write!(
                f,
                "the segment has layout version {found}, this program reads {expected}: use the \
                 program that made it, or make it anew"
            ),
            Self::OtherLayout { found, expected } => write!(
                f,
                "the segment was made with another slab size or word size (layout {found:#018x}, \
                 here {expected:#018x}): use a build that matches"
            ),
            Self::Truncated { len, expected } => {
                write!(f, "the segment was cut off: {len} of {expected} bytes are there")
            }
            Self::StillCreating { creator } => {
                write!(f, "the segment is still being made by {creator}: try again")
            }
            Self::CreatorDied { creator } => {
                write!(f, "{creator} died while it made the segment: remove it and make it anew")
            }
            Self::Damaged => {
                f.write_str("the segment's header is damaged: restore it or remove it")
            }
            Self::Misaligned { needed } => {
                write!(f, "the memory must start at a multiple of {needed} bytes")
            }
        }
    }
}

impl core::error::Error for AttachError {}

/// How a segment is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The id that names the heap in every process.
    pub id: AllocatorId,
    /// How many threads can hold a heap slot at a time; 0 for a number that
    /// suits the length.
    pub slots: usize,
    /// How many named roots there can be; 0 for a number that suits the length.
    pub roots: usize,
}

impl Config {
    /// The most heap slots a segment can have.
    pub const MOST_SLOTS: usize = if WORD == 8 { 65_000 } else { 1000 };

    /// A heap named `id`, everything else chosen to suit its length.
    #[must_use]
    pub const fn new(id: AllocatorId) -> Self {
        Self { id, slots: 0, roots: 0 }
    }

    /// A heap with `slots` heap slots.
    #[must_use]
    pub const fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    fn slots_for<const SHIFT: u32>(&self, len: usize) -> usize {
        match self.slots {
            0 => (len / 64 / Geometry::<SHIFT>::SLOT).clamp(1, 1024),
            slots => slots,
        }
    }

    fn roots_for(&self, len: usize) -> usize {
        match self.roots {
            0 => (len / 16384).clamp(4, 64),
            roots => roots,
        }
    }
}

/// Checks what can be checked of `backend` and writes its header, leaving the
/// segment in creation.
pub(super) fn begin<B: Backend, const SHIFT: u32>(
    backend: &B,
    creator: Owner,
    config: &Config,
) -> Result<Geometry<SHIFT>, CreateError> {
    let len = backend.len();
    if backend.read_only() {
        return Err(CreateError::ReadOnly);
    }
    if !backend.base().cast::<u8>().addr().get().is_multiple_of(Geometry::<SHIFT>::SLAB) {
        return Err(CreateError::Misaligned { needed: Geometry::<SHIFT>::SLAB });
    }
    if config.id == AllocatorId::NULL {
        return Err(CreateError::NullId);
    }
    let (slots, roots) = (config.slots_for::<SHIFT>(len), config.roots_for(len));
    if slots > Config::MOST_SLOTS {
        return Err(CreateError::TooManySlots { slots, most: Config::MOST_SLOTS });
    }
    let geometry = Geometry::new(len, slots, roots).ok_or(CreateError::TooSmall { len, slots })?;
    prepare(backend, &geometry)?;
    let header = Header {
        magic: MAGIC,
        version: VERSION,
        order: 1,
        layout: fingerprint::<SHIFT>(),
        len: len as u64,
        id: config.id.to_u64(),
        slots: slots as u32,
        roots: roots as u32,
        creator_pid: creator.pid,
        state: CREATING,
        creator_start: creator.start,
    };
    // SAFETY: the header's bytes were committed by `prepare`, are aligned with
    // the base, and nobody else knows of the segment yet.
    unsafe { backend.base().cast::<Header>().write(header) };
    Ok(geometry)
}

/// Puts space behind the tables that are always there, and zeroes what is not.
fn prepare<B: Backend, const SHIFT: u32>(
    backend: &B,
    geometry: &Geometry<SHIFT>,
) -> Result<(), CommitError> {
    backend.commit(Offset::NULL, geometry.used_at)?;
    let zeroed = if backend.zeroed() { 0 } else { geometry.data_at };
    // SAFETY: `data_at` is within the span, which nobody else uses yet; where
    // the backend is not zeroed there is nothing to commit.
    unsafe { backend.base().write_bytes(0, zeroed) };
    Ok(())
}

/// Makes the segment one that can be attached.
pub(super) fn finish(bytes: Bytes<'_>) {
    // Release: pairs with the Acquire in `verify`; publishes all metadata.
    state_word(bytes).store(READY, Ordering::Release);
}

/// Reads the header of a segment that somebody made and refuses what is not
/// exactly as expected.
pub(super) fn verify<B: Backend, const SHIFT: u32>(
    backend: &B,
    liveness: &dyn Liveness,
) -> Result<(Header, Geometry<SHIFT>), AttachError> {
    let header = read(backend)?;
    let found_bytes = backend.len() as u64;
    if header.layout != fingerprint::<SHIFT>() {
        let expected = fingerprint::<SHIFT>();
        return Err(AttachError::OtherLayout { found: header.layout, expected });
    }
    check_state(&header, liveness)?;
    if found_bytes < header.len {
        return Err(AttachError::Truncated { len: found_bytes, expected: header.len });
    }
    if !backend.base().addr().get().is_multiple_of(Geometry::<SHIFT>::SLAB) {
        return Err(AttachError::Misaligned { needed: Geometry::<SHIFT>::SLAB });
    }
    let slots = header.slots as usize;
    let len = usize::try_from(header.len).map_err(|_| AttachError::Damaged)?;
    let known = AllocatorId::from_u64(header.id) != AllocatorId::NULL && slots != 0;
    let geometry = Geometry::new(len, slots, header.roots as usize);
    match geometry {
        Some(geometry) if known && slots <= Config::MOST_SLOTS => Ok((header, geometry)),
        _ => Err(AttachError::Damaged),
    }
}

/// Copies the header out and checks what needs no knowledge of the slab size.
fn read<B: Backend>(backend: &B) -> Result<Header, AttachError> {
    let len = backend.len();
    if len < HEADER_BYTES {
        return Err(AttachError::TooShort { len, needed: HEADER_BYTES });
    }
    let base = backend.base();
    // SAFETY: at least `HEADER_BYTES` readable bytes are there, so a state word
    // is; the base is aligned by the backend's contract.
    let state = unsafe { base.add(offset_of!(Header, state)).cast::<AtomicU32>().as_ref() };
    // Acquire: pairs with the Release in `finish`, so that a ready segment's
    // other fields are seen as its creator wrote them.
    let state = state.load(Ordering::Acquire);
    // SAFETY: as above; any bit pattern is a `Header`. Volatile, since a hostile
    // peer may write at the same time: the copy is what gets checked and used.
    let header = unsafe { base.cast::<Header>().read_volatile() };
    let header = Header { state, ..header };
    if header.magic != MAGIC {
        return Err(AttachError::NotASegment { found: header.magic });
    }
    if header.order != 1 {
        return Err(AttachError::OtherByteOrder);
    }
    if header.version != VERSION {
        return Err(AttachError::OtherVersion { found: header.version, expected: VERSION });
    }
    Ok(header)
}

fn check_state(header: &Header, liveness: &dyn Liveness) -> Result<(), AttachError> {
    let creator = Owner { pid: header.creator_pid, start: header.creator_start };
    match header.state {
        READY => Ok(()),
        CREATING if liveness.is_alive(creator) => Err(AttachError::StillCreating { creator }),
        CREATING => Err(AttachError::CreatorDied { creator }),
        _ => Err(AttachError::Damaged),
    }
}

fn state_word(bytes: Bytes<'_>) -> &AtomicU32 {
    bytes.half(Offset::new(offset_of!(Header, state)))
}

/// What has to be equal for two programs to understand the same segment.
const fn fingerprint<const SHIFT: u32>() -> u64 {
    let facts = [
        VERSION as u64,
        SHIFT as u64,
        WORD as u64,
        Classes::<SHIFT>::COUNT as u64,
        Geometry::<SHIFT>::SLOT as u64,
        Geometry::<SHIFT>::DESCRIPTOR as u64,
        HEADER_BYTES as u64,
        super::roots::ROOT_BYTES as u64,
    ];
    // FNV-1a over whole words: spreads well enough to tell layouts apart.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut fact = 0;
    while fact < facts.len() {
        hash = (hash ^ facts[fact]).wrapping_mul(0x0000_0100_0000_01b3);
        fact += 1;
    }
    hash
}

/// What a segment is, read without knowing its slab size.
///
/// For listings: nothing here is trusted any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The heap's id.
    pub id: AllocatorId,
    /// Length in bytes as the header tells it.
    pub len: u64,
    /// Who made it.
    pub creator: Owner,
    /// Whether its creation was finished.
    pub ready: bool,
}

impl Summary {
    /// Reads the header of `backend`.
    ///
    /// # Errors
    ///
    /// It is no segment, or one of another version.
    pub fn read<B: Backend>(backend: &B) -> Result<Self, AttachError> {
        let header = read(backend)?;
        Ok(Self {
            id: AllocatorId::from_u64(header.id),
            len: header.len,
            creator: Owner { pid: header.creator_pid, start: header.creator_start },
            ready: header.state == READY,
        })
    }
}
