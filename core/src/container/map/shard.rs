//! One shard: a lock, and the table that it protects.
//!
//! # Order of stores
//!
//! The table and its control bytes are the truth; the counts are derived. Each
//! step makes its result visible with one word store, after everything that the
//! result consists of:
//!
//! | step | first | then, at once | then |
//! |---|---|---|---|
//! | insert | write the entry | control byte: occupied | counts |
//! | remove | | control byte: removed | counts; read the entry |
//! | replace | write the new entry to another slot; note both slots | new one occupied | old one removed; forget the note |
//! | grow | copy all entries to a new table | the table word | counts; free the old table |
//!
//! A holder that dies leaves at worst an entry or a table that nobody knows of,
//! counts that are off, and a note; [`Locked::repair`] puts the latter two
//! right.

use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::super::heap::{Heap, in_order};
use super::super::{ContainerError, ShmSafe};
use super::table::{self, Entry, Slot, Table, TableWord};
use crate::sync::{Acquired, LockWord, RobustGuard};

/// The state of a shard, on cache lines of its own. All zero bytes are an empty
/// shard.
#[repr(C, align(128))]
pub(super) struct Shard {
    lock: LockWord,
    /// A [`TableWord`].
    table: AtomicUsize,
    /// Entries there are.
    len: AtomicUsize,
    /// Slots that are other than empty.
    used: AtomicUsize,
    /// The slot that an entry is moving from, while `moving_to` is not 0.
    moving_from: AtomicUsize,
    /// One more than the slot that it is moving to.
    moving_to: AtomicUsize,
    /// How often the lock was taken from a dead holder.
    recoveries: AtomicUsize,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> usize {
        table::limit_of(self.table_word().slots())
    }

    pub(super) fn recoveries(&self) -> usize {
        self.recoveries.load(Ordering::Relaxed)
    }

    pub(super) fn table_word(&self) -> TableWord {
        TableWord::from_bits(self.table.load(Ordering::Relaxed))
    }

    /// Takes the lock and opens the table.
    ///
    /// Even a look takes the lock, so a heap that is attached read-only answers
    /// none.
    ///
    /// It is waited for without a limit: the closures that run under it are the
    /// user's, so any limit would be too short for some. The price is that a word
    /// which is damaged so that it names a living process is waited for until
    /// that ends.
    #[inline]
    pub(super) fn lock<K: ShmSafe, V: ShmSafe>(
        &self,
        heap: Heap,
    ) -> Result<Locked<'_, K, V>, ContainerError> {
        heap.writable()?;
        let guard = self.lock.robust().lock(heap.model());
        let recovered = guard.acquired() != Acquired::Free;
        let locked = Locked::open(self, heap, Some(guard))?;
        if recovered {
            locked.repair();
        }
        Ok(locked)
    }

    /// Opens the table of a map that has one owner, whose lock thus matters to
    /// nobody.
    pub(super) fn own<K: ShmSafe, V: ShmSafe>(
        &mut self,
        heap: Heap,
    ) -> Result<Locked<'_, K, V>, ContainerError> {
        let locked = Locked::open(self, heap, None)?;
        locked.repair();
        Ok(locked)
    }
}

/// A shard whose lock is held.
pub(super) struct Locked<'s, K, V> {
    shard: &'s Shard,
    heap: Heap,
    table: Option<Table<K, V>>,
    // Dropped last, as the fields are dropped in order: releases the lock.
    _guard: Option<RobustGuard<'s>>,
}

impl<'s, K: ShmSafe, V: ShmSafe> Locked<'s, K, V> {
    #[inline]
    fn open(
        shard: &'s Shard,
        heap: Heap,
        guard: Option<RobustGuard<'s>>,
    ) -> Result<Self, ContainerError> {
        let word = shard.table_word();
        let table = match word {
            TableWord::NONE => None,
            word => Some(Table::open(heap, word)?),
        };
        Ok(Self { shard, heap, table, _guard: guard })
    }

    /// The table, if there ever was an entry.
    #[inline]
    pub(super) fn table(&self) -> Option<&Table<K, V>> {
        self.table.as_ref()
    }

    /// The entry of this hash whose key `matches`.
    #[inline]
    pub(super) fn find(&self, hash: u64, matches: impl FnMut(&K) -> bool) -> Option<Slot> {
        self.table()?.find(hash, matches)
    }

