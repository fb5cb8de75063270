//! Which parts of a number range are free.

use std::collections::{BTreeMap, BTreeSet};

use super::Strategy;

/// Free ranges of numbers: addresses, or offsets in a file. What providers that cut memory up
/// find room by.
///
/// They are found by place and by size, each in O(log n).
///
/// ```
/// use anymem::provider::{FreeRanges, Strategy};
/// let mut free = FreeRanges::new(4096, Strategy::default());
/// free.put(0, 65536, |_| false);
/// assert_eq!(free.take(8192, 4096), Some(0));
/// assert_eq!((free.total(), free.largest()), (57344, 57344));
/// ```
///
/// # Invariants
///
/// - Both maps hold the same ranges; none is empty, none overlaps another.
/// - All ends are multiples of `page`.
#[derive(Debug)]
pub struct FreeRanges {
    page: usize,
    strategy: Strategy,
    /// How long the range is that starts there.
    lens: BTreeMap<usize, usize>,
    /// The same as (length, start).
    sizes: BTreeSet<(usize, usize)>,
    total: usize,
}

impl FreeRanges {
    /// None are free. All ends that are ever given are multiples of `page`, a power of two.
    #[must_use]
    pub fn new(page: usize, strategy: Strategy) -> Self {
        Self { page, strategy, lens: BTreeMap::new(), sizes: BTreeSet::new(), total: 0 }
    }

    /// Frees a range, and makes one of it and of its free neighbours but where `seam`
    /// says of the place between them that they stay apart. None of it is free before.
    pub fn put(&mut self, start: usize, len: usize, seam: impl Fn(usize) -> bool) {
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

    /// Takes `len` bytes, a multiple of the page, at a multiple of `align`, a power of two:
    /// where they start.
    pub fn take(&mut self, len: usize, align: usize) -> Option<usize> {
        let (size, start) = self.fitting(len, align)?;
        let at = start.checked_next_multiple_of(align)?;
        self.cut(start, size, at, len);
        Some(at)
    }

    /// Takes exactly these; whether they were all free, and of one range.
    pub fn take_at(&mut self, at: usize, len: usize) -> bool {
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
    #[must_use]
    pub fn before(&self, end: usize) -> Option<(usize, usize)> {
        let (&start, &len) = self.lens.range(..end).next_back()?;
        (start + len == end).then_some((start, len))
    }

    /// The length of the free range that starts at `start`.
    #[must_use]
    pub fn at(&self, start: usize) -> Option<usize> {
        self.lens.get(&start).copied()
    }

    /// All of them as (start, length), by place.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.lens.iter().map(|(&start, &len)| (start, len))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lens.len()
    }

    /// Bytes in all of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Bytes in the largest.
    #[must_use]
    pub fn largest(&self) -> usize {
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
