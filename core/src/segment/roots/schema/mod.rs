//! What the type of a root is made of, kept beside the root.
//!
//! A schema is a list of types: the root's own first, then those of its members,
//! then those of theirs, as far as there is room. It serves messages and people
//! alone; whether two programs mean the same type is told by the fingerprint. So
//! the bytes may hold anything: what makes no sense ends the list.
//!
//! ```text
//! type     members (1, 0 ends the list) · whether they are all (1) ·
//!          fingerprint (4) · that many members
//! member   kind (1) · name · type's name · at · size · fingerprint (4)
//! name     length (1), bytes
//! at, size seven bits a byte, the lowest first; the eighth says that more follow
//! ```

mod difference;
mod member;
mod name;
mod read;
mod shape;
mod write;

use core::fmt;

pub use difference::Difference;
pub use member::{Member, MemberKind};
pub(super) use name::without_modules;
pub use shape::Shape;
pub(super) use write::schema_of;

use self::read::Reader;
use self::shape::half;

/// The most bytes that a schema takes.
pub(super) const SCHEMA_MAX: usize = 768;

/// What the type of a root is made of, copied out of a segment.
#[derive(Clone, Copy)]
pub struct Schema {
    bytes: [u8; SCHEMA_MAX],
    root: u32,
}

impl Schema {
    /// The bytes found in a segment, of the type with that fingerprint.
    pub(super) fn new(bytes: [u8; SCHEMA_MAX], fingerprint: u64) -> Self {
        Self { bytes, root: half(fingerprint) }
    }

    /// The members of the root's type; none if it has none, or nothing is known
    /// of it.
    pub fn members(&self) -> impl Iterator<Item = Shape> + '_ {
        self.members_of(self.root)
    }

    /// The members of a member's type.
    pub fn members_in(&self, member: &Shape) -> impl Iterator<Item = Shape> + '_ {
        self.members_of(member.print)
    }

    /// What the members are of the root's type; `None` if it has none.
    #[must_use]
    pub fn kind(&self) -> Option<MemberKind> {
        self.members().next().map(|member| member.kind)
    }

    /// Whether [`members`](Self::members) are all that the type has; it may have
    /// more than there was room for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete(self.root)
    }

    fn members_of(&self, print: u32) -> impl Iterator<Item = Shape> + '_ {
        self.types().find(|found| found.print == print).into_iter().flat_map(|it| it.members())
    }

    fn complete(&self, print: u32) -> bool {
        self.types().find(|found| found.print == print).is_none_or(|found| found.complete)
    }

    fn types(&self) -> Reader<'_> {
        Reader::new(&self.bytes)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.members()).finish()
    }
}
