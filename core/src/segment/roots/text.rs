//! A short text inside a segment.

use core::fmt;

/// A text of at most `N` bytes, copied out of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    pub(super) bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// The first `N` bytes of `text`, cut at a character's end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; N];
        let end = (0..=N.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
        for (to, from) in bytes.iter_mut().zip(text.as_bytes().iter().take(end.unwrap_or(0))) {
            *to = *from;
        }
        Self { bytes }
    }

    /// The text; empty where the bytes are none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(N);
        core::str::from_utf8(self.bytes.get(..end).unwrap_or_default()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
