//! Containers of elements.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::super::{ContainerError, ShmBTreeSet, ShmSafe, ShmVec};
use super::{DeserializeIn, In};
use crate::offset::AllocatorId;

/// Containers that elements are added to.
trait List<T>: Sized {
    /// An empty one, to live in a heap.
    fn empty(heap: AllocatorId) -> Self;

    fn add(&mut self, element: T) -> Result<(), ContainerError>;
}

impl<T: ShmSafe> List<T> for ShmVec<T> {
    fn empty(heap: AllocatorId) -> Self {
        Self::with_heap_id(heap)
    }

    fn add(&mut self, element: T) -> Result<(), ContainerError> {
        self.push(element)
    }
}

impl<T: ShmSafe + Ord> List<T> for ShmBTreeSet<T> {
    fn empty(heap: AllocatorId) -> Self {
        Self::with_heap_id(heap)
    }

    fn add(&mut self, element: T) -> Result<(), ContainerError> {
        self.insert(element).map(drop)
    }
}

/// Takes elements into a container `L`.
struct Elements<L, T>(AllocatorId, PhantomData<(L, T)>);

impl<'de, L: List<T>, T: DeserializeIn<'de>> Visitor<'de> for Elements<L, T> {
    type Value = L;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<L, A::Error> {
        let mut made = L::empty(self.0);
        while let Some(element) = elements.next_element_seed(In::<T>::with_heap_id(self.0))? {
            made.add(element).map_err(A::Error::custom)?;
        }
        Ok(made)
    }
}

macro_rules! lists {
    ($($name:ident<T: $bound:ident>),+) => {$(
        impl<'de, T: ShmSafe + $bound + DeserializeIn<'de>> DeserializeIn<'de> for $name<T> {
            fn deserialize_in<D: Deserializer<'de>>(
                heap: AllocatorId,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                deserializer.deserialize_seq(Elements::<Self, T>(heap, PhantomData))
            }
        }
    )+};
}

lists!(ShmVec<T: ShmSafe>, ShmBTreeSet<T: Ord>);
