//! What the holder of a shard's lock does with its entries.

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, racy};
use super::shard::Shard;
use super::table::{Entry, Slot, Table};
use super::table_word::TableWord;
use crate::sync::RobustGuard;
use crate::sync::atomic::{AtomicUsize, Ordering, fence};

/// A shard whose lock is held.
pub(super) struct Locked<'s, K, V> {
    pub(super) shard: &'s Shard,
    pub(super) heap: Heap,
    pub(super) table: Option<Table<K, V>>,
    // Dropped last, as the fields are dropped in order: releases the lock.
    _guard: Option<RobustGuard<'s>>,
}

impl<'s, K: ShmSafe, V: ShmSafe> Locked<'s, K, V> {
    #[inline(always)]
    pub(super) fn open(
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
    pub(super) fn entry(&self, slot: Slot) -> Option<&Entry<K, V>> {
        let entry = self.table()?.entry(slot);
        // SAFETY: the slot was found to be full, in this table, under this lock;
        // to change it takes `&mut self`.
        Some(unsafe { entry.as_ref() })
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
        unsafe { table.write(slot, entry) };
        table.publish(slot, hash);
        add(&self.shard.len, 1);
        add(&self.shard.used, was_empty.into());
        Ok(slot)
    }

    /// Changes the value at `slot`, which was just found; where it is then.
    ///
    /// A plain value changes at once, when `change` is done: nobody sees half of
    /// it. Others change where they are.
    #[inline]
    pub(super) fn change<R>(
        &mut self,
        slot: Slot,
        hash: u64,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<(Slot, R), ContainerError> {
        let table = self.table().ok_or(ContainerError::Corrupt)?;
        let mut place = table.value(slot);
        if !V::PLAIN {
            let _changing = self.shard.versions().change();
            // SAFETY: the slot is full, the lock is held, and readers without it
            // leave values alone that are changing.
            return Ok((slot, change(unsafe { place.as_mut() })));
        }
        // SAFETY: as above; a copy of a plain value is as good as the value.
        let mut value = unsafe { place.read() };
        let result = change(&mut value);
        Ok((self.put(slot, hash, value)?, result))
    }

    /// Replaces the value at `slot`, which was just found.
    pub(super) fn replace(
        &mut self,
        slot: Slot,
        hash: u64,
        value: V,
    ) -> Result<(Slot, V), ContainerError> {
        let place = self.table().ok_or(ContainerError::Corrupt)?.value(slot);
        // SAFETY: the slot is full and the lock is held. What was there is
        // forgotten there, for it is the caller's if this succeeds, and nobody's
        // business here if not.
        let old = core::mem::ManuallyDrop::new(unsafe { place.read() });
        let slot = self.put(slot, hash, value)?;
        Ok((slot, core::mem::ManuallyDrop::into_inner(old)))
    }

    /// Writes a value over the one at `slot`, which is forgotten; where it is
    /// then.
    fn put(&mut self, slot: Slot, hash: u64, value: V) -> Result<Slot, ContainerError> {
        if !is_one_store::<V>() {
            return self.put_by_move(slot, hash, value);
        }
        let place = self.table().ok_or(ContainerError::Corrupt)?.value(slot);
        // Release: publishes what the value may name, to who has no lock.
        fence(Ordering::Release);
        // SAFETY: the slot is full and the lock is held.
        unsafe { racy::store(place, value) };
        Ok(slot)
    }

    /// Writes a new entry in the place of one, so that at no moment half of a
    /// value is there.
    fn put_by_move(&mut self, from: Slot, hash: u64, value: V) -> Result<Slot, ContainerError> {
        let table = self.table().ok_or(ContainerError::Corrupt)?;
        let to = table.vacancy(hash).ok_or(ContainerError::Corrupt)?;
        self.move_to(from, to, hash, value);
        Ok(to.0)
    }

    /// Changes a plain value at `slot`, which is where it is then as well.
    pub(super) fn change_there<R>(
        &mut self,
        slot: Slot,
        hash: u64,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<R, ContainerError> {
        let (there, result) = self.change(slot, hash, change)?;
        if there != slot {
            let table = self.table().ok_or(ContainerError::Corrupt)?;
            // SAFETY: the slot is full and the lock is held; plain values are the
            // only ones that change by a move, and as good as their copies.
            let value = unsafe { table.value(there).read() };
            let back = (slot, table.is_empty(slot));
            self.move_to(there, back, hash, value);
        }
        Ok(result)
    }

    /// Moves the key at `from`, with another value, to a slot that holds nothing,
    /// and was empty or not.
    fn move_to(&mut self, from: Slot, (to, was_empty): (Slot, bool), hash: u64, value: V) {
        let Some(table) = self.table() else { return };
        // SAFETY: `from` is full; its key is read once here, and will be
        // forgotten there.
        let key = unsafe { table.key(from).read() };
        // SAFETY: no entry is at `to`, and the lock is held.
        unsafe { table.write(to, Entry { key, value }) };
        self.note_move(from, to);
        let versions = self.shard.versions();
        let freed = versions.relocate(|| table.publish(to, hash), || table.erase(from));
        self.forget_move();
        add(&self.shard.used, was_empty.into());
        sub(&self.shard.used, freed.into());
    }

    fn note_move(&self, from: Slot, to: Slot) {
        self.shard.moving_from.store(from.0, Ordering::Release);
        // Release, here and below: keeps this step after the one before.
        self.shard.moving_to.store(to.0.wrapping_add(1), Ordering::Release);
    }

    pub(super) fn forget_move(&self) {
        self.shard.moving_to.store(0, Ordering::Release);
    }

    /// Removes the entry at `slot`, which was just found.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Entry<K, V>> {
        let table = self.table()?;
        let freed = self.shard.versions().retire(|| table.erase(slot));
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
            self.shard.versions().retire(|| table.erase(slot));
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
            // SAFETY: the map's only owner is here, and the table is empty. There
            // is nobody to tell of an error, as in any `drop`.
            let _ = unsafe { table.free(self.heap, &self.shard.table) };
        }
    }
}

/// Whether a value changes with a single store: then half of it is never there.
pub(super) const fn is_one_store<V>() -> bool {
    size_of::<V>() <= size_of::<usize>() && size_of::<V>() == align_of::<V>() || size_of::<V>() == 0
}

/// Raises a count, which only the holder of the lock changes.
#[inline]
pub(super) fn add(count: &AtomicUsize, by: usize) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

/// Lowers a count, which only the holder of the lock changes.
#[inline]
fn sub(count: &AtomicUsize, by: usize) {
    count.store(count.load(Ordering::Relaxed).wrapping_sub(by), Ordering::Relaxed);
}
