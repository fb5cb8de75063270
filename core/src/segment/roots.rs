//! Named, typed roots: how a process finds what another one made.
//!
//! A root is a name, an offset and the fingerprint of the type that lives
//! there. Opening a root as another type is an error that names both.
//!
//! # Protocol
//!
//! Binding and unbinding hold one lock for the whole table, whose word stands in
//! the slack of the first entry, so that of several processes that bind one name
//! exactly one does, and nobody finds the value of another. Its holder's death
//! is noticed, and leaves an entry that is bound or is not. A holder that lives
//! is waited for only so long: it may be stopped, or the word may be damaged.
//!
//! Finding takes no lock. An entry's state word counts its changes; it is odd
//! while the entry is bound. Whoever reads an entry copies its fields out and
//! then looks whether the state is still what it was.

#![expect(
    clippy::result_large_err,
    clippy::large_enum_variant,
    reason = "without an allocator an error owns the texts it tells of; roots are looked up rarely"
)]

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering, fence};
use core::time::Duration;

use super::geometry::{ROOT_BYTES, WORD};
use crate::offset::Offset;
use crate::sync::{Arena, Bytes, RobustGuard, RobustLock};
use crate::thread::{Owner, ThreadModel};

/// The longest name of a root, in bytes.
pub const NAME_MAX: usize = 64;

const TYPE_MAX: usize = 128;

const STATE_AT: usize = 0;
const OFFSET_AT: usize = WORD;
const FINGERPRINT_AT: usize = 2 * WORD;
const SIZE_AT: usize = 4 * WORD;
const ALIGN_AT: usize = 5 * WORD;
const NAME_AT: usize = 6 * WORD;
const TYPE_AT: usize = NAME_AT + NAME_MAX;

/// In the first entry: the lock of the table.
const LOCK_AT: usize = ROOT_BYTES - WORD;

const _: () = assert!(TYPE_AT + TYPE_MAX <= LOCK_AT, "an entry does not fit");

/// How long a living holder of the table is waited for. None holds it for more
/// than some stores, so one that takes longer is stopped, or the lock's word is
/// damaged.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often an entry that changes while it is read is read again.
const RETRIES: usize = 64;

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
    /// A living process holds the table and does not let go of it.
    Busy {
        /// Who holds it, as far as the segment tells.
        holder: Owner,
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
            Self::Busy { holder } => write!(
                f,
                "the table of roots is held by {holder}, which does not let go of it: try again \
                 when that process goes on; if it does not use this heap, the table's lock is \
                 damaged: create the heap anew"
            ),
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
    model: &'a dyn ThreadModel,
}

/// What an entry held at one moment.
#[derive(Clone, Copy)]
struct Entry {
    name: Text<NAME_MAX>,
    type_name: Text<TYPE_MAX>,
    at: Offset,
    size: usize,
    align: usize,
    fingerprint: [u32; 2],
}

impl Entry {
    fn new(name: Text<NAME_MAX>, tag: &TypeTag<'_>, at: Offset) -> Self {
        Self {
            name,
            type_name: Text::new(tag.name),
            at,
            size: tag.size,
            align: tag.align,
            fingerprint: [tag.fingerprint as u32, (tag.fingerprint >> 32) as u32],
        }
    }

