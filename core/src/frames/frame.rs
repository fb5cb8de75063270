//! The number of a frame, and what addresses it has.

use core::fmt;
use core::ops::Range;

/// A page frame, by its number: its physical address divided by the size of a frame.
///
/// The allocator deals in numbers alone. How large a frame is (`1 << shift` bytes) only
/// matters where numbers become addresses, and an address may have more bits than a pointer.
///
/// ```
/// use anymem_core::frames::Frame;
///
/// let frame = Frame::containing(0x1234_5678, 12);
/// assert_eq!(frame, Frame::new(0x12345));
/// assert_eq!(frame.address(12), 0x1234_5000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame(usize);

impl Frame {
    /// The frame after which there is none.
    pub const LAST: Self = Self(usize::MAX);

    /// Frame number `number`.
    #[must_use]
    pub const fn new(number: usize) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> usize {
        self.0
    }

    /// The frame of `1 << shift` bytes that the physical `address` is in.
    #[must_use]
    pub fn containing(address: u64, shift: u32) -> Self {
        usize::try_from(address >> shift).map_or(Self::LAST, Self)
    }

    /// Where the frame begins, if it has `1 << shift` bytes.
    #[must_use]
    pub const fn address(self, shift: u32) -> u64 {
        (self.0 as u64) << shift
    }

    /// The frames that lie within a range of addresses as a whole: what can be used of
    /// ordinary memory.
    ///
    /// ```
    /// use anymem_core::frames::Frame;
    ///
    /// let usable = Frame::within(0x500..0x9_fc00, 12);
    /// assert_eq!(usable, Frame::new(1)..Frame::new(0x9f));
    /// assert!(Frame::within(0x1001..0x1fff, 12).is_empty());
    /// ```
    #[must_use]
    pub fn within(addresses: Range<u64>, shift: u32) -> Range<Self> {
        let first = Self::containing(addresses.start.saturating_add((1 << shift) - 1), shift);
        first..Self::containing(addresses.end, shift).max(first)
    }

    /// The frames that a range of addresses touches: what is to be kept clear of for a
    /// device, or for a module that the boot loader has put there.
    ///
    /// ```
    /// use anymem_core::frames::Frame;
    ///
    /// let kept = Frame::covering(0x1234..0x2001, 12);
    /// assert_eq!(kept, Frame::new(1)..Frame::new(3));
    /// ```
    #[must_use]
    pub fn covering(addresses: Range<u64>, shift: u32) -> Range<Self> {
        let first = Self::containing(addresses.start, shift);
        first..Self::containing(addresses.end.saturating_add((1 << shift) - 1), shift)
    }

    /// The frame `count` further on.
    #[must_use]
    pub const fn add(self, count: usize) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:#x}", self.0)
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
