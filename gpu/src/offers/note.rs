//! What a stand-in says of a device's memory.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem::ipc::StandIn;

use crate::driver::{DriverKind, IpcBytes};

type Bytes = [u8; StandIn::NOTE];

/// How the memory is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// By the driver's handle.
    Handle(IpcBytes),
    /// By importing pages with the descriptor that goes with the stand-in.
    Pages,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) kind: DriverKind,
    pub(crate) form: Form,
    pub(crate) len: u64,
    pub(crate) start: u64,
    pub(crate) stamp: u64,
}

const VERSION: u8 = 1;

/// In the order of their numbers in notes.
const KINDS: [DriverKind; 4] =
    [DriverKind::Cuda, DriverKind::Hip, DriverKind::LevelZero, DriverKind::Sim];

impl Note {
    pub(crate) fn to_bytes(self) -> Bytes {
        let mut bytes = [0; StandIn::NOTE];
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(KINDS.len());
        let form = u8::from(self.form == Form::Pages);
        bytes[..3].copy_from_slice(&[VERSION, kind as u8, form]);
        let words = [self.len, self.start, self.stamp].map(u64::to_ne_bytes);
        bytes[8..32].copy_from_slice(words.as_flattened());
        if let Form::Handle(handle) = &self.form {
            bytes[32..96].copy_from_slice(handle);
        }
        bytes
    }

    /// The note that bytes are; `None` if they are none.
    pub(crate) fn from_bytes(bytes: &Bytes) -> Option<Self> {
        let [VERSION, kind, form, ..] = *bytes else { return None };
        let word = |at: usize| Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
        let form = match form {
            0 => Form::Handle(*bytes.get(32..)?.first_chunk()?),
            1 => Form::Pages,
            _ => return None,
        };
        let kind = *KINDS.get(usize::from(kind))?;
        Some(Self { kind, form, len: word(8)?, start: word(16)?, stamp: word(24)? })
    }
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
            numbers: [u64; 3],
        ) {
            let [len, start, stamp] = numbers;
            let form = handle.map_or(Form::Pages, |half| {
                Form::Handle(std::array::from_fn(|at| half[at / 2]))
            });
            let note = Note { kind: KINDS[kind], form, len, start, stamp };
            prop_assert_eq!(Note::from_bytes(&note.to_bytes()), Some(note));
        }

        #[test]
        fn any_bytes_are_a_note_or_none(front: [u8; 4], rest: u8) {
            let mut bytes = [rest; StandIn::NOTE];
            bytes[..4].copy_from_slice(&front);
            let is_one = front[0] == 1 && front[1] < 4 && front[2] < 2;
            prop_assert_eq!(Note::from_bytes(&bytes).is_some(), is_one);
        }
    }
}