    /// The entry at `slot`, which was just found, for as long as the lock is
    /// held.
    #[inline]
    pub(super) fn entry(&mut self, slot: Slot) -> Option<&mut Entry<K, V>> {
        let mut entry = self.table()?.entry(slot);
        // SAFETY: the slot was found to be full, in this table, under this
        // lock; the borrow of `self` makes it the only reference.
        Some(unsafe { entry.as_mut() })
    }

    /// The first slot from `from` on that holds an entry.
    pub(super) fn full_from(&self, from: Slot) -> Option<Slot> {
        let table = self.table()?;
        (from.0..table.slots()).map(Slot).find(|&slot| table.is_full(slot))
    }

    /// Adds an entry, whose key is not there yet.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        entry: Entry<K, V>,
        rehash: impl Fn(&K) -> u64,
    ) -> Result<Slot, ContainerError> {
        self.reserve(1, rehash)?;
        let table = self.table().ok_or(ContainerError::Corrupt)?;
        let (slot, was_empty) = table.vacancy(hash).ok_or(ContainerError::Corrupt)?;
        // SAFETY: no entry is in that slot, and the lock is held.
        unsafe { table.entry(slot).write(entry) };
        table.publish(slot, hash);
        add(&self.shard.len, 1);
        add(&self.shard.used, was_empty.into());
        Ok(slot)
    }

    /// Replaces the value at `slot`, which was just found.
    pub(super) fn replace(&mut self, slot: Slot, hash: u64, value: V) -> Result<V, ContainerError> {
        if is_one_store::<V>() {
            let entry = self.entry(slot).ok_or(ContainerError::Corrupt)?;
            return Ok(core::mem::replace(&mut entry.value, value));
        }
        self.replace_by_move(slot, hash, value)
    }

    /// Replaces a value by a new entry, so that at no moment half of it is
    /// there.
    fn replace_by_move(&mut self, from: Slot, hash: u64, value: V) -> Result<V, ContainerError> {
        let table = self.table().ok_or(ContainerError::Corrupt)?;
        let (to, was_empty) = table.vacancy(hash).ok_or(ContainerError::Corrupt)?;
        let (old, new) = (table.entry(from), table.entry(to));
        // SAFETY: `from` is full; its key is read once here, and will be
        // forgotten there.
        let key = unsafe { (&raw const (*old.as_ptr()).key).read() };
        // SAFETY: no entry is at `to`, and the lock is held.
        unsafe { new.write(Entry { key, value }) };
        self.note_move(from, to);
        table.publish(to, hash);
        let freed = table.erase(from);
        self.forget_move();
        add(&self.shard.used, was_empty.into());
        sub(&self.shard.used, freed.into());
        // SAFETY: the old value is the caller's now; nobody finds it any more.
        Ok(unsafe { (&raw const (*old.as_ptr()).value).read() })
    }

    fn note_move(&self, from: Slot, to: Slot) {
        self.shard.moving_from.store(from.0, Ordering::Release);
        // Release, here and below: keeps this step after the one before.
        self.shard.moving_to.store(to.0.wrapping_add(1), Ordering::Release);
    }

    fn forget_move(&self) {
        self.shard.moving_to.store(0, Ordering::Release);
    }

    /// Removes the entry at `slot`, which was just found.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Entry<K, V>> {
        let table = self.table()?;
        let freed = table.erase(slot);
        sub(&self.shard.len, 1);
        sub(&self.shard.used, freed.into());
        // SAFETY: the entry was full, and is the caller's now; nobody finds it
        // any more.
        Some(unsafe { table.entry(slot).read() })
    }

    /// Drops all entries and keeps the table.
    pub(super) fn clear(&mut self) {
        let Some(table) = self.table.take() else { return };
        for slot in table.full_slots() {
            table.erase(slot);
            sub(&self.shard.len, 1);
            // SAFETY: the entry was full, and nobody finds it any more.
            unsafe { table.entry(slot).drop_in_place() };
        }
        table.reset();
        self.shard.len.store(0, Ordering::Relaxed);
        self.shard.used.store(0, Ordering::Relaxed);
        self.table = Some(table);
    }

    /// Drops all entries and the table.
    pub(super) fn destroy(&mut self) {
        self.clear();
        if let Some(table) = self.table.take() {
            self.shard.table.store(TableWord::NONE.into_bits(), Ordering::Release);
            in_order();
            // SAFETY: the shard has just forgotten it, and it is empty.
            unsafe { table.free(self.heap) };
        }
    }

    /// Makes room for `more` entries.
    pub(super) fn reserve(
        &mut self,
        more: usize,
        rehash: impl Fn(&K) -> u64,
    ) -> Result<(), ContainerError> {
        let used = self.shard.used.load(Ordering::Relaxed);
        let needed = used.saturating_add(more);
        if self.table().is_some_and(|table| needed <= table.limit()) {
            return Ok(());
        }
        self.grow(more, rehash)
    }

    /// Moves to a table with room for `more` entries, and then some; also one
    /// of the same size, without the removed slots.
    #[cold]
    fn grow(&mut self, more: usize, rehash: impl Fn(&K) -> u64) -> Result<(), ContainerError> {
        let len = self.table().map_or(0, |table| table.count().0);
        let needed = len.saturating_add(more);
        let generous = needed.max(len.saturating_add(len / 2));
        let new = Table::create(self.heap, table::slots_for(generous)?)
            .or_else(|_| Table::create(self.heap, table::slots_for(needed)?))?;
        if let Some(old) = &self.table {
            copy_entries(old, &new, rehash)?;
        }
        // Release: the entries are there before the table is.
        self.shard.table.store(new.word().into_bits(), Ordering::Release);
        self.shard.used.store(len, Ordering::Relaxed);
        self.shard.len.store(len, Ordering::Relaxed);
        in_order();
        if let Some(old) = self.table.replace(new) {
            // SAFETY: the shard has just forgotten it; its entries have moved.
            unsafe { old.free(self.heap) };
        }
        Ok(())
    }

    /// Puts right what a holder that died may have left behind.
    #[cold]
    pub(super) fn repair(&self) {
        self.finish_move();
        let (len, used) = self.table().map_or((0, 0), Table::count);
        self.shard.len.store(len, Ordering::Relaxed);
        self.shard.used.store(used, Ordering::Relaxed);
        add(&self.shard.recoveries, 1);
    }

    /// Ends a replacement: where both entries are there, the old one goes.
    fn finish_move(&self) {
        let to = self.shard.moving_to.load(Ordering::Relaxed);
        let from = Slot(self.shard.moving_from.load(Ordering::Relaxed));
        if let (Some(table), Some(to)) = (self.table(), to.checked_sub(1).map(Slot))
            && from != to
            && table.is_full(from)
            && table.is_full(to)
        {
            table.erase(from);
        }
        self.forget_move();
    }

    /// Looks whether the counts are right and every entry is where its hash
    /// says.
    pub(super) fn check(&self, rehash: impl Fn(&K) -> u64) -> Result<(), ContainerError> {
        let Some(table) = self.table() else {
            return (self.shard.len() == 0).then_some(()).ok_or(ContainerError::Corrupt);
        };
        let (len, used) = table.count();
        let found = |slot| {
            let entry = table.entry(slot);
            // SAFETY: the slot is full and the lock is held.
            let hash = rehash(unsafe { &entry.as_ref().key });
            // By place rather than by key: there may be no second one.
            let key = entry.cast::<K>().as_ptr().cast_const();
            table.find(hash, |other| ptr::eq(other, key)) == Some(slot)
        };
        let counted = len == self.shard.len() && used == self.shard.used.load(Ordering::Relaxed);
        (counted && table.full_slots().all(found)).then_some(()).ok_or(ContainerError::Corrupt)
    }
}

