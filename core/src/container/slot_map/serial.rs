//! A slot map to a format of `serde` and back, with its keys.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

use super::super::{DeserializeIn, In, ShmSafe};
use super::slot::Slot;
use super::{ShmSlotMap, SlotKey};
use crate::offset::AllocatorId;

impl Serialize for SlotKey {
    /// Writes its number ([`to_bits`](SlotKey::to_bits)).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.to_bits())
    }
}

impl<'de> Deserialize<'de> for SlotKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::from_bits)
    }
}

impl<T: ShmSafe + Serialize> Serialize for ShmSlotMap<T> {
    /// Writes all places, those without a value too, each as its version and what is
    /// there: so keys find in a copy what they find here.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slots = self.slots.as_slice().map_err(S::Error::custom)?;
        serializer.collect_seq(slots.iter().map(|slot| (slot.version(), slot.value())))
    }
}

/// Takes places into a map.
struct Places<T>(AllocatorId, PhantomData<T>);

impl<'de, T: ShmSafe + DeserializeIn<'de>> Visitor<'de> for Places<T> {
    type Value = ShmSlotMap<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence of versions with values, odd ones, or without")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut places: A) -> Result<ShmSlotMap<T>, A::Error> {
        let mut made = ShmSlotMap::with_heap_id(self.0);
        let seed = In::<(u32, Option<T>)>::with_heap_id(self.0);
        while let Some((version, value)) = places.next_element_seed(seed)? {
            let slot = Slot::with(version, value);
            let slot = slot.ok_or_else(|| A::Error::custom("a version of another place"))?;
            made.push(slot).map_err(A::Error::custom)?;
        }
        // The count, and which places are vacant.
        made.repair().map_err(A::Error::custom)?;
        Ok(made)
    }
}

impl<'de, T: ShmSafe + DeserializeIn<'de>> DeserializeIn<'de> for ShmSlotMap<T> {
    fn deserialize_in<D: Deserializer<'de>>(
        heap: AllocatorId,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Places(heap, PhantomData))
    }
}
