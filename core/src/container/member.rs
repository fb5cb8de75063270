//! How a type says what it is made of.

use super::{Fingerprint, ShmSafe};
use crate::segment::{Member, MemberKind};

impl Member {
    /// A field of type `T` that starts at the byte `at`.
    #[must_use]
    pub const fn field<T: ShmSafe>(name: &'static str, at: usize) -> Self {
        Self { kind: MemberKind::Field, at: at as u64, ..Self::parameter::<T>(name) }
    }

    /// A field whose type `T` contains the type that has the field: it counts
    /// with `text`, by which the program calls it.
    #[must_use]
    pub const fn recursive<T: ShmSafe>(name: &'static str, at: usize, text: &str) -> Self {
        Self {
            kind: MemberKind::Field,
            name,
            type_name: T::type_name,
            at: at as u64,
            size: size_of::<T>(),
            fingerprint: Fingerprint::new(text, 0, 0).finish(),
            members: &[],
        }
    }

    /// The type parameter `T` of a container.
    #[must_use]
    pub const fn parameter<T: ShmSafe>(name: &'static str) -> Self {
        Self {
            kind: MemberKind::Parameter,
            name,
            type_name: T::type_name,
            at: 0,
            size: size_of::<T>(),
            fingerprint: T::FINGERPRINT,
            members: T::MEMBERS,
        }
    }

    /// A variant of an enum.
    #[must_use]
    pub const fn variant(name: &'static str, number: u64) -> Self {
        Self {
            kind: MemberKind::Variant,
            name,
            type_name: || "",
            at: number,
            size: 0,
            fingerprint: number,
            members: &[],
        }
    }
}
