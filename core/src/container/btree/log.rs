//! Several words that change at once.
//!
//! What is to be stored is written down first, and stored then. A process that
//! dies in between leaves either no word of it, or a log that says it all: storing
//! it once more finishes the change.

use super::super::ContainerError;
use super::super::heap::{Heap, in_order};
use crate::offset::Offset;

/// The most words that change at once.
const MOST: usize = 4;

/// A word of a map, or of one of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Word(usize);

impl Word {
    /// The link to the root.
    pub(super) const ROOT: Self = Self(1);
    /// The number of entries.
    pub(super) const LEN: Self = Self(2);
    /// The link to a node outside of the tree.
    pub(super) const SPARE: Self = Self(3);
    /// The link to a tree that is dropped.
    pub(super) const DOOMED: Self = Self(4);

    /// The word at `at` in the heap, where its header is not.
    pub(super) const fn at(at: Offset) -> Self {
        Self(at.get())
    }
}

/// Words that the map itself has.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Words {
    pub(super) root: usize,
    pub(super) len: usize,
    pub(super) spare: usize,
    pub(super) doomed: usize,
}

impl Words {
    /// Those of a map without entries.
    pub(super) const EMPTY: Self = Self { root: 0, len: 0, spare: 0, doomed: 0 };

    fn store(&mut self, heap: Heap, word: Word, value: usize) -> Result<(), ContainerError> {
        match word {
            Word::ROOT => self.root = value,
            Word::LEN => self.len = value,
            Word::SPARE => self.spare = value,
            Word::DOOMED => self.doomed = value,
            // SAFETY: in the heap and aligned (`array`); the word is one of the
            // map's nodes'.
            Word(at) => unsafe { heap.array::<usize>(Offset::new(at), 1)?.write(value) },
        }
        in_order();
        Ok(())
    }
}

/// What is to be stored.
#[repr(C)]
pub(super) struct Log {
    count: usize,
    stores: [(Word, usize); MOST],
}

impl Log {
    /// Nothing.
    pub(super) const EMPTY: Self = Self { count: 0, stores: [(Word(0), 0); MOST] };

    /// Whether a change was begun and not finished.
    #[inline]
    pub(super) fn is_pending(&self) -> bool {
        self.count != 0
    }

    /// Stores all of `stores`, in this order.
    #[inline]
    pub(super) fn commit<const N: usize>(
        &mut self,
        heap: Heap,
        words: &mut Words,
        stores: [(Word, usize); N],
    ) -> Result<(), ContainerError> {
        const { assert!(N <= MOST) };
        for (place, store) in self.stores.iter_mut().zip(stores) {
            *place = store;
        }
        in_order();
        self.count = N;
        in_order();
        self.finish(heap, words)
    }

    /// Stores what is to be stored.
    #[inline]
    pub(super) fn finish(&mut self, heap: Heap, words: &mut Words) -> Result<(), ContainerError> {
        for &(word, value) in self.stores.iter().take(self.count) {
            words.store(heap, word, value)?;
        }
        self.count = 0;
        in_order();
        Ok(())
    }
}
