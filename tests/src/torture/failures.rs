//! What does not hold, as whichever process sees it notes it down.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// How many are kept in words; more are counted.
const KEPT: usize = 24;

/// Bytes of the words of one.
const TEXT: usize = 1500;

/// What kind of promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody waited without end.
    Hang,
    /// A block was handed out that somebody has.
    Overlap,
    /// Contents changed, a structure is not in order, a process crashed.
    Corrupt,
    /// More was lost than may be.
    Lost,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Hang, Self::Overlap, Self::Corrupt, Self::Lost];
}

#[derive(Debug)]
struct Note {
    /// One more than the kind, as soon as the words are there.
    kind: AtomicUsize,
    text: [AtomicU8; TEXT],
}

/// The failures of a run.
#[derive(Debug)]
pub(super) struct Failures {
    counts: [AtomicUsize; Kind::ALL.len()],
    notes: [Note; KEPT],
}

impl Failures {
    /// Notes a failure.
    pub(super) fn note(&self, kind: Kind, text: impl fmt::Display) {
        self.counts[kind as usize].fetch_add(1, Ordering::Relaxed);
        let vacant = |note: &&Note| {
            note.kind.compare_exchange(0, usize::MAX, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        let Some(note) = self.notes.iter().find(vacant) else { return };
        for (to, byte) in note.text.iter().zip(text.to_string().bytes()) {
            to.store(byte, Ordering::Relaxed);
        }
        // Release: pairs with the Acquire in `texts`.
        note.kind.store(kind as usize + 1, Ordering::Release);
    }

    /// How many of a kind there were.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize].load(Ordering::Relaxed)
    }

    /// Whether there was any.
    pub(super) fn any(&self) -> bool {
        Kind::ALL.into_iter().any(|kind| self.count(kind) > 0)
    }

    /// What they are, in words.
    pub(super) fn texts(&self) -> Vec<String> {
        self.notes.iter().filter_map(text).collect()
    }
}

fn text(note: &Note) -> Option<String> {
    let kind = match note.kind.load(Ordering::Acquire) {
        0 => return None,
        // Whoever noted it was killed meanwhile.
        usize::MAX => "cut short".to_owned(),
        kind => format!("{:?}", Kind::ALL[kind - 1]),
    };
    let bytes = note.text.iter().map(|byte| byte.load(Ordering::Relaxed));
    let bytes: Vec<_> = bytes.take_while(|&byte| byte != 0).collect();
    Some(format!("{kind}: {}", String::from_utf8_lossy(&bytes)))
}
