//! What can stand behind a name.

use core::fmt;

use crate::size::Size;

/// How a count that whatever suits is to be chosen for is written.
const AUTO: &str = "auto";

/// What can stand behind a name.
///
/// ```
/// use anymem::control::Value;
///
/// let limit = Value::Bytes(0);
/// assert_eq!(limit.like("64 KiB"), Some(Value::Bytes(65536)));
/// assert_eq!(limit.like("many"), None);
/// assert_eq!(Value::Switch(false).like("on"), Some(Value::Switch(true)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A count.
    Count(u64),
    /// A count, or `auto`: whatever suits.
    AutoCount(Option<u64>),
    /// A number of bytes.
    Bytes(usize),
    /// Yes or no.
    Switch(bool),
    /// A text.
    Text(String),
}

impl Value {
    /// The count, if it is one.
    #[must_use]
    pub fn as_count(&self) -> Option<u64> {
        if let Self::Count(count) = self { Some(*count) } else { None }
    }

    /// The count, `None` for `auto`, if it is either.
    #[must_use]
    pub fn as_auto_count(&self) -> Option<Option<u64>> {
        if let Self::AutoCount(count) = self { Some(*count) } else { None }
    }

    /// The number of bytes, if it is one.
    #[must_use]
    pub fn as_bytes(&self) -> Option<usize> {
        if let Self::Bytes(bytes) = self { Some(*bytes) } else { None }
    }

    /// Whether it is on, if it is a switch.
    #[must_use]
    pub fn as_switch(&self) -> Option<bool> {
        if let Self::Switch(on) = self { Some(*on) } else { None }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// What values of its type are, in words.
    #[must_use]
    pub fn expects(&self) -> &'static str {
        match self {
            Self::Count(_) => "a count, such as 16",
            Self::AutoCount(_) => "a count, such as 16, or auto",
            Self::Bytes(_) => "a size, such as 64KiB",
            Self::Switch(_) => "on or off",
            Self::Text(_) => "a text",
        }
    }

    /// The value of the same type that `text` says; `None` if it says none.
    ///
    /// Sizes are written as [`Size`] reads them, switches as `on`, `yes`, `true` or `1`
    /// and `off`, `no`, `false` or `0`.
    #[must_use]
    pub fn like(&self, text: &str) -> Option<Self> {
        Some(match self {
            Self::Count(_) => Self::Count(text.trim().parse().ok()?),
            Self::AutoCount(_) if text.trim() == AUTO => Self::AutoCount(None),
            Self::AutoCount(_) => Self::AutoCount(Some(text.trim().parse().ok()?)),
            Self::Bytes(_) => Self::Bytes(text.parse::<Size>().ok()?.get()),
            Self::Switch(_) => Self::Switch(switch(text.trim())?),
            Self::Text(_) => Self::Text(text.to_owned()),
        })
    }

    /// `value` as the type of this one; `None` if it is of another type.
    pub(super) fn fitting(&self, value: &Self) -> Option<Self> {
        match (self, value) {
            (_, Self::Text(text)) => self.like(text),
            (Self::AutoCount(_), Self::Count(count)) => Some(Self::AutoCount(Some(*count))),
            _ if core::mem::discriminant(self) == core::mem::discriminant(value) => {
                Some(value.clone())
            }
            _ => None,
        }
    }
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" | "1" => Some(true),
        "off" | "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) | Self::AutoCount(Some(count)) => count.fmt(f),
            Self::AutoCount(None) => AUTO.fmt(f),
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Switch(on) => on.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value {
    fn from(bytes: usize) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Size> for Value {
    fn from(size: Size) -> Self {
        Self::Bytes(size.get())
    }
}

impl From<bool> for Value {
    fn from(on: bool) -> Self {
        Self::Switch(on)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