    fn check_type(&self, tag: &TypeTag<'_>) -> Result<(), RootError> {
        let wanted = Self::new(self.name, tag, self.at);
        let layout = |entry: &Self| (entry.size, entry.align, entry.fingerprint);
        if layout(self) == layout(&wanted) {
            return Ok(());
        }
        let (name, found, expected) = (self.name, self.type_name, wanted.type_name);
        Err(RootError::OtherType { name, found, expected })
    }
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
        model: &'a dyn ThreadModel,
    ) -> Self {
        Self { bytes, at, count, read_only, model }
    }

    /// Binds `name` to the value at `at`.
    ///
    /// # Errors
    ///
    /// The name is taken or no name, the table is full, or a living process
    /// holds it and does not let go.
    ///
    /// # Safety
    ///
    /// A live value of the type that `tag` describes is at `at`, and stays there
    /// for as long as it is bound: whoever finds it gets a reference to it.
    pub unsafe fn bind(&self, name: &str, tag: &TypeTag<'_>, at: Offset) -> Result<(), RootError> {
        let name = self.checked_name(name)?;
        let _held = self.lock()?;
        if self.entry_named(&name).is_some() {
            return Err(RootError::Exists { name });
        }
        let full = RootError::Full { roots: self.count };
        let entry = (0..self.count).find(|&entry| !self.is_bound(entry)).ok_or(full)?;
        self.write(entry, &Entry::new(name, tag, at));
        Ok(())
    }

    /// Where the value of type `tag` named `name` is.
    ///
    /// # Errors
    ///
    /// There is none of that name, or it is of another type.
    pub fn find(&self, name: &str, tag: &TypeTag<'_>) -> Result<Offset, RootError> {
        let name = self.checked_name(name)?;
        let (_, entry) = self.entry_named(&name).ok_or(RootError::Missing { name })?;
        entry.check_type(tag)?;
        match self.bytes.slice(entry.at, tag.size) {
            Some(ptr) if ptr.addr().get().is_multiple_of(tag.align) && !entry.at.is_null() => {
                Ok(entry.at)
            }
            _ => Err(RootError::Corrupt),
        }
    }

    /// Takes a name away; what it named stays where it is.
    ///
    /// # Errors
    ///
    /// There is none of that name, it is of another type, or a living process
    /// holds the table and does not let go.
    pub fn unbind(&self, name: &str, tag: &TypeTag<'_>) -> Result<Offset, RootError> {
        let name = self.checked_name(name)?;
        let _held = self.lock()?;
        let (number, entry) = self.entry_named(&name).ok_or(RootError::Missing { name })?;
        entry.check_type(tag)?;
        self.count_change(number);
        Ok(entry.at)
    }

    /// All roots.
    pub fn iter(&self) -> impl Iterator<Item = Root> + use<'a> {
        let table = *self;
        (0..self.count)
            .filter_map(move |entry| table.read(entry))
            .map(|Entry { name, type_name, at, .. }| Root { name, type_name, at })
    }

    /// Keeps others from binding and unbinding.
    fn lock(&self) -> Result<RobustGuard<'_>, RootError> {
        if self.read_only {
            return Err(RootError::ReadOnly);
        }
        if self.count == 0 {
            return Err(RootError::Full { roots: 0 });
        }
        // What a dead holder left needs no repair: an entry whose state was not
        // changed is not bound, whatever its fields hold.
        RobustLock::at(&self.bytes, Offset::new(self.at + LOCK_AT))
            .lock_within(PATIENCE, self.model)
            .map_err(|holder| RootError::Busy { holder })
    }

    fn checked_name(&self, name: &str) -> Result<Text<NAME_MAX>, RootError> {
        if name.is_empty() || name.len() > NAME_MAX || name.contains('\0') {
            return Err(RootError::BadName { len: name.len() });
        }
        Ok(Text::new(name))
    }

    /// The entry named `name`, and its number.
    fn entry_named(&self, name: &Text<NAME_MAX>) -> Option<(usize, Entry)> {
        (0..self.count).find_map(|number| {
            let entry = self.read(number).filter(|entry| entry.name == *name)?;
            Some((number, entry))
        })
    }

    fn is_bound(&self, entry: usize) -> bool {
        self.state(entry).load(Ordering::Relaxed) & 1 == 1
    }

    /// What an entry holds, if it is bound.
    fn read(&self, entry: usize) -> Option<Entry> {
        for _ in 0..RETRIES {
            // Acquire: pairs with the Release in `count_change`, so that the
            // fields are seen as they were written before.
            let before = self.state(entry).load(Ordering::Acquire);
            if before.is_multiple_of(2) {
                return None;
            }
            let found = self.read_fields(entry);
            // Acquire: pairs with the Release in `write`. If a field came from a
            // later binding, the state is seen to have changed.
            fence(Ordering::Acquire);
            if self.state(entry).load(Ordering::Relaxed) == before {
                return Some(found);
            }
        }
        None
    }

    fn read_fields(&self, entry: usize) -> Entry {
        let low = self.load(entry, FINGERPRINT_AT) as u32;
        let high = self.load(entry, FINGERPRINT_AT + WORD) as u32;
        Entry {
            name: self.text(entry, NAME_AT),
            type_name: self.text(entry, TYPE_AT),
            at: Offset::new(self.load(entry, OFFSET_AT)),
            size: self.load(entry, SIZE_AT),
            align: self.load(entry, ALIGN_AT),
            fingerprint: [low, high],
        }
    }

    /// Fills an entry that is not bound, and binds it. The caller has the lock.
    fn write(&self, entry: usize, new: &Entry) {
        // Release: pairs with the Acquire fence in `read`; the unbinding before
        // is seen by whoever sees a field that is written now.
        fence(Ordering::Release);
        let [low, high] = new.fingerprint;
        self.store(entry, OFFSET_AT, new.at.get());
        self.store(entry, FINGERPRINT_AT, low as usize);
        self.store(entry, FINGERPRINT_AT + WORD, high as usize);
        self.store(entry, SIZE_AT, new.size);
        self.store(entry, ALIGN_AT, new.align);
        self.write_text(entry, NAME_AT, &new.name);
        self.write_text(entry, TYPE_AT, &new.type_name);
        self.count_change(entry);
    }

    /// Binds an entry that is not, or unbinds one that is. The caller has the
    /// lock.
    fn count_change(&self, entry: usize) {
        let state = self.state(entry);
        // Release: pairs with the Acquire in `read`; publishes the fields.
        state.store(state.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
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
