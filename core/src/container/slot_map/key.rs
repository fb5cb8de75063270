//! What names a value in a slot map.

use core::fmt;

/// Names a value in a [`ShmSlotMap`](super::ShmSlotMap), until it is removed: no
/// value that is inserted later gets the same key.
///
/// Plain data, which may be stored in the heap and sent to other processes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotKey {
    pub(super) index: u32,
    pub(super) version: u32,
}

impl SlotKey {
    /// Names no value of any map.
    pub const NULL: Self = Self { index: u32::MAX, version: 0 };

    /// The key as a number, to be stored elsewhere.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.version as u64) << 32 | self.index as u64
    }

    /// The key that the number stands for; any other number names no value.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, version: (bits >> 32) as u32 }
    }
}

impl fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index, self.version)
    }
}
