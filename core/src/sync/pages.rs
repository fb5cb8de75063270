//! Who keeps, reads and writes each of 64 pages, and when their memory comes and goes.
//!
//! # What it guarantees
//!
//! - A page has memory while anybody keeps it or has it pinned, and one thread alone is told
//!   to provide it, and one to take it away.
//! - While somebody writes a page nobody else reads or writes it.
//! - Whoever has a page pinned sees what all who wrote it before have done.
//! - Pages are pinned all or none, so that who pins those of several groups in ascending
//!   order never waits in a circle.
//!
//! Not promised: that who wants to write gets to, as long as others come to read. A thread
//! may therefore read what it reads already.
//!
//! # The words
//!
//! One for each page, all 0 in the beginning:
//!
//! | bits | field |
//! |---|---|
//! | 0–15 | how many keep the page |
//! | 16–27 | how many read it |
//! | 28 | somebody writes it |
//! | 29 | there is memory for it |
//! | 30 | somebody provides the memory, or takes it away |
//!
//! # Protocol
//!
//! One [spin lock](SpinLock) protects the words of a group: a step takes it once for up to
//! 64 pages, and each page costs a load and a store. It is never held while memory is
//! provided or taken away, nor while pages are pinned.
//!
//! | step | a page's word |
//! |---|---|
//! | [`keep`](PageGroup::keep) | one more keeps it; 0 → changing, kept by one: the caller provides memory, then [`ready`](PageGroup::ready), or [`vacate`](PageGroup::vacate) if there is none |
//! | [`release`](PageGroup::release) | one less |
//! | [`begin_read`](PageGroup::begin_read), [`end_read`](PageGroup::end_read) | one more, one less, if nobody writes |
//! | [`begin_write`](PageGroup::begin_write), [`end_write`](PageGroup::end_write) | written, not written, if nobody reads or writes |
//! | each that ends something | nobody keeps or pins it any more → changing: the caller takes the memory away, then [`vacate`](PageGroup::vacate) |

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native, SpinLock};

const KEEPER: u32 = 1;
const KEEPERS: u32 = 0xFFFF;
const READER: u32 = 1 << 16;
const READERS: u32 = 0xFFF << 16;
const WRITER: u32 = 1 << 28;
const READY: u32 = 1 << 29;
const CHANGING: u32 = 1 << 30;

/// What to do about pages for which there is no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Provide it.
    Allocate,
    /// Keep none of the pages.
    Refuse,
}

/// What to do about pages that somebody else is using.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Look again and again.
    Wait,
    /// Pin none of the pages.
    Refuse,
}

/// Why pages are not kept or pinned: the bits of those it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no memory for them.
    Missing(u64),
    /// Somebody else is using them, or too many are.
    Taken(u64),
}

/// What is in the way of a step.
enum Hurdle {
    Missing,
    Taken,
    Full,
}

/// The protocol of a group of pages, over words that stand anywhere.
pub struct PageGroup<'w, A: Atomics = Native> {
    lock: SpinLock<'w, A>,
    words: &'w [A::U32],
}

impl<'w, A: Atomics> PageGroup<'w, A> {
    /// The pages, 64 at most, with a word each in `words`, which `lock` protects.
    #[must_use]
    #[inline]
    pub const fn new(lock: SpinLock<'w, A>, words: &'w [A::U32]) -> Self {
        Self { lock, words }
    }

    /// Keeps pages; those that the caller has to provide memory for.
    ///
    /// It waits for pages that others provide or take away the memory of.
    ///
    /// # Errors
    ///
    /// - [`Missing`](Unavailable::Missing), if that is to be refused.
    /// - [`Taken`](Unavailable::Taken) of pages that 65,535 keep already.
    #[inline]
    pub fn keep(&self, pages: u64, missing: Missing) -> Result<u64, Unavailable> {
        self.step(pages, Taken::Wait, |word| match word {
            _ if word & CHANGING != 0 => Err(Hurdle::Taken),
            _ if word & KEEPERS == KEEPERS => Err(Hurdle::Full),
            _ if word & READY != 0 => Ok(word + KEEPER),
            _ if missing == Missing::Allocate => Ok(CHANGING | KEEPER),
            _ => Err(Hurdle::Missing),
        })
    }

    /// Says that there is memory for pages that [`keep`](Self::keep) told of.
    pub fn ready(&self, pages: u64) {
        self.update(pages, |word| word & !CHANGING | READY);
    }

    /// Says that there is no memory for pages any more, or none to be had.
    pub fn vacate(&self, pages: u64) {
        self.update(pages, |_| 0);
    }

    /// Keeps pages no more; those whose memory the caller has to take away.
    #[must_use = "their memory is to be taken away"]
    pub fn release(&self, pages: u64) -> u64 {
        self.update(pages, |word| {
            debug_assert!(word & KEEPERS != 0, "nobody keeps it");
            left(word.wrapping_sub(KEEPER))
        })
    }

