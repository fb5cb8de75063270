//! Atomic words that live inside managed bytes, reached by offset.
//!
//! A model checker's atomics are not integers in memory, so protocols may not
//! cast bytes to atomics themselves: they ask an [`Arena`] for the word at an
//! offset. [`Bytes`] is the real one; a model keeps a side table.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::atomic::{AtomicU32, AtomicUsize};
use super::{Atomics, Native};
use crate::offset::Offset;

/// Gives the atomic word that stands at an offset.
pub trait Arena {
    /// The family of atomics the words are of.
    type A: Atomics;

    /// The word at `at`, which must be a multiple of the word's size.
    ///
    /// Another offset yields some word of the arena, or one of no consequence
    /// where there is none: wrong data, never a wild store.
    fn word(&self, at: Offset) -> &<Self::A as Atomics>::Word;
}

/// A span of ordinary bytes, borrowed for `'a`, seen as words.
///
/// # Invariants
///
/// `base..base + len` stays readable and writable for `'a` and is only ever
/// accessed atomically, or by the one owner that a protocol appoints.
/// `base` is aligned to 16 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a> {
    base: NonNull<u8>,
    len: usize,
    _span: PhantomData<&'a [AtomicUsize]>,
}

// SAFETY: `Bytes` only hands out shared references to atomics and raw pointers;
// the invariant above makes both fit to be used from any thread.
unsafe impl Send for Bytes<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Bytes<'_> {}

/// Where accesses outside a span land.
static NOWHERE: (AtomicUsize, AtomicU32) = (AtomicUsize::new(0), AtomicU32::new(0));

impl<'a> Bytes<'a> {
    /// A view of `base..base + len`.
    ///
    /// # Safety
    ///
    /// The invariants of the type hold for as long as `'a`.
    #[must_use]
    pub const unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len, _span: PhantomData }
    }

    /// The first byte.
    #[must_use]
    #[inline]
    pub const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Length in bytes.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the span has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address of `size` bytes at `at`, or `None` if they are not all
    /// inside.
    #[must_use]
    #[inline]
    pub fn slice(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        let end = at.get().checked_add(size)?;
        if end > self.len {
            return None;
        }
        // SAFETY: `at..end` lies within the span (checked above), whose base
        // carries the provenance of all of it.
        Some(unsafe { self.base.add(at.get()) })
    }

    /// The 32-bit word at `at`, under the same rules as [`Arena::word`].
    #[must_use]
    #[inline]
    pub fn half(&self, at: Offset) -> &'a AtomicU32 {
        match self.aligned::<AtomicU32>(at) {
            // SAFETY: in range (`aligned`), aligned as the base is, valid for `'a`
            // (type invariant), and any bit pattern is an `AtomicU32`.
            Some(word) => unsafe { word.as_ref() },
            None => &NOWHERE.1,
        }
    }

    /// The word at `at`, or the one that `at` is inside of: a mask is sooner
    /// done than a refusal.
    #[inline]
    fn aligned<T>(&self, at: Offset) -> Option<NonNull<T>> {
        let mask = !(size_of::<T>() - 1);
        debug_assert!(at.get() & !mask == 0, "word at {at} is not aligned");
        let at = at.get() & mask;
        // SAFETY: both are multiples of the size, so all of the word lies within
        // the span, whose base carries the provenance of all of it.
        (at < self.len & mask).then(|| unsafe { self.base.add(at).cast() })
    }
}

impl Arena for Bytes<'_> {
    type A = Native;

    #[inline]
    fn word(&self, at: Offset) -> &AtomicUsize {
        match self.aligned::<AtomicUsize>(at) {
            // SAFETY: in range (`aligned`), aligned as the base is, valid for `'a`
            // (type invariant), and any bit pattern is an `AtomicUsize`.
            Some(word) => unsafe { word.as_ref() },
            None => &NOWHERE.0,
        }
    }
}
