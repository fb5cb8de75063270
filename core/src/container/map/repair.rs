//! What is done about a holder of a shard's lock that died, and whether all is
//! right.

use core::ptr;
use core::sync::atomic::Ordering;

use super::super::heap::{Heap, LEVELS};
use super::super::{ContainerError, ShmSafe};
use super::locked::{Locked, add};
use super::shard::Shard;
use super::table::{Slot, Table};
use crate::sync::RobustGuard;

impl<'s, K: ShmSafe, V: ShmSafe> Locked<'s, K, V> {
    /// As [`open`](Self::open), for a shard that a dead process held.
    #[cold]
    pub(super) fn take_over(
        shard: &'s Shard,
        heap: Heap,
        guard: Option<RobustGuard<'s>>,
    ) -> Result<Self, ContainerError> {
        // The dead one may not have come to the next version, or may have been
        // relinking. Before anything is read: which table is named may be undecided.
        shard.versions().relink(|| heap.allocator().recover());
        let locked = Self::open(shard, heap, guard)?;
        locked.repair();
        Ok(locked)
    }

    /// Puts right what a holder that died may have left behind.
    fn repair(&self) {
        // Also ends the change that the dead one had begun.
        let _changing = self.shard.versions().change();
        self.finish_move();
        self.settle_values();
        let (len, used) = self.table().map_or((0, 0), Table::count);
        self.shard.len.store(len, Ordering::Relaxed);
        self.shard.used.store(used, Ordering::Relaxed);
        add(&self.shard.recoveries, 1);
    }

    /// Settles the value that the holder may have been changing: any.
    fn settle_values(&self) {
        let Some(table) = self.table().filter(|_| !V::PLAIN) else { return };
        for slot in table.full_slots() {
            // SAFETY: the slot is full and the lock is held.
            unsafe { table.value(slot).as_mut() }.settle(LEVELS);
        }
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
            // The new one is there since before the version of the take-over.
            self.shard.versions().retire(|| table.erase(from));
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
            let key = table.key(slot);
            // SAFETY: the slot is full and the lock is held.
            let hash = rehash(unsafe { key.as_ref() });
            // By place rather than by key: there may be no second one.
            table.find(hash, |other| ptr::eq(other, key.as_ptr())) == Some(slot)
        };
        let counted = len == self.shard.len() && used == self.shard.used.load(Ordering::Relaxed);
        (counted && table.full_slots().all(found)).then_some(()).ok_or(ContainerError::Corrupt)
    }
}
