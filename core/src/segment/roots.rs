//! Named, typed roots: how a process finds what another one made.
//!
//! A root is a name, an offset and the fingerprint of the type that lives
//! there. Opening a root as another type is an error that names both.
//!
//! # Protocol
//!
//! An entry's state word goes FREE → WRITING → BOUND → WRITING → FREE, each
//! step by compare-exchange, and its fields only change while it is WRITING.
//! The writer's process id is part of the WRITING word, so an entry left by a
//! dead writer can be taken over.

#![expect(
    clippy::result_large_err,
    clippy::large_enum_variant,
    reason = "without an allocator an error owns the texts it tells of; roots are looked up rarely"
)]

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::geometry::{ROOT_BYTES, WORD};
use crate::offset::Offset;
use crate::sync::{Arena, Bytes};
use crate::thread::{Liveness, Owner};

/// The longest name of a root, in bytes.
pub const NAME_MAX: usize = 64;

const TYPE_MAX: usize = 128;

const FREE: usize = 0;
const BOUND: usize = 1;
/// Every other value is the [`Owner`] word of a process that is writing.
const FIRST_WRITER: usize = 2;

const STATE_AT: usize = 0;
const OFFSET_AT: usize = WORD;
const FINGERPRINT_AT: usize = 2 * WORD;
const SIZE_AT: usize = 4 * WORD;
const ALIGN_AT: usize = 5 * WORD;
const NAME_AT: usize = 6 * WORD;
const TYPE_AT: usize = NAME_AT + NAME_MAX;

const _: () = assert!(TYPE_AT + TYPE_MAX <= ROOT_BYTES, "an entry does not fit");

/// Describes a type so that two programs can tell whether they mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeTag<'a> {
    /// The type's name, for error texts.
    pub name: &'a str,
    /// Bytes of a value.
    pub size: usize,
    /// Alignment of a value in bytes.
    pub align: usize,
    /// Differs for types that differ in layout or meaning.
    pub fingerprint: u64,
}

/// A text of at most `N` bytes, copied out of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// The first `N` bytes of `text`, cut at a character's end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        let end = (0..=N.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        for (to, from) in bytes.iter_mut().zip(text.as_bytes().iter().take(end.unwrap_or(0))) {
            *to = *from;
        }
        Self { bytes }
    }

    /// The text; empty where the bytes are none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(N);
        core::str::from_utf8(self.bytes.get(..end).unwrap_or_default()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a root could not be bound or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootError {
    /// No root has that name.
    Missing {
        /// The name asked for.
        name: Text<NAME_MAX>,
    },
    /// A root of that name exists.
    Exists {
        /// The name.
        name: Text<NAME_MAX>,
    },
    /// The root is of another type.
    OtherType {
        /// The name.
        name: Text<NAME_MAX>,
        /// The type that the root has.
        found: Text<TYPE_MAX>,
        /// The type asked for.
        expected: Text<TYPE_MAX>,
    },
    /// The name is empty, holds a NUL or is longer than [`NAME_MAX`] bytes.
    BadName {
        /// Its length in bytes.
        len: usize,
    },
    /// Every entry is taken.
    Full {
        /// How many roots the segment can have.
        roots: usize,
    },
    /// The segment can only be read.
    ReadOnly,
    /// The root points outside the segment.
    Corrupt,
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name } => write!(f, "no root is named {name:?}: bind it first"),
            Self::Exists { name } => {
                write!(f, "a root named {name:?} exists: open it, or unbind it first")
            }
            Self::OtherType { name, found, expected } => write!(
                f,
                "root {name:?} holds a `{found}`, not a `{expected}`: both programs must use the \
                 same definition of one type"
            ),
            Self::BadName { len } => {
                write!(f, "a root's name has 1 to {NAME_MAX} bytes without NUL; this one has {len}")
            }
            Self::Full { roots } => {
                write!(f, "all {roots} roots are taken: unbind one, or bind a struct of several")
            }
            Self::ReadOnly => f.write_str("the segment is attached read-only: open it for writing"),
            Self::Corrupt => f.write_str("the root's entry is damaged: verify the segment"),
        }
    }
}

