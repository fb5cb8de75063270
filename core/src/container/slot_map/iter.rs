//! Visiting the values of a slot map.

use core::fmt;
use core::iter::{Enumerate, FusedIterator};
use core::slice;

use super::super::{ContainerError, ShmSafe};
use super::slot::Slot;
use super::{ShmSlotMap, SlotKey};

macro_rules! iterator {
    ($name:ident, $value:ident, $item:ty, $doc:literal) => {
        #[doc = $doc]
        pub struct $name<'m, T> {
            slots: Enumerate<slice::$name<'m, Slot<T>>>,
            left: usize,
        }

        impl<'m, T> $name<'m, T> {
            pub(super) fn new(slots: slice::$name<'m, Slot<T>>, left: usize) -> Self {
                Self { slots: slots.enumerate(), left }
            }
        }

        impl<'m, T> Iterator for $name<'m, T> {
            type Item = (SlotKey, $item);

            fn next(&mut self) -> Option<Self::Item> {
                let found = self.slots.find_map(|(index, slot)| {
                    let key = SlotKey { index: index as u32, version: slot.version() };
                    slot.$value().map(|value| (key, value))
                });
                self.left = found.as_ref().map_or(0, |_| self.left.saturating_sub(1));
                found
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (self.left, Some(self.left))
            }
        }

        impl<T> ExactSizeIterator for $name<'_, T> {}

        impl<T> FusedIterator for $name<'_, T> {}

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("left", &self.left).finish()
            }
        }
    };
}

iterator!(Iter, value, &'m T, "Visits the values of a [`ShmSlotMap`] with their keys.");
iterator!(
    IterMut,
    value_mut,
    &'m mut T,
    "Visits the values of a [`ShmSlotMap`] with their keys, to change them."
);

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), left: self.left }
    }
}

impl<T: ShmSafe> ShmSlotMap<T> {
    /// Removes all values and gives them out, each as it is asked for; those that
    /// were not taken are dropped with the iterator.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn drain(&mut self) -> Result<Drain<'_, T>, ContainerError> {
        self.whole()?;
        Ok(Drain { map: self, index: 0 })
    }
}

/// The values that [`ShmSlotMap::drain`] removes.
#[derive(Debug)]
pub struct Drain<'m, T: ShmSafe> {
    map: &'m mut ShmSlotMap<T>,
    index: usize,
}

impl<T: ShmSafe> Iterator for Drain<'_, T> {
    type Item = (SlotKey, T);

    fn next(&mut self) -> Option<(SlotKey, T)> {
        loop {
            let key = self.map.key_at(self.index)?;
            self.index += 1;
            if let Ok(Some(value)) = self.map.remove(key) {
                return Some((key, value));
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.map.len(), Some(self.map.len()))
    }
}

impl<T: ShmSafe> ExactSizeIterator for Drain<'_, T> {}

impl<T: ShmSafe> FusedIterator for Drain<'_, T> {}

impl<T: ShmSafe> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
