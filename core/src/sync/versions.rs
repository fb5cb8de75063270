//! Readers that take no lock, and find out whether what they read was whole.
//!
//! # What it guarantees
//!
//! - A reader writes nothing and waits for nobody. It reads what may be written
//!   over meanwhile, and then asks whether it was
//!   ([`Snapshot::holds`]). It has to try again only where a writer got on.
//! - A writer never waits for a reader.
//! - A writer that stops or dies leaves readers that go on.
//!
//! What is read in between may be anything: its accesses must be atomic, its
//! numbers bounded, and nothing may be concluded from it before `holds` has said
//! yes.
//!
//! # Protocol
//!
//! Places hold entries, and a *mark* of each place (a bit, a byte) says whether
//! there is one. All places together hang on a *link*, one word. Who writes holds
//! a lock. An entry is written to a place whose mark says that none is there, and
//! then the mark is set. So readers go wrong only where a place they have seen
//! marked is used again, or an entry moves from where they will look to where
//! they have looked. The version changes whenever that becomes possible:
//!
//! | step | stores, in this order |
//! |---|---|
//! | [`retire`](Versions::retire) an entry | unmark it; next version |
//! | [`relocate`](Versions::relocate) one | mark the new place; next version; unmark the old one; next version |
//! | [`relink`](Versions::relink) all places | next version, *relinking*; the link; next version, not relinking; only then are the old places somebody else's |
//! | [`change`](Versions::change) something in place | *changing*; …; next version, not changing |
//!
//! - Retired places may be used again at once: whoever reads what is written there
//!   sees the next version afterwards.
//! - An entry that moves is at both places for a moment. Who misses it at both has
//!   seen the old one unmarked, and thus sees the next version.
//! - The places on an old link stay as they are until the link is another one, so
//!   a reader on them looks at the link again. The same link may come back with
//!   other places; by then the version has changed twice.
//! - While a version is the current one and is not *relinking*, the link is one and the
//!   same. So a reader may keep both, and read on that link later without a look at it:
//!   if the version is that one [before](Versions::resumes_at) and
//!   [afterwards](Versions::is_at), then so was the link in between.
//!
//! A writer that dies between a mark and the version leaves a place that is
//! unmarked, and may have been seen marked; one that dies while it relinks leaves a
//! version that says so. Who takes the lock over therefore relinks before anything
//! else, even if it leaves the link as it is.
//!
//! The version wraps: a reader that sleeps, or keeps a version, for just as many steps
//! as a quarter of what a word counts, does not notice.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// In the word: something is being changed in place.
const CHANGING: usize = 1;

/// In the word: the link is being changed.
const RELINKING: usize = 2;

/// From one version to the next.
const STEP: usize = 4;

/// The version of what is behind a lock, in a word.
///
/// | bits | field |
/// |---|---|
/// | 0 | whether something is being changed in place |
/// | 1 | whether the link is being changed |
/// | others | the version |
pub struct Versions<'w, A: Atomics = Native> {
    version: &'w A::Word,
    link: &'w A::Word,
}

impl<'w, A: Atomics> Versions<'w, A> {
    /// The versions that `version` counts of what hangs on `link`.
    #[must_use]
    #[inline]
    pub const fn new(version: &'w A::Word, link: &'w A::Word) -> Self {
        Self { version, link }
    }

