//! Where something is in an arena.

use anymem_core::allocator::HeapAddress;
use anymem_core::memory::{Address, RawAddress};
use anymem_core::offset::Offset;

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

            /// The place of a block of the arena's heap.
            pub(super) const fn of_block(block: HeapAddress) -> Self {
                Self(block.offset().get() as u64)
            }

            /// The block of the arena's heap that is there.
            pub(super) const fn block(self) -> HeapAddress {
                HeapAddress::new(Offset::new(self.0 as usize))
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
