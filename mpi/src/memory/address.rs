//! Where something is in an arena.

use anymem_core::memory::{Address, RawAddress};

/// A place in an arena, by its distance from the arena's start; there is nothing at 0, where
/// the heap's header is.
macro_rules! offset_address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            /// The place `offset` bytes from the arena's start.
            #[must_use]
            #[inline]
            pub const fn new(offset: u64) -> Self {
                Self(offset)
            }

            /// Bytes from the arena's start.
            #[must_use]
            #[inline]
            pub const fn offset(self) -> u64 {
                self.0
            }
        }

        impl Address for $name {
            const NULL: Self = Self(0);

            #[inline]
            fn byte_add(self, bytes: usize) -> Self {
                Self(self.0.wrapping_add(bytes as u64))
            }

            #[inline]
            fn to_raw(self) -> RawAddress {
                RawAddress::Foreign(self.0)
            }

            #[inline]
            fn from_raw(raw: RawAddress) -> Option<Self> {
                match raw {
                    RawAddress::Foreign(offset) => Some(Self(offset)),
                    RawAddress::Host(_) => None,
                }
            }
        }
    };
}

offset_address! {
    /// A place in this rank's arena.
    ArenaAddress
}

offset_address! {
    /// A place in the arena of another rank, by the memory that it is used with.
    RemoteAddress
}
