//! The name of an allocator, the same in every process.

use core::fmt;
use core::str::FromStr;

/// Names an allocator: `major` and `minor` numbers, any values.
///
/// The id is stored in the segment's header and in every container, so that a
/// value can find its heap in whichever process it is used.
///
/// ```
/// use anymem_core::offset::AllocatorId;
/// let id: AllocatorId = "7.2".parse()?;
/// assert_eq!(id, AllocatorId::new(7, 2));
/// # Ok::<(), anymem_core::offset::ParseIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct AllocatorId {
    /// The first number, by custom a subsystem or process.
    pub major: u32,
    /// The second number, counting within `major`.
    pub minor: u32,
}

impl AllocatorId {
    /// The id that no allocator has.
    pub const NULL: Self = Self { major: u32::MAX, minor: u32::MAX };

    /// The id `major.minor`.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Both numbers as one.
    #[must_use]
    #[inline]
    pub const fn to_u64(self) -> u64 {
        (self.major as u64) << 32 | self.minor as u64
    }

    /// The id whose [`to_u64`](Self::to_u64) is `bits`.
    #[must_use]
    #[inline]
    pub const fn from_u64(bits: u64) -> Self {
        Self { major: (bits >> 32) as u32, minor: bits as u32 }
    }
}

impl fmt::Display for AllocatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Debug for AllocatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not `major.minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an allocator id is two numbers with a dot between, as in 1.0")
    }
}

impl core::error::Error for ParseIdError {}

impl FromStr for AllocatorId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (major, minor) = text.split_once('.').ok_or(ParseIdError)?;
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| ParseIdError);
        Ok(Self::new(number(major)?, number(minor)?))
    }
}