impl core::error::Error for RootError {}

/// The table of roots of a segment.
#[derive(Clone, Copy)]
pub struct Roots<'a> {
    bytes: Bytes<'a>,
    at: usize,
    count: usize,
    read_only: bool,
    me: Owner,
    liveness: &'a dyn Liveness,
}

impl fmt::Debug for Roots<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|root| root.name)).finish()
    }
}

/// A root, as found in the table.
#[derive(Debug, Clone, Copy)]
pub struct Root {
    /// Its name.
    pub name: Text<NAME_MAX>,
    /// The name of its type.
    pub type_name: Text<TYPE_MAX>,
    /// Where the value is.
    pub at: Offset,
}

impl<'a> Roots<'a> {
    pub(crate) fn new(
        bytes: Bytes<'a>,
        at: usize,
        count: usize,
        read_only: bool,
        me: Owner,
        liveness: &'a dyn Liveness,
    ) -> Self {
        Self { bytes, at, count, read_only, me, liveness }
    }

    /// Binds `name` to the value at `at`.
    ///
    /// # Errors
    ///
    /// The name is taken or no name, or the table is full.
    pub fn bind(&self, name: &str, tag: &TypeTag<'_>, at: Offset) -> Result<(), RootError> {
        let name = self.checked_name(name)?;
        if self.read_only {
            return Err(RootError::ReadOnly);
        }
        let (entry, _) =
            self.lock_where(|state| state == FREE).ok_or(RootError::Full { roots: self.count })?;
        // The entry is ours; a second binder of the same name would have its
        // own, so the lower one wins and the other withdraws.
        self.write(entry, name, tag, at);
        self.state(entry).store(BOUND, Ordering::SeqCst);
        if self.entries_named(&name).any(|other| other != entry) {
            self.state(entry).store(FREE, Ordering::SeqCst);
            return Err(RootError::Exists { name });
        }
        Ok(())
    }

    /// Where the value of type `tag` named `name` is.
    ///
    /// # Errors
    ///
    /// There is none of that name, or it is of another type.
    pub fn find(&self, name: &str, tag: &TypeTag<'_>) -> Result<Offset, RootError> {
        let name = self.checked_name(name)?;
        let entry = self.entries_named(&name).next().ok_or(RootError::Missing { name })?;
        self.check_type(entry, name, tag)?;
        let at = Offset::new(self.load(entry, OFFSET_AT));
        match self.bytes.slice(at, tag.size) {
            Some(ptr) if ptr.addr().get().is_multiple_of(tag.align) && !at.is_null() => Ok(at),
            _ => Err(RootError::Corrupt),
        }
    }

    /// Takes a name away; what it named stays where it is.
    ///
    /// # Errors
    ///
    /// There is none of that name, or it is of another type.
    pub fn unbind(&self, name: &str, tag: &TypeTag<'_>) -> Result<Offset, RootError> {
        if self.read_only {
            return Err(RootError::ReadOnly);
        }
        let at = self.find(name, tag)?;
        let name = self.checked_name(name)?;
        for entry in self.entries_named(&name) {
            let freed = self.state(entry).compare_exchange(
                BOUND,
                FREE,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if freed.is_ok() {
                return Ok(at);
            }
        }
        Err(RootError::Missing { name })
    }

    /// All roots.
    pub fn iter(&self) -> impl Iterator<Item = Root> + use<'a> {
        let table = *self;
        (0..self.count).filter(move |&entry| table.is_bound(entry)).map(move |entry| Root {
            name: table.text(entry, NAME_AT),
            type_name: table.text(entry, TYPE_AT),
            at: Offset::new(table.load(entry, OFFSET_AT)),
        })
    }

    fn checked_name(&self, name: &str) -> Result<Text<NAME_MAX>, RootError> {
        if name.is_empty() || name.len() > NAME_MAX || name.contains('\0') {
            return Err(RootError::BadName { len: name.len() });
        }
        Ok(Text::new(name))
    }

