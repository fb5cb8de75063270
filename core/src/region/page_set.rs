//! Any pages of a region, a bit each.

use core::alloc::Layout;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::{Geometry, Run};
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

impl Runs<'_> {
    /// The first page from `from` on whose bit is `set`, or the number of bits.
    fn position_of(&self, set: bool, from: usize) -> usize {
        let flip = if set { 0 } else { !0 };
        let mut mask = !0 << (from % 64);
        for group in from / 64..self.words.len() {
            let word = (self.words[group] ^ flip) & mask;
            if word != 0 {
                return group * 64 + word.trailing_zeros() as usize;
            }
            mask = !0;
        }
        self.words.len() * 64
    }
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let first = self.position_of(true, self.next);
        if first == self.words.len() * 64 {
            return None;
        }
        self.next = self.position_of(false, first);
        Some(Run { first, len: self.next - first })
    }
}

/// Any pages of a region, with the words for them.
pub struct PageSet<H: HostAddressable> {
    memory: H,
    address: H::Address,
    layout: Layout,
    words: NonNull<u64>,
    len: usize,
}

// SAFETY: it owns its words, and a memory may be used from any thread.
unsafe impl<H: HostAddressable> Send for PageSet<H> {}
// SAFETY: as for `Send`; shared, the words are only read.
unsafe impl<H: HostAddressable> Sync for PageSet<H> {}

impl<H: HostAddressable> PageSet<H> {
    /// No pages of a region of that geometry; the words for them are in `memory`.
    ///
    /// # Errors
    ///
    /// What `memory` says.
    pub fn empty(geometry: Geometry, memory: H) -> Result<Self, MemoryError> {
        let len = geometry.pages().div_ceil(64);
        let layout = Layout::array::<u64>(len)
            .map_err(|_| MemoryError::OutOfMemory { requested: usize::MAX })?;
        let address = memory.allocate(layout)?;
        let Some(host) = memory.host(address) else {
            // SAFETY: just allocated, and nobody else knows of it.
            unsafe { memory.free(address, layout) };
            return Err(MemoryError::Unsupported);
        };
        let words = host.cast::<u64>();
        // SAFETY: the block has room for `len` words, by `HostAddressable`.
        unsafe { words.write_bytes(0, len) };
        Ok(Self { memory, address, layout, words, len })
    }
}

impl<H: HostAddressable> Deref for PageSet<H> {
    type Target = Pages;

    #[inline]
    fn deref(&self) -> &Pages {
        // SAFETY: the block has `len` initialised words until it is freed by `drop`.
        Pages::new(unsafe { core::slice::from_raw_parts(self.words.as_ptr(), self.len) })
    }
}

impl<H: HostAddressable> DerefMut for PageSet<H> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Pages {
        // SAFETY: as for `deref`, and it is borrowed for writing.
        Pages::new_mut(unsafe { core::slice::from_raw_parts_mut(self.words.as_ptr(), self.len) })
    }
}

impl<H: HostAddressable> Drop for PageSet<H> {
    fn drop(&mut self) {
        // SAFETY: allocated by `empty` with this layout, and nothing borrows it any more.
        unsafe { self.memory.free(self.address, self.layout) };
    }
}

impl<H: HostAddressable> fmt::Debug for PageSet<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
