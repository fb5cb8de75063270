//! Distances instead of addresses.
//!
//! Everything stored in a segment is an [`Offset`] from the segment's base (not
//! from the field itself), so a value stays valid when it is moved, and the
//! base pointer carries the provenance for every access.

mod id;
mod ptr;

pub use id::{AllocatorId, ParseIdError};
pub use ptr::{AtomicOffsetPtr, FullPtr, OffsetPtr, ShmPtr};

use core::fmt;

/// A byte distance from the base of a segment.
///
/// 0 is null: the segment's header lives there, so no block ever does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Offset(usize);

impl Offset {
    /// The null offset.
    pub const NULL: Self = Self(0);

    /// The offset `bytes` from the base.
    #[must_use]
    #[inline]
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// The distance in bytes.
    #[must_use]
    #[inline]
    pub const fn get(self) -> usize {
        self.0
    }

    /// Whether this is [`Offset::NULL`].
    #[must_use]
    #[inline]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// `bytes` further on.
    ///
    /// Wraps on overflow; what comes of it is bounded before it is used.
    #[must_use]
    #[inline]
    pub const fn add(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

impl fmt::Debug for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:#x}", self.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