    /// Starts to read.
    #[must_use]
    #[inline]
    pub fn snapshot(self) -> Snapshot<'w, A> {
        // Acquire: pairs with the Release in `advance`; who sees a version sees
        // what was unmarked before.
        let version = self.version.load(Ordering::Acquire);
        // Acquire: pairs with the store of the link; publishes the places.
        let link = self.link.load(Ordering::Acquire);
        Snapshot { of: self, version, link }
    }

    /// Whether the version is still that one: starts to read on the link that goes with it.
    #[must_use]
    #[inline]
    pub fn resumes_at(self, version: Version) -> bool {
        // Acquire: as in `snapshot`.
        self.version.load(Ordering::Acquire) == version.0
    }

    /// Whether all that was read on the link that goes with `version`, since that was
    /// seen, was there at one moment.
    #[must_use]
    #[inline]
    pub fn is_at(self, version: Version) -> bool {
        // Acquire: pairs with the fence in `advance`; keeps what was read before
        // the load below.
        A::fence(Ordering::Acquire);
        self.version.load(Ordering::Relaxed) == version.0
    }

    /// Makes readers notice whatever is written from here on.
    ///
    /// For this and all that follows the caller holds the lock.
    #[inline]
    pub fn advance(&self) {
        self.advance_with(|version| version);
    }

    #[inline]
    fn advance_with(&self, mark: impl FnOnce(usize) -> usize) {
        let version = self.version.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `snapshot`; keeps what was unmarked, and
        // a new link, before it.
        self.version.store(mark(version.wrapping_add(STEP)), Ordering::Release);
        // Release: pairs with the Acquire in `holds` and `is_at`; who reads what is
        // written next sees this version.
        A::fence(Ordering::Release);
    }

    /// Unmarks a place, which may be used again then.
    #[inline]
    pub fn retire<R>(&self, unmark: impl FnOnce() -> R) -> R {
        let result = unmark();
        self.advance();
        result
    }

    /// Moves an entry, which was written to another place already.
    #[inline]
    pub fn relocate<R>(&self, mark: impl FnOnce(), unmark: impl FnOnce() -> R) -> R {
        mark();
        self.advance();
        self.retire(unmark)
    }

    /// Changes the link, and gives the old places away; or finds out which link a dead
    /// writer left.
    #[inline]
    pub fn relink<R>(&self, exchange: impl FnOnce() -> R) -> R {
        self.advance_with(|version| version | RELINKING);
        let result = exchange();
        self.advance_with(|version| version & !RELINKING);
        result
    }

    /// Starts to change something in place, until the result is dropped.
    #[inline]
    pub fn change(self) -> Change<'w, A> {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version | CHANGING, Ordering::Relaxed);
        // Release: as in `advance`.
        A::fence(Ordering::Release);
        Change(self)
    }
}

impl<A: Atomics> Clone for Versions<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Atomics> Copy for Versions<'_, A> {}

impl<A: Atomics> fmt::Debug for Versions<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Versions({})", self.version.load(Ordering::Relaxed) / STEP)
    }
}

/// A version with which one link goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(usize);

impl Version {
    /// One that there never is (before it wraps): with no step, nobody relinks.
    pub const NONE: Self = Self(RELINKING);
}

/// What a reader saw when it started.
pub struct Snapshot<'w, A: Atomics = Native> {
    of: Versions<'w, A>,
    version: usize,
    link: usize,
}

impl<A: Atomics> Snapshot<'_, A> {
    /// The link on which to read.
    #[must_use]
    #[inline]
    pub const fn link(&self) -> usize {
        self.link
    }

    /// The version with which [the link](Self::link) goes; [`NONE`](Version::NONE) where it
    /// was being changed.
    ///
    /// Both can be kept at once: if another link was read than goes with the version,
    /// then that is never [seen](Versions::is_at) again.
    #[must_use]
    #[inline]
    pub const fn version(&self) -> Version {
        if self.version & RELINKING == 0 { Version(self.version) } else { Version::NONE }
    }

    /// Whether something was being changed in place.
    #[must_use]
    #[inline]
    pub const fn is_changing(&self) -> bool {
        self.version & CHANGING != 0
    }

    /// Whether all that was read since was there at one moment.
    #[must_use]
    #[inline]
    pub fn holds(&self) -> bool {
        // Acquire: pairs with the fence in `advance`; keeps what was read before
        // the loads below.
        A::fence(Ordering::Acquire);
        // Acquire: pairs with the store of the link. The link comes first: one that is the
        // same again, for it was exchanged twice, shows a later version.
        let link = self.of.link.load(Ordering::Acquire);
        self.of.version.load(Ordering::Relaxed) == self.version && link == self.link
    }
}

impl<A: Atomics> fmt::Debug for Snapshot<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} of {:#x})", self.version / STEP, self.link)
    }
}

/// A change in place that is under way.
#[must_use = "the change is over when this is dropped"]
pub struct Change<'w, A: Atomics = Native>(Versions<'w, A>);

impl<A: Atomics> Drop for Change<'_, A> {
    #[inline]
    fn drop(&mut self) {
        let version = self.0.version.load(Ordering::Relaxed) & !CHANGING;
        // Release: pairs with the Acquire in `snapshot`; publishes the change.
        self.0.version.store(version.wrapping_add(STEP), Ordering::Release);
    }
}

impl<A: Atomics> fmt::Debug for Change<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Change")
    }
}
