//! A member as a heap tells it.

use core::fmt;

use super::super::Text;
use super::name::{NAME, without_modules};
use super::{Member, MemberKind};

/// A member of a type, copied out of a heap or made from what the program
/// knows, to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// What it is of its type.
    pub kind: MemberKind,
    /// Its name.
    pub name: Text<NAME>,
    /// The name of its type, without modules; empty for a variant.
    pub type_name: Text<NAME>,
    /// The byte at which a field starts, or the number of a variant.
    pub at: u64,
    /// Bytes of a field.
    pub size: u64,
    /// Half of its type's fingerprint.
    pub(super) print: u32,
}

impl Shape {
    pub(super) fn of(member: &Member) -> Self {
        Self {
            kind: member.kind,
            name: Text::new(member.name),
            type_name: without_modules((member.type_name)()),
            at: member.at,
            size: member.size as u64,
            print: half(member.fingerprint),
        }
    }
}

/// As much of a fingerprint as a schema keeps.
pub(super) const fn half(fingerprint: u64) -> u32 {
    (fingerprint ^ (fingerprint >> 32)) as u32
}

/// Writes what the member is, apart from its name: "`u32` at byte 8".
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            MemberKind::Field => write!(f, "`{}` at byte {}", self.type_name, self.at),
            MemberKind::Variant => write!(f, "{}", self.at as i64),
            MemberKind::Parameter => write!(f, "`{}`", self.type_name),
        }
    }
}
