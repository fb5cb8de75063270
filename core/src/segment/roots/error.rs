//! Why a root could not be had.

use core::fmt;

use super::{Difference, NAME_MAX, TYPE_MAX, Text};
use crate::thread::Owner;

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
    /// The root is of a type of the same name that has changed.
    OtherSchema {
        /// The name.
        name: Text<NAME_MAX>,
        /// The first member that differs.
        difference: Difference,
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
            Self::OtherSchema { name, difference } => write!(
                f,
                "root {name:?} was made with another version of its type: {difference}; both \
                 programs must use the same definition of it"
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