    /// Pins pages for reading.
    ///
    /// # Errors
    ///
    /// See [`Unavailable`].
    #[inline]
    pub fn begin_read(&self, pages: u64, taken: Taken) -> Result<(), Unavailable> {
        self.step(pages, taken, |word| match word {
            _ if word & READY == 0 => Err(Hurdle::Missing),
            _ if word & WRITER != 0 || word & READERS == READERS => Err(Hurdle::Taken),
            _ => Ok(word + READER),
        })
        .map(drop)
    }

    /// Unpins what was pinned for reading; those whose memory the caller has to take away.
    #[must_use = "their memory is to be taken away"]
    #[inline]
    pub fn end_read(&self, pages: u64) -> u64 {
        self.update(pages, |word| {
            debug_assert!(word & READERS != 0, "nobody reads it");
            left(word.wrapping_sub(READER))
        })
    }

    /// Pins pages for writing.
    ///
    /// # Errors
    ///
    /// See [`Unavailable`].
    #[inline]
    pub fn begin_write(&self, pages: u64, taken: Taken) -> Result<(), Unavailable> {
        self.step(pages, taken, |word| match word {
            _ if word & READY == 0 => Err(Hurdle::Missing),
            _ if word & (WRITER | READERS) != 0 => Err(Hurdle::Taken),
            _ => Ok(word | WRITER),
        })
        .map(drop)
    }

    /// Unpins what was pinned for writing; those whose memory the caller has to take away.
    #[must_use = "their memory is to be taken away"]
    #[inline]
    pub fn end_write(&self, pages: u64) -> u64 {
        self.update(pages, |word| {
            debug_assert!(word & WRITER != 0, "nobody writes it");
            left(word & !WRITER)
        })
    }

    /// Whether there is memory for the page; if so, what `look` finds out while it stays.
    #[inline]
    pub fn while_ready<R>(&self, page: usize, look: impl FnOnce() -> R) -> Option<R> {
        let _locked = self.lock.lock();
        let word = self.words.get(page)?.load(Ordering::Relaxed);
        (word & READY != 0).then(look)
    }

    /// How many keep the page, and whether it is pinned.
    #[must_use]
    pub fn users(&self, page: usize) -> (u32, bool) {
        let _locked = self.lock.lock();
        let word = self.words.get(page).map_or(0, |word| word.load(Ordering::Relaxed));
        (word & KEEPERS, word & (READERS | WRITER) != 0)
    }

    /// Takes a step with all of the pages as soon as nothing is in the way with any; those
    /// that are changing then.
    #[inline]
    fn step(
        &self,
        pages: u64,
        taken: Taken,
        next: impl Fn(u32) -> Result<u32, Hurdle>,
    ) -> Result<u64, Unavailable> {
        loop {
            let locked = self.lock.lock();
            let mut missing = 0;
            let mut in_use = 0;
            let mut full = 0;
            self.each(pages, |bit, word| match next(word.load(Ordering::Relaxed)) {
                Ok(_) => {}
                Err(Hurdle::Missing) => missing |= bit,
                Err(Hurdle::Taken) => in_use |= bit,
                Err(Hurdle::Full) => full |= bit,
            });
            if missing | in_use | full == 0 {
                return Ok(self.apply(pages, |word| next(word).unwrap_or(word)));
            }
            drop(locked);
            if missing != 0 {
                return Err(Unavailable::Missing(missing));
            }
            if full != 0 || taken == Taken::Refuse {
                return Err(Unavailable::Taken(full | in_use));
            }
            self.lock.pause();
        }
    }

    #[inline]
    fn update(&self, pages: u64, next: impl Fn(u32) -> u32) -> u64 {
        let _locked = self.lock.lock();
        self.apply(pages, next)
    }

    /// Changes the words of pages; those that are changing then. The lock is held.
    #[inline]
    fn apply(&self, pages: u64, next: impl Fn(u32) -> u32) -> u64 {
        let mut changing = 0;
        self.each(pages, |bit, word| {
            let next = next(word.load(Ordering::Relaxed));
            word.store(next, Ordering::Relaxed);
            if next & CHANGING != 0 {
                changing |= bit;
            }
        });
        changing
    }

    /// Visits the words of pages. All of a group, as large copies have them, is a plain loop.
    #[inline]
    fn each(&self, pages: u64, mut visit: impl FnMut(u64, &A::U32)) {
        let none_of = 64_usize.saturating_sub(self.words.len()) as u32;
        if pages == u64::MAX.checked_shr(none_of).unwrap_or(0) {
            return self.words.iter().enumerate().for_each(|(page, word)| visit(1 << page, word));
        }
        let mut left = pages;
        while left != 0 {
            if let Some(word) = self.words.get(left.trailing_zeros() as usize) {
                visit(left & left.wrapping_neg(), word);
            }
            left &= left - 1;
        }
    }
}

/// What becomes of a page's word when somebody has left it.
#[inline]
const fn left(word: u32) -> u32 {
    if word & (KEEPERS | READERS | WRITER) == 0 { CHANGING } else { word }
}

impl<A: Atomics> fmt::Debug for PageGroup<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(|word| word.load(Ordering::Relaxed));
        f.debug_list().entries(words).finish()
    }
}