/// Copies all entries to another table, which is theirs as soon as the shard
/// names it.
fn copy_entries<K, V>(
    from: &Table<K, V>,
    to: &Table<K, V>,
    rehash: impl Fn(&K) -> u64,
) -> Result<(), ContainerError> {
    for slot in from.full_slots() {
        let entry = from.entry(slot);
        // SAFETY: the slot is full and the lock is held.
        let hash = rehash(unsafe { &entry.as_ref().key });
        let (place, _) = to.vacancy(hash).ok_or(ContainerError::Corrupt)?;
        // SAFETY: no entry is there, in a block of its own. (In a damaged map
        // they may overlap.)
        unsafe { to.entry(place).copy_from(entry, 1) };
        to.publish(place, hash);
    }
    Ok(())
}

/// Whether a value changes with a single store: then half of it is never there.
const fn is_one_store<V>() -> bool {
    size_of::<V>() <= size_of::<usize>() && size_of::<V>() == align_of::<V>() || size_of::<V>() == 0
}

/// Raises a count, which only the holder of the lock changes.
#[inline]
fn add(count: &AtomicUsize, by: usize) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

/// Lowers a count, which only the holder of the lock changes.
#[inline]
fn sub(count: &AtomicUsize, by: usize) {
    count.store(count.load(Ordering::Relaxed).wrapping_sub(by), Ordering::Relaxed);
}
