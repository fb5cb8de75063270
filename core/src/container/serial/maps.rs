//! Containers of keys with values.

use core::fmt;
use core::hash::Hash;
use core::marker::PhantomData;

use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::super::{ContainerError, ShmBTreeMap, ShmHashMap, ShmSafe};
use super::{DeserializeIn, In, allocator};
use crate::offset::AllocatorId;

/// Containers that entries are added to.
trait Map<K, V>: Sized {
    /// An empty one in a heap.
    fn empty(heap: AllocatorId) -> Result<Self, ContainerError>;

    fn add(&mut self, key: K, value: V) -> Result<(), ContainerError>;
}

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> Map<K, V> for ShmHashMap<K, V> {
    fn empty(heap: AllocatorId) -> Result<Self, ContainerError> {
        Self::new_in(allocator(heap)?)
    }

    fn add(&mut self, key: K, value: V) -> Result<(), ContainerError> {
        self.insert(key, value).map(drop)
    }
}

impl<K: ShmSafe + Ord, V: ShmSafe> Map<K, V> for ShmBTreeMap<K, V> {
    fn empty(heap: AllocatorId) -> Result<Self, ContainerError> {
        Ok(Self::with_heap_id(heap))
    }

    fn add(&mut self, key: K, value: V) -> Result<(), ContainerError> {
        self.insert(key, value).map(drop)
    }
}

/// Takes entries into a container `M`.
struct Entries<M, K, V>(AllocatorId, PhantomData<(M, K, V)>);

impl<'de, M, K, V> Visitor<'de> for Entries<M, K, V>
where
    M: Map<K, V>,
    K: DeserializeIn<'de>,
    V: DeserializeIn<'de>,
{
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<M, A::Error> {
        let (key, value) = (In::<K>::with_heap_id(self.0), In::<V>::with_heap_id(self.0));
        let mut made = M::empty(self.0).map_err(A::Error::custom)?;
        while let Some((key, value)) = entries.next_entry_seed(key, value)? {
            made.add(key, value).map_err(A::Error::custom)?;
        }
        Ok(made)
    }
}

macro_rules! maps {
    ($($name:ident<K: $($bound:ident)+>),+) => {$(
        impl<'de, K, V> DeserializeIn<'de> for $name<K, V>
        where
            K: ShmSafe $(+ $bound)+ + DeserializeIn<'de>,
            V: ShmSafe + DeserializeIn<'de>,
        {
            fn deserialize_in<D: Deserializer<'de>>(
                heap: AllocatorId,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Entries::<Self, K, V>(heap, PhantomData))
            }
        }
    )+};
}

maps!(ShmHashMap<K: Hash Eq>, ShmBTreeMap<K: Ord>);
