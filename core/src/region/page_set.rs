//! Any pages of a region, a bit each.

use core::fmt;
use core::ops::{Deref, DerefMut};

use super::rows::Zeroed;
use super::{Geometry, Run};
use crate::bits;
use crate::memory::{HostAddressable, MemoryError};

/// Any pages: what a [`PageSet`] has, as `str` is what a `String` has.
///
/// Bit `i % 64` of word `i / 64` is page `i`'s.
#[repr(transparent)]
pub struct Pages {
    words: [u64],
}

impl Pages {
    /// The pages whose bits are set in `words`.
    #[must_use]
    pub const fn new(words: &[u64]) -> &Self {
        // SAFETY: `Pages` is a transparent wrapper around such a slice.
        unsafe { &*(core::ptr::from_ref(words) as *const Self) }
    }

    /// The pages whose bits are set in `words`, to be changed.
    #[must_use]
    pub const fn new_mut(words: &mut [u64]) -> &mut Self {
        // SAFETY: `Pages` is a transparent wrapper around such a slice.
        unsafe { &mut *(core::ptr::from_mut(words) as *mut Self) }
    }

    /// The bits.
    #[must_use]
    #[inline]
    pub const fn words(&self) -> &[u64] {
        &self.words
    }

    /// The bits, to be changed.
    #[must_use]
    #[inline]
    pub const fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    /// The groups of 64 that have any of the pages, and the bits of those.
    pub fn groups(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.words.iter().copied().enumerate().filter(|&(_, bits)| bits != 0)
    }

    /// Whether `page` is one of them.
    #[must_use]
    #[inline]
    pub fn contains(&self, page: usize) -> bool {
        self.words.get(page / 64).is_some_and(|word| word >> (page % 64) & 1 != 0)
    }

    /// How many pages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The first page.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        let group = self.words.iter().position(|&word| word != 0)?;
        Some(group * 64 + self.words[group].trailing_zeros() as usize)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Adds a page; nothing, if there is no bit for it.
    #[inline]
    pub fn insert(&mut self, page: usize) {
        if let Some(word) = self.words.get_mut(page / 64) {
            *word |= 1 << (page % 64);
        }
    }

    /// Adds all of `others`.
    pub fn add(&mut self, others: &Self) {
        self.combine(others, |ours, theirs| ours | theirs);
    }

    /// Takes away all of `others`.
    pub fn remove(&mut self, others: &Self) {
        self.combine(others, |ours, theirs| ours & !theirs);
    }

    /// Takes away all but `others`.
    pub fn retain(&mut self, others: &Self) {
        self.combine(others, |ours, theirs| ours & theirs);
    }

    /// Takes those of `others` instead that are not among these.
    pub fn complement(&mut self, others: &Self) {
        self.combine(others, |ours, theirs| theirs & !ours);
    }

    /// Takes away all.
    pub fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Combines bits with those of `others`, which are 0 where it has no words.
    fn combine(&mut self, others: &Self, by: impl Fn(u64, u64) -> u64) {
        let others = others.words.iter().copied().chain(core::iter::repeat(0));
        for (ours, theirs) in self.words.iter_mut().zip(others) {
            *ours = by(*ours, theirs);
        }
    }

    /// The pages in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs().flat_map(|run| run.first..run.first + run.len)
    }

    /// The pages in ascending order, as many at a time as follow one another.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        Runs { words: &self.words, next: 0 }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.runs().map(|run| run.first..run.first + run.len)).finish()
    }
}

struct Runs<'a> {
    words: &'a [u64],
    next: usize,
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let first = bits::position_of(self.words, true, self.next);
        if first == self.words.len() * 64 {
            return None;
        }
        self.next = bits::position_of(self.words, false, first);
        Some(Run { first, len: self.next - first })
    }
}

/// Any pages of a region, with the words for them.
pub struct PageSet<H: HostAddressable>(Zeroed<u64, H>);

impl<H: HostAddressable> PageSet<H> {
    /// No pages of a region of that geometry; the words for them are in `memory`.
    ///
    /// # Errors
    ///
    /// What `memory` says.
    pub fn empty(geometry: Geometry, memory: H) -> Result<Self, MemoryError> {
        Ok(Self(Zeroed::new(geometry.pages().div_ceil(64), memory)?))
    }

    /// The memory that the words are in.
    pub fn memory(&self) -> &H {
        self.0.memory()
    }
}

impl<H: HostAddressable> Deref for PageSet<H> {
    type Target = Pages;

    #[inline]
    fn deref(&self) -> &Pages {
        Pages::new(self.0.entries())
    }
}

impl<H: HostAddressable> DerefMut for PageSet<H> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Pages {
        Pages::new_mut(self.0.entries_mut())
    }
}

impl<H: HostAddressable> fmt::Debug for PageSet<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
