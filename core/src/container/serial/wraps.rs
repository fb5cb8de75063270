//! Containers of one value.

use serde::de::{Deserializer, Error};

use super::super::{ShmArc, ShmBox, ShmMutex, ShmRwLock, ShmSafe};
use super::{DeserializeIn, allocator};
use crate::offset::AllocatorId;

macro_rules! wraps {
    ($($name:ident: |$value:ident, $heap:ident| $made:expr;)+) => {$(
        impl<'de, T: ShmSafe + DeserializeIn<'de>> DeserializeIn<'de> for $name<T> {
            fn deserialize_in<D: Deserializer<'de>>(
                heap: AllocatorId,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let $value = T::deserialize_in(heap, deserializer)?;
                allocator(heap).and_then(|$heap| $made).map_err(D::Error::custom)
            }
        }
    )+};
}

wraps! {
    ShmBox: |value, heap| Self::new_in(value, heap);
    ShmArc: |value, heap| Self::new_in(value, heap);
    ShmMutex: |value, heap| Ok(Self::new_in(value, heap));
    ShmRwLock: |value, heap| Ok(Self::new_in(value, heap));
}
