//! Values with keys that stay valid, in a heap.

mod iter;
mod key;
#[cfg(feature = "serde")]
mod serial;
mod slot;

use core::fmt;

pub use self::iter::{Drain, Iter, IterMut};
pub use self::key::SlotKey;
use self::slot::Slot;
use super::heap::{in_order, too_large};
use super::{ContainerError, ShmSafe, ShmVec, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// Names no place.
const NONE: u32 = u32::MAX;

/// In a length: a value is coming or going.
const CHANGING: usize = 1 << (usize::BITS - 1);

/// Values that are found by keys which it hands out, as the `slotmap` crate's.
///
/// Inserting, removing and finding a value take one access to an array. A
/// [`SlotKey`] is 8 bytes of plain data: links between values, and to values of
/// other processes, are best made of keys, for a key whose value is gone finds
/// nothing.
///
/// ```
/// # use anymem_core::allocator::Allocator;
/// # use anymem_core::container::{ContainerError, ShmSlotMap};
/// fn sessions(heap: &dyn Allocator) -> Result<(), ContainerError> {
///     let mut sessions = ShmSlotMap::new_in(heap);
///     let first = sessions.insert("first".len())?;
///     assert_eq!(sessions.remove(first)?, Some(5));
///     let second = sessions.insert(6)?;
///     assert_eq!(sessions.get(first)?, None);
///     assert_eq!(sessions.get(second)?, Some(&6));
///     Ok(())
/// }
/// ```
///
/// # When a process died
///
/// Whether a value is in the map is told by one number beside it, so a death leaves
/// what was before the call or what is after it. The number of values, and which
/// places are vacant, follow: while they may be wrong the top bit of the length is
/// set. Who finds that on the way to a change looks at all places. See
/// [`settle`](Trace::settle).
#[repr(C)]
pub struct ShmSlotMap<T: ShmSafe> {
    slots: ShmVec<Slot<T>>,
    len: usize,
    /// The first vacant place.
    free: usize,
}

impl<T: ShmSafe> ShmSlotMap<T> {
    /// An empty map, to live in `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty map, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { slots: ShmVec::with_heap_id(heap), len: 0, free: NONE as usize }
    }

    /// An empty map with room for `capacity` values.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn with_capacity_in(
        capacity: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let slots = ShmVec::with_capacity_in(capacity, heap)?;
        Ok(Self { slots, ..Self::new_in(heap) })
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.len & CHANGING == 0 { self.len } else { self.count() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// The id of the heap that the values live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.slots.heap_id()
    }

    /// Puts a value into the map; its key.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged; `value` is dropped.
    pub fn insert(&mut self, value: T) -> Result<SlotKey, ContainerError> {
        self.whole()?;
        let Some((index, next)) = self.vacant()? else { return self.append(value) };
        let len = self.len;
        self.set_len(CHANGING | len);
        let Some(slot) = self.slots.get_mut(index)? else { return Err(ContainerError::Corrupt) };
        slot.write(value);
        in_order();
        slot.turn();
        let key = SlotKey { index: index as u32, version: slot.version() };
        in_order();
        self.free = next;
        self.set_len(len + 1);
        Ok(key)
    }

    /// Puts a value behind all places that were used.
    fn append(&mut self, value: T) -> Result<SlotKey, ContainerError> {
        let (index, len) = (self.slots.len(), self.len);
        let slot = Slot::new(value);
        let key = SlotKey { index: index as u32, version: slot.version() };
        self.set_len(CHANGING | len);
        let pushed = self.push(slot);
        self.set_len(len + usize::from(pushed.is_ok()));
        pushed.map(|()| key)
    }

    /// Adds a place, if its number can be told.
    fn push(&mut self, slot: Slot<T>) -> Result<(), ContainerError> {
        if self.slots.len() >= NONE as usize {
            return Err(too_large(usize::MAX));
        }
        self.slots.push(slot)
    }

    /// Whether there is a value with that key.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn contains_key(&self, key: SlotKey) -> Result<bool, ContainerError> {
        Ok(self.get(key)?.is_some())
    }

    /// The value with that key, if it is still there.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    #[inline]
    pub fn get(&self, key: SlotKey) -> Result<Option<&T>, ContainerError> {
        let slot = self.slots.get(key.index as usize)?;
        Ok(slot.filter(|slot| slot.version() == key.version).and_then(Slot::value))
    }

    /// The value with that key, if it is still there, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    #[inline]
    pub fn get_mut(&mut self, key: SlotKey) -> Result<Option<&mut T>, ContainerError> {
        let slot = self.slots.get_mut(key.index as usize)?;
        Ok(slot.filter(|slot| slot.version() == key.version).and_then(Slot::value_mut))
    }

    /// Removes the value with that key, if it is still there.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn remove(&mut self, key: SlotKey) -> Result<Option<T>, ContainerError> {
        self.whole()?;
        if self.get(key)?.is_none() {
            return Ok(None);
        }
        let (len, free) = (self.len, self.free);
        let less = len.checked_sub(1).ok_or(ContainerError::Corrupt)?;
        self.set_len(CHANGING | len);
        let slot = self.slots.get_mut(key.index as usize)?;
        let Some(slot) = slot.filter(|slot| slot.value().is_some()) else { return Ok(None) };
        // SAFETY: a value is there, which the place loses now.
        let removed = unsafe { slot.read() };
        slot.next = free as u32;
        in_order();
        slot.turn();
        in_order();
        if slot.is_vacant() {
            self.free = key.index as usize;
        }
        self.set_len(less);
        Ok(Some(removed))
    }

    /// Visits the values with their keys, in the order of their places.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn iter(&self) -> Result<Iter<'_, T>, ContainerError> {
        Ok(Iter::new(self.slots.iter()?, self.len()))
    }

    /// Visits the values with their keys, to change them.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn iter_mut(&mut self) -> Result<IterMut<'_, T>, ContainerError> {
        self.whole()?;
        let len = self.len;
        Ok(IterMut::new(self.slots.iter_mut()?, len))
    }

    /// Visits the keys.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn keys(&self) -> Result<impl ExactSizeIterator<Item = SlotKey>, ContainerError> {
        Ok(self.iter()?.map(|(key, _)| key))
    }

    /// Visits the values.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn values(&self) -> Result<impl ExactSizeIterator<Item = &T>, ContainerError> {
        Ok(self.iter()?.map(|(_, value)| value))
    }

    /// Visits the values, to change them.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn values_mut(&mut self) -> Result<impl ExactSizeIterator<Item = &mut T>, ContainerError> {
        Ok(self.iter_mut()?.map(|(_, value)| value))
    }

    /// Drops the values that `keep` says no to.
    ///
    /// A death leaves some of them, and the blocks of at most one value are lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn retain(
        &mut self,
        mut keep: impl FnMut(SlotKey, &mut T) -> bool,
    ) -> Result<(), ContainerError> {
        for index in 0..self.slots.len() {
            let Some(key) = self.key_at(index) else { return Err(ContainerError::Corrupt) };
            if self.get_mut(key)?.is_some_and(|value| !keep(key, value)) {
                self.remove(key)?;
            }
        }
        Ok(())
    }

    /// Drops all values and keeps the room; their keys find nothing from now on.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        self.retain(|_, _| false)
    }

    /// Makes room for `more` values.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged.
    pub fn reserve(&mut self, more: usize) -> Result<(), ContainerError> {
        self.whole()?;
        let vacant = self.slots.len().saturating_sub(self.len);
        self.slots.reserve(more.saturating_sub(vacant))
    }

    /// Looks whether all values lie in the heap, and the vacant places are as many
    /// as there should be.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        let slots = self.slots.as_slice()?;
        if self.len & CHANGING != 0 {
            return Ok(());
        }
        let mut vacant = slots.iter().filter(|slot| slot.is_vacant()).count();
        let mut free = self.free;
        while let Some(slot) = slots.get(free).filter(|slot| slot.is_vacant() && vacant > 0) {
            vacant -= 1;
            free = slot.next as usize;
        }
        let ends = vacant == 0 && free == NONE as usize;
        if ends && self.count() == self.len { Ok(()) } else { Err(ContainerError::Corrupt) }
    }

    /// The key of the value at a place, or one that finds nothing; `None` behind the
    /// last place.
    fn key_at(&self, index: usize) -> Option<SlotKey> {
        let version = self.slots.get(index).ok()??.version();
        Some(SlotKey { index: u32::try_from(index).ok()?, version })
    }

    fn count(&self) -> usize {
        let slots = self.slots.as_slice().unwrap_or(&[]);
        slots.iter().filter(|slot| slot.value().is_some()).count()
    }

    /// The first vacant place and the next one.
    fn vacant(&mut self) -> Result<Option<(usize, usize)>, ContainerError> {
        if self.free == NONE as usize {
            return Ok(None);
        }
        let is_vacant = |slots: &ShmVec<Slot<T>>, free: usize| {
            let slot = slots.get(free)?.filter(|slot| slot.is_vacant());
            Ok(slot.map(|slot| (free, slot.next as usize)))
        };
        match is_vacant(&self.slots, self.free)? {
            Some(found) => Ok(Some(found)),
            // It was damaged; the places tell which are vacant.
            None => {
                self.repair()?;
                is_vacant(&self.slots, self.free)
            }
        }
    }

    fn whole(&mut self) -> Result<(), ContainerError> {
        if self.len & CHANGING == 0 { Ok(()) } else { self.repair() }
    }

    /// Writes anew which places are vacant, and how many are not.
    #[cold]
    fn repair(&mut self) -> Result<(), ContainerError> {
        self.set_len(CHANGING | self.len);
        let (mut free, mut len) = (NONE, 0);
        for (index, slot) in self.slots.as_mut_slice()?.iter_mut().enumerate().rev() {
            if slot.is_vacant() {
                slot.next = free;
                free = index as u32;
            }
            len += usize::from(slot.value().is_some());
        }
        self.free = free as usize;
        self.set_len(len);
        Ok(())
    }

    fn set_len(&mut self, len: usize) {
        in_order();
        self.len = len;
        in_order();
    }
}

impl<T: ShmSafe> Trace for ShmSlotMap<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.slots.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.slots.settle(levels);
        // Whoever looks at a damaged map next is told.
        let _ = self.whole();
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmSlotMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.iter() {
            Ok(values) => f.debug_map().entries(values).finish(),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
