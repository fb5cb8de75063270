//! Containers of elements.

use core::fmt;
use core::hash::Hash;
use core::marker::PhantomData;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::super::{
    ContainerError, ShmBTreeSet, ShmDeque, ShmHashSet, ShmList, ShmSafe, ShmSmallVec, ShmVec,
};
use super::{DeserializeIn, In, allocator};
use crate::offset::AllocatorId;

/// Containers that elements are added to.
trait List<T>: Sized {
    /// An empty one, to live in a heap.
    fn empty(heap: AllocatorId) -> Result<Self, ContainerError>;

    fn add(&mut self, element: T) -> Result<(), ContainerError>;
}

macro_rules! grows {
    ($($name:ty: $bound:path $(, $count:ident)?; $add:ident),+ $(,)?) => {$(
        impl<T: ShmSafe + $bound $(, const $count: usize)?> List<T> for $name {
            fn empty(heap: AllocatorId) -> Result<Self, ContainerError> {
                Ok(Self::with_heap_id(heap))
            }

            fn add(&mut self, element: T) -> Result<(), ContainerError> {
                self.$add(element).map(drop)
            }
        }
    )+};
}

grows! {
    ShmVec<T>: ShmSafe; push,
    ShmDeque<T>: ShmSafe; push_back,
    ShmList<T>: ShmSafe; push_back,
    ShmSmallVec<T, N>: ShmSafe, N; push,
    ShmBTreeSet<T>: Ord; insert,
}

impl<T: ShmSafe + Hash + Eq> List<T> for ShmHashSet<T> {
    fn empty(heap: AllocatorId) -> Result<Self, ContainerError> {
        Self::new_in(allocator(heap)?)
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
        let mut made = L::empty(self.0).map_err(A::Error::custom)?;
        while let Some(element) = elements.next_element_seed(In::<T>::with_heap_id(self.0))? {
            made.add(element).map_err(A::Error::custom)?;
        }
        Ok(made)
    }
}

macro_rules! lists {
    ($($name:ty: $($bound:ident)+ $(, $count:ident)?;)+) => {$(
        impl<'de, T, $(const $count: usize)?> DeserializeIn<'de> for $name
        where
            T: ShmSafe $(+ $bound)+ + DeserializeIn<'de>,
        {
            fn deserialize_in<D: Deserializer<'de>>(
                heap: AllocatorId,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                deserializer.deserialize_seq(Elements::<Self, T>(heap, PhantomData))
            }
        }
    )+};
}

lists! {
    ShmVec<T>: ShmSafe;
    ShmDeque<T>: ShmSafe;
    ShmList<T>: ShmSafe;
    ShmSmallVec<T, N>: ShmSafe, N;
    ShmBTreeSet<T>: Ord;
    ShmHashSet<T>: Hash Eq;
}
