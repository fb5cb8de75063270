//! What somebody wants to have.

use super::frame::Frame;

/// How many frames, how aligned, and how far up.
///
/// ```
/// use anymem_core::frames::{Frame, Request};
///
/// // A huge page; a buffer of 37 frames below 16 MiB, for an old device.
/// let huge = Request::order(9);
/// let buffer = Request::count(37).below(Frame::containing(16 << 20, 12));
/// # let _ = (huge, buffer);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub(super) count: usize,
    pub(super) align: u32,
    pub(super) below: Frame,
}

impl Request {
    /// A single frame.
    pub const ONE: Self = Self { count: 1, align: 0, below: Frame::LAST };

    /// `1 << order` frames, of which the first one's number is a multiple of that.
    #[must_use]
    pub const fn order(order: u32) -> Self {
        let count = if order < usize::BITS { 1 << order } else { usize::MAX };
        Self { count, align: order, ..Self::ONE }
    }

    /// `count` frames in a row.
    #[must_use]
    pub const fn count(count: usize) -> Self {
        Self { count, ..Self::ONE }
    }

    /// The same, the first one's number being a multiple of `1 << order`.
    #[must_use]
    pub const fn aligned(self, order: u32) -> Self {
        Self { align: order, ..self }
    }

    /// The same, of frames before `limit` alone.
    #[must_use]
    pub const fn below(self, limit: Frame) -> Self {
        Self { below: limit, ..self }
    }

    /// How many frames that is.
    #[must_use]
    pub const fn frames(self) -> usize {
        self.count
    }

    /// The order, if these are as many frames as they are aligned to.
    pub(super) const fn as_order(self) -> Option<u32> {
        if self.align < usize::BITS && self.count == 1 << self.align {
            Some(self.align)
        } else {
            None
        }
    }
}
