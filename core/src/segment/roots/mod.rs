//! Named, typed roots: how a process finds what another one made.
//!
//! A root is a name, an offset and the fingerprint of the type that lives
//! there. Opening a root as another type is an error that names both; as another
//! version of the same type, it names the member that differs, as far as the
//! entry has room for what the type is made of. Heaps of small slabs have none.
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

mod entry;
mod error;
mod schema;
mod text;

pub use error::RootError;
pub use schema::{Difference, Member, MemberKind, Schema, Shape};
pub use text::Text;

use core::fmt;
use core::time::Duration;

use self::entry::Entry;
use super::geometry::{ROOT_LEAST, WORD};
use crate::offset::Offset;
use crate::sync::{Bytes, RobustGuard, RobustLock};
use crate::thread::ThreadModel;

/// The longest name of a root, in bytes.
pub const NAME_MAX: usize = 64;

const TYPE_MAX: usize = 128;

/// In the first entry: the lock of the table.
const LOCK_AT: usize = ROOT_LEAST - WORD;

/// How long a living holder of the table is waited for. None holds it for more
/// than some stores, so one that takes longer is stopped, or the lock's word is
/// damaged.
const PATIENCE: Duration = Duration::from_secs(1);

/// Describes a type so that two programs can tell whether they mean the same.
#[derive(Debug, Clone, Copy)]
pub struct TypeTag<'a> {
    /// The type's name, for error texts.
    pub name: &'a str,
    /// Bytes of a value.
    pub size: usize,
    /// Alignment of a value in bytes.
    pub align: usize,
    /// Differs for types that differ in layout or meaning.
    pub fingerprint: u64,
    /// What it is made of, for error texts; may be empty.
    pub members: &'static [Member],
}

/// The table of roots of a segment.
#[derive(Clone, Copy)]
pub struct Roots<'a> {
    bytes: Bytes<'a>,
    at: usize,
    /// Bytes of an entry.
    step: usize,
    count: usize,
    read_only: bool,
    model: &'a dyn ThreadModel,
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
    /// Bytes of the value.
    pub size: usize,
    /// Its alignment in bytes.
    pub align: usize,
    /// What [`TypeTag::fingerprint`] was when it was bound.
    pub fingerprint: u64,
}

impl Root {
    /// Whether the value is of the type that `tag` describes.
    #[must_use]
    pub fn is_a(&self, tag: &TypeTag<'_>) -> bool {
        let Self { size, align, fingerprint, .. } = *self;
        (size, align, fingerprint) == (tag.size, tag.align, tag.fingerprint)
    }
}

impl<'a> Roots<'a> {
    pub(crate) fn new(
        bytes: Bytes<'a>,
        (at, step, count): (usize, usize, usize),
        read_only: bool,
        model: &'a dyn ThreadModel,
    ) -> Self {
        Self { bytes, at, step, count, read_only, model }
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
        self.write(entry, &Entry::new(name, tag, at), tag);
        Ok(())
    }

    /// Where the value of type `tag` named `name` is.
    ///
    /// # Errors
    ///
    /// There is none of that name, or it is of another type or another version
    /// of the type.
    pub fn find(&self, name: &str, tag: &TypeTag<'_>) -> Result<Offset, RootError> {
        let name = self.checked_name(name)?;
        let (number, entry) = self.entry_named(&name).ok_or(RootError::Missing { name })?;
        self.check_type(number, &entry, tag)?;
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
        self.check_type(number, &entry, tag)?;
        self.count_change(number);
        Ok(entry.at)
    }

    /// All roots.
    pub fn iter(&self) -> impl Iterator<Item = Root> + use<'a> {
        let table = *self;
        (0..self.count).filter_map(move |entry| table.read(entry)).map(|entry| entry.root())
    }

    /// What the type of the root `name` is made of, as far as the entry tells.
    ///
    /// # Errors
    ///
    /// There is none of that name.
    pub fn schema(&self, name: &str) -> Result<Schema, RootError> {
        let name = self.checked_name(name)?;
        let (number, _) = self.entry_named(&name).ok_or(RootError::Missing { name })?;
        let (_, schema) = self.read_schema(number).ok_or(RootError::Missing { name })?;
        Ok(schema)
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
}
