//! The first bytes of a segment: what it is, and who made it.
//!
//! The header is written once, while the segment's state is `CREATING`, and
//! never changes after it has become `READY`. The counters behind it (frontier,
//! search start, hints) are hints or grow only; each is bounded where it is
//! read.

use core::mem::offset_of;

use super::config::Config;
use super::error::{AttachError, CreateError};
use super::geometry::{GUESTS, Geometry, HEADER_BYTES, WORD};
use crate::backend::{Backend, CommitError};
use crate::offset::{AllocatorId, Offset};
use crate::secure;
use crate::size_class::{Classes, MAX_CLASSES};
use crate::sync::Bytes;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::thread::{Liveness, Owner};

/// The first eight bytes of every segment.
pub const MAGIC: [u8; 8] = *b"anymem\x1a\n";

/// The version of the layout. Segments of another version are refused.
pub const VERSION: u32 = 4;

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
    /// 1 if the heap is hardened.
    hardened: u64,
    /// What it is keyed with then, else 0.
    pub(crate) secret: u64,
    /// 1 if the space behind slabs is never given back.
    pub(crate) resident: u64,
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
    /// Milliseconds that free slabs rest before their space goes back to the
    /// system; 0 is for ever.
    Decay,
    /// When that was looked after last, in milliseconds by the clock of the
    /// thread model.
    Decayed,
    /// Blocks that somebody had written past the end of: seen, and taken out of
    /// circulation.
    Overflows,
    /// Entries of magazines that named no block of theirs: seen, and left out.
    BadEntries,
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

/// Checks what can be checked of `backend` and writes its header, leaving the
/// segment in creation.
pub(super) fn begin<B: Backend, const SHIFT: u32>(
    backend: &B,
    creator: Owner,
    config: &Config,
) -> Result<(Header, Geometry<SHIFT>), CreateError> {
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
        hardened: u64::from(secure::ON),
        secret: if secure::ON { secret(backend, creator, config) } else { 0 },
        resident: u64::from(config.resident || backend.resident()),
    };
    // SAFETY: the header's bytes were committed by `prepare`, are aligned with
    // the base, and nobody else knows of the segment yet.
    unsafe { backend.base().cast::<Header>().write(header) };
    let decay = config.decay.as_millis().try_into().unwrap_or(usize::MAX);
    // SAFETY: as for the header, behind which the word stands.
    unsafe { backend.base().add(Counter::Decay.at().get()).cast::<usize>().write(decay) };
    Ok((header, geometry))
}

/// What the creator chose, or what there is to mix.
fn secret<B: Backend>(backend: &B, creator: Owner, config: &Config) -> u64 {
    if config.secret != 0 {
        return config.secret;
    }
    let here = backend.base().addr().get() as u64;
    fnv(&[config.id.to_u64(), u64::from(creator.pid), creator.start, here])
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
    let hardened = header.hardened != 0;
    if hardened != secure::ON {
        return Err(AttachError::OtherHardening { hardened });
    }
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
        Geometry::<SHIFT>::ROOT as u64,
        GUESTS as u64,
    ];
    fnv(&facts) ^ secure::FINGERPRINT
}

/// FNV-1a over whole words: spreads well enough to tell layouts apart.
const fn fnv(facts: &[u64]) -> u64 {
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
