//! Which parts of a number range are free.

use std::collections::{BTreeMap, BTreeSet};

use super::Strategy;

/// Free ranges of numbers: addresses, or offsets in a file.
///
/// They are found by place and by size, each in O(log n).
///
/// # Invariants
///
/// - Both maps hold the same ranges; none is empty, none overlaps another.
/// - All ends are multiples of `page`.
#[derive(Debug)]
pub(in crate::provider) struct FreeRanges {
    page: usize,
    strategy: Strategy,
    /// How long the range is that starts there.
    lens: BTreeMap<usize, usize>,
    /// The same as (length, start).
    sizes: BTreeSet<(usize, usize)>,
    total: usize,
}

impl FreeRanges {
    /// None are free.
    pub(in crate::provider) fn new(page: usize, strategy: Strategy) -> Self {
        Self { page, strategy, lens: BTreeMap::new(), sizes: BTreeSet::new(), total: 0 }
    }

    /// Frees a range, and makes one of it and of its free neighbours but where `seam`
    /// says that they stay apart.
    pub(in crate::provider) fn put(
        &mut self,
        start: usize,
        len: usize,
        seam: impl Fn(usize) -> bool,
    ) {
        let (mut start, mut len) = (start, len);
        if let Some((below, size)) = self.before(start).filter(|_| !seam(start)) {
            self.remove(below, size);
            (start, len) = (below, len + size);
        }
        let end = start + len;
        if let Some(&size) = self.lens.get(&end).filter(|_| !seam(end)) {
            self.remove(end, size);
            len += size;
        }
        self.insert(start, len);
    }

    /// Takes `len` bytes at a multiple of `align`: where they start.
    pub(in crate::provider) fn take(&mut self, len: usize, align: usize) -> Option<usize> {
        let (size, start) = self.fitting(len, align)?;
        let at = start.checked_next_multiple_of(align)?;
        self.cut(start, size, at, len);
        Some(at)
    }

    /// Takes exactly these; whether they were all free, and of one range.
    pub(in crate::provider) fn take_at(&mut self, at: usize, len: usize) -> bool {
        let Some((start, size)) = self.lens.range(..=at).next_back().map(|(&a, &b)| (a, b)) else {
            return false;
        };
        let fits = at.checked_add(len).is_some_and(|end| end <= start + size);
        if fits {
            self.cut(start, size, at, len);
        }
        fits
    }

    /// The free range that ends at `end`: where it starts, and its length.
    pub(in crate::provider) fn before(&self, end: usize) -> Option<(usize, usize)> {
        let (&start, &len) = self.lens.range(..end).next_back()?;
        (start + len == end).then_some((start, len))
    }

    /// The length of the free range that starts at `start`.
    pub(in crate::provider) fn at(&self, start: usize) -> Option<usize> {
        self.lens.get(&start).copied()
    }

    /// All of them as (start, length), by place.
    pub(in crate::provider) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.lens.iter().map(|(&start, &len)| (start, len))
    }

    /// How many there are.
    pub(in crate::provider) fn count(&self) -> usize {
        self.lens.len()
    }

    /// Bytes in all of them.
    pub(in crate::provider) fn total(&self) -> usize {
        self.total
    }

    /// Bytes in the largest.
    pub(in crate::provider) fn largest(&self) -> usize {
        self.sizes.last().map_or(0, |&(len, _)| len)
    }

    /// The range, as (length, start), that has room for `len` bytes at a multiple of
    /// `align`.
    fn fitting(&self, len: usize, align: usize) -> Option<(usize, usize)> {
        let mut from = self.sizes.range((len, 0)..);
        if align <= self.page {
            return from.next().copied();
        }
        let surely = len.checked_add(align - self.page);
        let in_any = || self.sizes.range((surely?, 0)..).next().copied();
        let fits = |&&(size, start): &&(usize, usize)| {
            let end = start.checked_next_multiple_of(align).and_then(|at| at.checked_add(len));
            end.is_some_and(|end| end <= start + size)
        };
        let exact = match self.strategy {
            Strategy::Fastest => None,
            Strategy::FastestButOne => from.next().filter(fits),
            Strategy::CheckAllSizes => from.find(fits),
        };
        exact.copied().or_else(in_any)
    }

    /// Takes `at..at + len` out of the range that starts at `start`.
    fn cut(&mut self, start: usize, size: usize, at: usize, len: usize) {
        self.remove(start, size);
        self.insert(start, at - start);
        self.insert(at + len, start + size - (at + len));
    }

    fn insert(&mut self, start: usize, len: usize) {
        if len > 0 {
            self.lens.insert(start, len);
            self.sizes.insert((len, start));
            self.total += len;
        }
    }

    fn remove(&mut self, start: usize, len: usize) {
        self.lens.remove(&start);
        self.sizes.remove(&(len, start));
        self.total -= len;
    }
}
