//! What a type is made of, as its program knows it.

/// What a [`Member`] is of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A field of a struct or a tuple.
    Field,
    /// A variant of an enum.
    Variant,
    /// A type parameter of a container.
    Parameter,
}

impl MemberKind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Variant => "variant",
            Self::Parameter => "parameter",
        }
    }

    pub(super) const fn to_byte(self) -> u8 {
        self as u8
    }

    pub(super) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Field),
            1 => Some(Self::Variant),
            2 => Some(Self::Parameter),
            _ => None,
        }
    }
}

/// A field, a variant or a type parameter of a type.
///
/// A type's members are told by `ShmSafe::MEMBERS`, and written into the heap
/// when a value of it becomes a root: a program whose type is another then
/// learns in which member.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// What it is of its type.
    pub kind: MemberKind,
    /// Its name; the number of a field without.
    pub name: &'static str,
    /// Tells the name of its type; empty for a variant.
    pub type_name: fn() -> &'static str,
    /// The byte at which a field starts, or the number of a variant.
    pub at: u64,
    /// Bytes of a field.
    pub size: usize,
    /// The fingerprint of its type, or the number of a variant.
    pub fingerprint: u64,
    /// What its type is made of, if that is known.
    pub members: &'static [Self],
}