    fn check_type(
        &self,
        entry: usize,
        name: Text<NAME_MAX>,
        tag: &TypeTag<'_>,
    ) -> Result<(), RootError> {
        let same = self.load(entry, SIZE_AT) == tag.size
            && self.load(entry, ALIGN_AT) == tag.align
            && self.load(entry, FINGERPRINT_AT) as u32 == tag.fingerprint as u32
            && self.load(entry, FINGERPRINT_AT + WORD) as u32 == (tag.fingerprint >> 32) as u32;
        let (found, expected) = (self.text(entry, TYPE_AT), Text::new(tag.name));
        if same { Ok(()) } else { Err(RootError::OtherType { name, found, expected }) }
    }

    /// Moves the first entry whose state satisfies `wanted`, or whose writer is
    /// dead, to WRITING.
    fn lock_where(&self, wanted: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        (0..self.count).find_map(|entry| {
            let seen = self.state(entry).load(Ordering::Relaxed);
            if !wanted(seen) && !self.writer_died(seen) {
                return None;
            }
            let writing = self.me.to_word().max(FIRST_WRITER);
            self.state(entry)
                .compare_exchange(seen, writing, Ordering::AcqRel, Ordering::Relaxed)
                .ok()
                .map(|_| (entry, seen))
        })
    }

    fn writer_died(&self, state: usize) -> bool {
        state >= FIRST_WRITER && !self.liveness.is_alive(Owner::from_word(state))
    }

    fn entries_named(&self, name: &Text<NAME_MAX>) -> impl Iterator<Item = usize> + use<'a> {
        let (table, name) = (*self, *name);
        (0..self.count).filter(move |&entry| {
            table.is_bound(entry) && table.text::<NAME_MAX>(entry, NAME_AT) == name
        })
    }

    fn is_bound(&self, entry: usize) -> bool {
        // SeqCst: of two binders of one name, at least one sees the other's
        // entry.
        self.state(entry).load(Ordering::SeqCst) == BOUND
    }

    fn write(&self, entry: usize, name: Text<NAME_MAX>, tag: &TypeTag<'_>, at: Offset) {
        self.store(entry, OFFSET_AT, at.get());
        self.store(entry, FINGERPRINT_AT, tag.fingerprint as u32 as usize);
        self.store(entry, FINGERPRINT_AT + WORD, (tag.fingerprint >> 32) as usize);
        self.store(entry, SIZE_AT, tag.size);
        self.store(entry, ALIGN_AT, tag.align);
        self.write_text(entry, NAME_AT, &name);
        self.write_text(entry, TYPE_AT, &Text::<TYPE_MAX>::new(tag.name));
    }

    fn state(&self, entry: usize) -> &AtomicUsize {
        self.bytes.word(Offset::new(self.at + entry * ROOT_BYTES + STATE_AT))
    }

    fn load(&self, entry: usize, field: usize) -> usize {
        self.bytes.word(Offset::new(self.at + entry * ROOT_BYTES + field)).load(Ordering::Relaxed)
    }

    fn store(&self, entry: usize, field: usize, value: usize) {
        self.bytes
            .word(Offset::new(self.at + entry * ROOT_BYTES + field))
            .store(value, Ordering::Relaxed);
    }

    fn text<const N: usize>(&self, entry: usize, field: usize) -> Text<N> {
        let mut bytes = [0; N];
        for (word, chunk) in bytes.chunks_mut(WORD).enumerate() {
            chunk.copy_from_slice(&self.load(entry, field + word * WORD).to_ne_bytes());
        }
        Text { bytes }
    }

    fn write_text<const N: usize>(&self, entry: usize, field: usize, text: &Text<N>) {
        for (word, chunk) in text.bytes.chunks(WORD).enumerate() {
            let mut bytes = [0; WORD];
            bytes.copy_from_slice(chunk);
            self.store(entry, field + word * WORD, usize::from_ne_bytes(bytes));
        }
    }
}
