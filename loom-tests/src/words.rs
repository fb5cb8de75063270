//! An arena that is a side table: a checker's atomics are not integers in
//! memory.

use std::fmt;

use anymem_core::{offset::Offset, sync::Arena};

use crate::model::Model;

/// Words of a model, the one at an offset being number `offset / WORD`.
pub struct Words<M: Model>(Box<[M::Word]>);

impl<M: Model> Words<M> {
    /// `count` words, all zero.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| M::word(0)).collect())
    }
}

impl<M: Model> Arena for Words<M> {
    type A = M;

    fn word(&self, at: Offset) -> &M::Word {
        // In a model an offset that is out of range or askew is a defect.
        assert!(at.get().is_multiple_of(size_of::<usize>()), "no word starts at {at}");
        &self.0[at.get() / size_of::<usize>()]
    }
}

impl<M: Model> fmt::Debug for Words<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.len())
    }
}

/// Implements core's `AtomicInt` for a type whose `access` gives a checker's
/// atomic, with the methods of the standard library's, and whose `before_load`
/// is called before a load.
#[macro_export]
#[doc(hidden)]
macro_rules! model_atomic {
    ($atomic:ty, $int:ty) => {
        impl AtomicInt for $atomic {
            type Int = $int;

            fn load(&self, order: Ordering) -> $int {
                self.before_load();
                self.access().load(order)
            }

            fn store(&self, value: $int, order: Ordering) {
                self.access().store(value, order);
            }

            fn swap(&self, value: $int, order: Ordering) -> $int {
                self.access().swap(value, order)
            }

            fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.access().compare_exchange(current, new, success, failure)
            }

            fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                self.access().fetch_add(value, order)
            }

            fn fetch_or(&self, mask: $int, order: Ordering) -> $int {
                self.access().fetch_or(mask, order)
            }

            fn fetch_and(&self, mask: $int, order: Ordering) -> $int {
                self.access().fetch_and(mask, order)
            }
        }
    };
}
