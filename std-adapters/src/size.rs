//! Sizes in bytes, written as people write them.

use core::fmt;
use core::str::FromStr;

use crate::error::{HeapError, SizeError};

/// A number of bytes.
///
/// Parsed from a number with an optional unit, in any case and with or without
/// a space between:
///
/// | unit | bytes |
/// |---|---|
/// | none, `B` | 1 |
/// | `K`, `M`, `G`, `T` and `KiB`, `MiB`, `GiB`, `TiB` | powers of 1024 |
/// | `KB`, `MB`, `GB`, `TB` | powers of 1000 |
///
/// ```
/// use anymem::Size;
/// assert_eq!("64MiB".parse(), Ok(Size::mib(64)));
/// assert_eq!("512 KB".parse(), Ok(Size::bytes(512_000)));
/// assert_eq!("1.5g".parse(), Ok(Size::mib(1536)));
/// assert_eq!(Size::mib(1536).to_string(), "1.5 GiB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(usize);

impl Size {
    /// `count` bytes.
    #[must_use]
    pub const fn bytes(count: usize) -> Self {
        Self(count)
    }

    /// `count` times 1024 bytes; the largest size there is where that is more
    /// than the machine can address. So with the other units.
    #[must_use]
    pub const fn kib(count: usize) -> Self {
        Self::of(count, 1 << 10)
    }

    /// `count` times 1024² bytes.
    #[must_use]
    pub const fn mib(count: usize) -> Self {
        Self::of(count, 1 << 20)
    }

    /// `count` times 1024³ bytes.
    #[must_use]
    pub const fn gib(count: usize) -> Self {
        Self::of(count, 1 << 30)
    }

    /// `count` times 1000 bytes.
    #[must_use]
    pub const fn kb(count: usize) -> Self {
        Self::of(count, 1_000)
    }

    /// `count` times 1000² bytes.
    #[must_use]
    pub const fn mb(count: usize) -> Self {
        Self::of(count, 1_000_000)
    }

    /// `count` times 1000³ bytes.
    #[must_use]
    pub const fn gb(count: usize) -> Self {
        Self::of(count, 1_000_000_000)
    }

    /// How many bytes.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }

    const fn of(count: usize, unit: usize) -> Self {
        Self(count.saturating_mul(unit))
    }
}

/// What a size can be given as: a [`Size`], a number of bytes, or a text such as
/// `"64MiB"`.
pub trait IntoSize {
    /// The size.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadSize`] for a text that is none.
    fn into_size(self) -> Result<Size, HeapError>;
}

impl IntoSize for Size {
    fn into_size(self) -> Result<Size, HeapError> {
        Ok(self)
    }
}

impl IntoSize for usize {
    fn into_size(self) -> Result<Size, HeapError> {
        Ok(self.into())
    }
}

impl IntoSize for &str {
    fn into_size(self) -> Result<Size, HeapError> {
        Ok(self.parse()?)
    }
}

impl From<usize> for Size {
    fn from(bytes: usize) -> Self {
        Self(bytes)
    }
}

impl From<Size> for usize {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl TryFrom<&str> for Size {
    type Error = SizeError;

    fn try_from(text: &str) -> Result<Self, SizeError> {
        text.parse()
    }
}

/// Bytes in the unit `text`, in lower case.
fn unit(text: &str) -> Option<u128> {
    const NAMES: &[u8] = b"kmgt";
    if matches!(text, "" | "b") {
        return Some(1);
    }
    let (first, rest) = text.split_at_checked(1)?;
    let power = NAMES.iter().position(|name| first.as_bytes() == [*name])? as u32 + 1;
    match rest {
        "" | "ib" => Some(1024_u128.pow(power)),
        "b" => Some(1000_u128.pow(power)),
        _ => None,
    }
}

/// The number before the unit: its digits without the point, and how many
/// stand behind the point.
fn number(text: &str) -> Option<(u128, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = [whole, fraction].concat();
    let is_number = !whole.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_short = fraction.len() <= 18;
    // More digits than a `u128` holds are too large, whatever their unit.
    let count = digits.parse().unwrap_or(u128::MAX);
    (is_number && is_short).then_some((count, fraction.len() as u32))
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let trimmed = text.trim();
        let end =
            trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
        let (digits, name) = trimmed.split_at(end);
        let name = name.trim().to_ascii_lowercase();
        if digits.is_empty() {
            return Err(SizeError::NotANumber { text: text.into() });
        }
        let unit = unit(&name).ok_or_else(|| SizeError::UnknownUnit { text: text.into() })?;
        let (count, places) =
            number(digits).ok_or_else(|| SizeError::NotANumber { text: text.into() })?;
        let bytes = count.checked_mul(unit).map(|bytes| bytes / 10_u128.pow(places));
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Ok(Self(bytes.ok_or_else(|| SizeError::TooLarge { text: text.into() })?))
    }
}

/// The number in the largest unit of 1024 that it reaches, rounded down to a
/// tenth. `{:#}` gives the exact bytes.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let power = self.0.max(1).ilog2() / 10;
        if power == 0 || f.alternate() {
            return write!(f, "{} B", self.0);
        }
        let tenths = (self.0 as u128 * 10) >> (10 * power);
        let name = UNITS.get(power as usize).unwrap_or(&"");
        match tenths % 10 {
            0 => write!(f, "{} {name}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {name}", tenths / 10),
        }
    }
}
