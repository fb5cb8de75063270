//! What a stand-in says of a device's memory.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem::ipc::StandIn;

use crate::driver::{DriverKind, IpcBytes};

type Bytes = [u8; StandIn::NOTE];

/// How the memory is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// By the driver's handle.
    Handle(IpcBytes),
    /// By importing pages with the descriptors that go with the stand-in, and mapping them one
    /// behind the other: the bytes of each.
    Pages(Vec<usize>),
}

/// What a stand-in says of a device's memory, as bytes:
///
/// | bytes | what |
/// |---|---|
/// | 0..4 | version, whose driver, form |
/// | 8..16 | bytes of the memory |
/// | 16..24 | its address where it is offered |
/// | 24..32 | a number that no other has |
/// | 32..96 | the driver's handle |
/// | or 4..8 | how many pieces the pages are in |
/// | 32.. | how many times [`GRAIN`] bytes each of these has |
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: DriverKind,
    pub(crate) form: Form,
    pub(crate) len: u64,
    pub(crate) start: u64,
    pub(crate) stamp: u64,
}

const VERSION: u8 = 2;

/// What the bytes of pieces are told in.
const GRAIN: usize = 4096;

/// Where the handle or the pieces stand.
const REST: usize = 32;

/// In the order of their numbers in notes.
const KINDS: [DriverKind; 4] =
    [DriverKind::Cuda, DriverKind::Hip, DriverKind::LevelZero, DriverKind::Sim];

impl Note {
    /// The note as bytes; what there is no room for is left out.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut bytes = [0; StandIn::NOTE];
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(KINDS.len());
        let form = u8::from(matches!(self.form, Form::Pages(_)));
        bytes[..3].copy_from_slice(&[VERSION, kind as u8, form]);
        let words = [self.len, self.start, self.stamp].map(u64::to_ne_bytes);
        bytes[8..REST].copy_from_slice(words.as_flattened());
        match &self.form {
            Form::Handle(handle) => bytes[REST..REST + 64].copy_from_slice(handle),
            Form::Pages(pieces) => {
                for (place, piece) in bytes[REST..].chunks_exact_mut(4).zip(pieces) {
                    place.copy_from_slice(&((piece / GRAIN) as u32).to_ne_bytes());
                }
                bytes[4..8].copy_from_slice(&(pieces.len() as u32).to_ne_bytes());
            }
        }
        bytes
    }

    /// The note that bytes are; `None` if they are none.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let [VERSION, kind, form, ..] = *bytes else { return None };
        let word = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        let form = match form {
            0 => Form::Handle(*bytes.get(REST..)?.first_chunk()?),
            1 => Form::Pages(pieces_of(bytes)?),
            _ => return None,
        };
        let kind = *KINDS.get(usize::from(kind))?;
        Some(Self { kind, form, len: word(8)?, start: word(16)?, stamp: word(24)? })
    }
}

/// The bytes of each piece; `None` if there are more than there is room for.
fn pieces_of(bytes: &Bytes) -> Option<Vec<usize>> {
    let half = |it: &[u8; 4]| u32::from_ne_bytes(*it) as usize;
    let count = half(bytes.get(4..)?.first_chunk()?);
    let (pieces, _) = bytes.get(REST..)?.as_chunks();
    Some(pieces.get(..count)?.iter().map(|it| half(it) * GRAIN).collect())
}

/// A number that no other process has, nor this one another time.
pub(super) fn stamp() -> u64 {
    static FIRST: OnceLock<u64> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = FIRST.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_said_is_read_again(
            kind in 0..4_usize,
            handle: Option<[u8; 32]>,
            pieces in proptest::collection::vec(1..1_usize << 32, 1..=StandIn::DESCRIPTORS),
            numbers: [u64; 3],
        ) {
            let [len, start, stamp] = numbers;
            let pages = pieces.into_iter().map(|it| it * GRAIN).collect();
            let form = handle.map_or(Form::Pages(pages), |half| {
                Form::Handle(std::array::from_fn(|at| half[at / 2]))
            });
            let note = Note { kind: KINDS[kind], form, len, start, stamp };
            prop_assert_eq!(Note::from_bytes(&note.to_bytes()), Some(note));
        }

        #[test]
        fn any_bytes_are_a_note_or_none(front: [u8; 4], count in 0..1000_u32, rest: u8) {
            let mut bytes = [rest; StandIn::NOTE];
            bytes[..4].copy_from_slice(&front);
            bytes[4..8].copy_from_slice(&count.to_ne_bytes());
            let fits = front[2] == 0 || count as usize <= (StandIn::NOTE - REST) / 4;
            let is_one = front[0] == VERSION && front[1] < 4 && front[2] < 2 && fits;
            prop_assert_eq!(Note::from_bytes(&bytes).is_some(), is_one);
        }
    }
}
