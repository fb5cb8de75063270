//! Where something is in a simulated memory.

use crate::memory::{Address, RawAddress};

/// Where something is in a [`SimMemory`](super::SimMemory).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimAddress(u64);

/// The address of a device's first byte: not 0, which is nowhere.
const FIRST: u64 = 0x1000;

impl SimAddress {
    /// The address of the byte that is `offset` from the first one.
    pub(super) fn at(offset: usize) -> Self {
        Self(FIRST + offset as u64)
    }

    /// How far from the first byte it is; `None` if it is before.
    pub(super) fn offset(self) -> Option<usize> {
        usize::try_from(self.0.checked_sub(FIRST)?).ok()
    }
}

impl Address for SimAddress {
    const NULL: Self = Self(0);

    fn byte_add(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes as u64))
    }

    fn to_raw(self) -> RawAddress {
        RawAddress::Foreign(self.0)
    }

    fn from_raw(raw: RawAddress) -> Option<Self> {
        match raw {
            RawAddress::Foreign(number) => Some(Self(number)),
            RawAddress::Host(_) => None,
        }
    }
}
