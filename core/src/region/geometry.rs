//! How many bytes a region has, and how large its pages are.

use core::ops::Range;

/// Bytes of a region and of its pages.
///
/// Pages are linear in bytes: page `i` has the bytes from `i << shift`, so that elements may
/// straddle pages and a contiguous view has the same layout. The last page may be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    bytes: usize,
    shift: u32,
}

impl Geometry {
    /// A region of `bytes` bytes in pages of `page` bytes; `None` unless `page` is a power of
    /// two.
    #[must_use]
    pub const fn new(bytes: usize, page: usize) -> Option<Self> {
        if !page.is_power_of_two() {
            return None;
        }
        Some(Self { bytes, shift: page.trailing_zeros() })
    }

    /// Bytes of the region.
    #[must_use]
    #[inline]
    pub const fn bytes(self) -> usize {
        self.bytes
    }

    /// Bytes of a page; the last one may have fewer.
    #[must_use]
    #[inline]
    pub const fn page_size(self) -> usize {
        1 << self.shift
    }

    /// The number of pages.
    #[must_use]
    #[inline]
    pub const fn pages(self) -> usize {
        self.bytes.div_ceil(1 << self.shift)
    }

    /// The page that has the byte `at`.
    #[must_use]
    #[inline]
    pub const fn page_of(self, at: usize) -> usize {
        at >> self.shift
    }

    /// The bytes of `run`, cut off where the region ends.
    #[must_use]
    #[inline]
    pub fn bytes_of(self, run: Run) -> Range<usize> {
        let end = |page: usize| page.checked_mul(self.page_size()).unwrap_or(self.bytes);
        end(run.first).min(self.bytes)..end(run.first.saturating_add(run.len)).min(self.bytes)
    }
}

/// Pages that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The first one.
    pub first: usize,
    /// How many.
    pub len: usize,
}
