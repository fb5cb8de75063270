//! Blocks: which entry has one, and to whom it is lent.
//!
//! The link and the capacity are changed by the entry's lender and, while the entry
//! is [spare](Locked::spares), by whoever has the lock. The capacity changes while the
//! link is null only, so that it is that of the block whenever there is one.
//!
//! A block [fits](MessageTable::fits) a message that it has room for, unless it has
//! room for more than twice as many values. Where none does, an entry without a block
//! is lent, and where there is none of these either the one that was used the longest
//! ago: its block is to be replaced.

use core::sync::atomic::Ordering;

use super::super::{Arena, AtomicInt, Atomics};
use super::{Field, Locked, MessageTable};

/// What a table's owner does with its blocks.
pub trait Blocks {
    /// Settles what a dead process was doing with a link.
    fn recover(&self);
}

impl<'w, R: Arena> MessageTable<'w, R> {
    /// The word that names the block of an entry.
    #[must_use]
    pub fn link(&self, entry: usize) -> &'w <R::A as Atomics>::Word {
        self.field(Field::Link, entry)
    }

    /// How many values the message of an entry has; written by its lender.
    #[must_use]
    pub fn len(&self, entry: usize) -> &'w <R::A as Atomics>::Word {
        self.field(Field::Len, entry)
    }

    /// How many values the block of an entry has room for; written before there is one.
    #[must_use]
    pub fn capacity(&self, entry: usize) -> &'w <R::A as Atomics>::Word {
        self.field(Field::Capacity, entry)
    }

    /// Whether an entry has a block for a message of `len` values, and not one with
    /// room for more than twice as many.
    #[must_use]
    pub fn fits(&self, entry: usize, len: usize) -> bool {
        let capacity = self.get(Field::Capacity, entry);
        self.has_block(entry) && len <= capacity && capacity - len <= len
    }

    fn has_block(&self, entry: usize) -> bool {
        self.get(Field::Link, entry) != 0
    }
}

impl<R: Arena> Locked<'_, '_, R> {
    /// Lends a free entry to `me`, for a message of `len` values; `None` if there is
    /// none. Its block is to be replaced unless it [fits](MessageTable::fits).
    #[must_use]
    pub fn lend(&self, me: usize, len: usize) -> Option<usize> {
        let table = self.table;
        let next = table.next().load(Ordering::Relaxed);
        // Without a block first, then those that were used the longest ago.
        let choice = |&entry: &usize| {
            (table.has_block(entry), table.get(Field::Number, entry).wrapping_sub(next))
        };
        let fitting = self.free().find(|&entry| table.fits(entry, len));
        let entry = fitting.or_else(|| self.free().min_by_key(choice))?;
        table.set(Field::Lender, entry, me);
        Some(entry)
    }

    fn free(&self) -> impl Iterator<Item = usize> {
        self.table.entries().filter(|&entry| self.table.is_free(entry))
    }

    /// Those entries whose block nobody uses; it may be freed.
    pub fn spares(&self) -> impl Iterator<Item = usize> {
        self.free().filter(|&entry| self.table.has_block(entry))
    }
}
