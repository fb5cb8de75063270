//! What a string has in common with other types.
//!
//! Strings that cannot be read compare as `None`: equal to each other, and less
//! than those that can.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};

use super::ShmString;
use super::repr::Bytes;
use crate::container::hash_map::Unlocked;
use crate::container::{ContainerError, ShmKey, Trace, TraceError, Tracer};

impl Trace for ShmString {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.bytes.trace(tracer)
    }

    fn settle(&mut self, _levels: u32) {
        // Whoever looks at a damaged string next is told.
        let _ = self.bytes.adopt();
    }
}

impl fmt::Debug for ShmString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Ok(text) => fmt::Debug::fmt(text, f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl fmt::Display for ShmString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Ok(text) => fmt::Display::fmt(text, f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl fmt::Write for ShmString {
    /// Appends text; the reason of an error is lost, as `fmt` has no room for
    /// it.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text).map_err(|_| fmt::Error)
    }
}

impl PartialEq for ShmString {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ok() == other.as_bytes().ok()
    }
}

impl Eq for ShmString {}

impl PartialEq<str> for ShmString {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes().ok() == Some(other.as_bytes())
    }
}

impl PartialEq<&str> for ShmString {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<ShmString> for str {
    fn eq(&self, other: &ShmString) -> bool {
        *other == *self
    }
}

impl PartialEq<ShmString> for &str {
    fn eq(&self, other: &ShmString) -> bool {
        *other == **self
    }
}

impl PartialOrd<str> for ShmString {
    fn partial_cmp(&self, other: &str) -> Option<Ordering> {
        Some(self.as_bytes().ok().cmp(&Some(other.as_bytes())))
    }
}

impl PartialOrd for ShmString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ShmString {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().ok().cmp(&other.as_bytes().ok())
    }
}

impl Hash for ShmString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_text(self.as_bytes().unwrap_or_default(), state);
    }
}

impl ShmKey<str> for ShmString {
    #[inline]
    fn hash_query<H: Hasher>(query: &str, state: &mut H) {
        hash_text(query.as_bytes(), state);
    }

    #[inline]
    fn matches(&self, query: &str) -> bool {
        *self == *query
    }

    #[inline]
    fn matches_unlocked(key: Unlocked<'_, Self>, query: &str) -> Option<bool> {
        Some(key.is(query))
    }
}

impl Unlocked<'_, ShmString> {
    /// Whether the text is `text`.
    #[must_use]
    #[inline]
    pub fn is(self, text: &str) -> bool {
        bytes(self).is_unlocked(text.as_bytes())
    }

    /// As [`ShmString::copy_to`].
    pub(in super::super) fn copy_to(self, buffer: &mut [u8]) -> Result<usize, ContainerError> {
        bytes(self).copy_to(buffer)
    }
}

/// The words of a copy of a string.
fn bytes(of: Unlocked<'_, ShmString>) -> &Bytes {
    // SAFETY: any bits are a string's words.
    &unsafe { of.copy().assume_init_ref() }.bytes
}

/// What `str` does; written out, because strings are hashed alike in programs
/// that were built with different compilers.
#[inline]
fn hash_text<H: Hasher>(bytes: &[u8], state: &mut H) {
    state.write(bytes);
    state.write_u8(0xff);
}
