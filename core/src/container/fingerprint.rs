//! A number that tells two layouts of a type apart.

use crate::segment::{Member, MemberKind};

/// Builds the [`FINGERPRINT`](super::ShmSafe::FINGERPRINT) of a type, at
/// compile time.
///
/// Two programs that share a value must agree on its bytes. What they agree on
/// goes in here: the type's name, size and alignment, and the name, place and
/// fingerprint of each field. The hash is FNV-1a with 64 bits: it catches
/// mistakes, not attacks.
///
/// ```
/// use anymem_core::container::{Fingerprint, ShmSafe};
/// const V1: u64 = Fingerprint::new("Point", 8, 4)
///     .field("x", 0, u32::FINGERPRINT)
///     .field("y", 4, u32::FINGERPRINT)
///     .finish();
/// const V2: u64 = Fingerprint::new("Point", 8, 4)
///     .field("y", 0, u32::FINGERPRINT)
///     .field("x", 4, u32::FINGERPRINT)
///     .finish();
/// assert_ne!(V1, V2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Starts with a type's name, size and alignment.
    #[must_use]
    pub const fn new(name: &str, size: usize, align: usize) -> Self {
        Self(0xcbf2_9ce4_8422_2325).text(name).number(size as u64).number(align as u64)
    }

    /// Adds a field.
    #[must_use]
    pub const fn field(self, name: &str, offset: usize, fingerprint: u64) -> Self {
        self.text(name).number(offset as u64).number(fingerprint)
    }

    /// Adds what a type is made of.
    #[must_use]
    pub const fn members(self, members: &[Member]) -> Self {
        let (mut hash, mut i) = (self, 0);
        while i < members.len() {
            let Member { kind, name, at, fingerprint, .. } = members[i];
            hash = match kind {
                MemberKind::Field => hash.field(name, at as usize, fingerprint),
                MemberKind::Variant => hash.text(name).number(at),
                MemberKind::Parameter => hash.number(fingerprint),
            };
            i += 1;
        }
        hash
    }

    /// Adds a name, for instance that of a variant.
    #[must_use]
    pub const fn text(self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut hash = self.number(bytes.len() as u64);
        let mut i = 0;
        // A `for` loop cannot run at compile time.
        while i < bytes.len() {
            hash = hash.byte(bytes[i]);
            i += 1;
        }
        hash
    }

    /// Adds a number, for instance the fingerprint of an element type.
    #[must_use]
    pub const fn number(self, number: u64) -> Self {
        let bytes = number.to_le_bytes();
        let mut hash = self;
        let mut i = 0;
        while i < bytes.len() {
            hash = hash.byte(bytes[i]);
            i += 1;
        }
        hash
    }

    /// The number.
    #[must_use]
    pub const fn finish(self) -> u64 {
        self.0
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }
}
