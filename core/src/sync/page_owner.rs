//! Which of several regions a page's contents are in, while they move from one to another.
//!
//! Each region lends its pages by itself: to any number of readers, or one writer. A word for
//! each page says which region to ask.
//!
//! # What it guarantees
//!
//! - Who has pinned a page in the region that the word names, and finds the word as it was,
//!   has the contents, and the word stays until the page is let go.
//! - Nobody waits here, but in the regions.
//!
//! # Protocol
//!
//! | step | who may |
//! |---|---|
//! | [`get`](PageOwner::get) a region, pin the page there, look whether it still is the one; else let go and begin again | anybody |
//! | [`pass`](PageOwner::pass) the page on | who has it pinned for writing in both regions; in the new one alone, if nobody had it |

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// The protocol, over a word that stands anywhere.
pub struct PageOwner<'w, A: Atomics = Native> {
    word: &'w A::U32,
}

impl<'w, A: Atomics> PageOwner<'w, A> {
    /// The word of a page that nobody has.
    pub const NOBODY: u32 = u32::MAX;

    /// Whose page it is, by `word`.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::U32) -> Self {
        Self { word }
    }

    /// Which region has the page, unless it has been passed on meanwhile, or
    /// [`NOBODY`](Self::NOBODY).
    #[must_use]
    #[inline]
    pub fn get(&self) -> u32 {
        // Acquire: pairs with the Release in `pass`; who sees the new owner sees what it has.
        self.word.load(Ordering::Acquire)
    }

    /// Passes the page on, unless it was not `from`'s any more; whether it did.
    #[inline]
    pub fn pass(&self, from: u32, to: u32) -> bool {
        // Release: pairs with the Acquire in `get`. Acquire: with the Release of who passed
        // it on before.
        self.word.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

impl<A: Atomics> fmt::Debug for PageOwner<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Self::NOBODY => f.write_str("PageOwner(nobody)"),
            region => write!(f, "PageOwner({region})"),
        }
    }
}
