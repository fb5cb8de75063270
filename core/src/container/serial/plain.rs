//! Values that own nothing, and those of several such.

use core::fmt;
use core::marker::PhantomData;
use core::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::super::SlotKey;
use super::{DeserializeIn, In};
use crate::offset::AllocatorId;

macro_rules! plain {
    ($($type:ty),+ $(,)?) => {$(
        impl<'de> DeserializeIn<'de> for $type {
            fn deserialize_in<D: Deserializer<'de>>(
                _: AllocatorId,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }
        }
    )+};
}

plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
plain!(f32, f64, bool, char, (), SlotKey);
plain!(NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize);
plain!(NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize);

/// What takes a `T` apart into what is read one by one.
struct Parts<T>(AllocatorId, PhantomData<T>);

macro_rules! tuples {
    ($(($($parameter:ident . $index:tt),+))+) => {$(
        impl<'de, $($parameter: DeserializeIn<'de>),+> Visitor<'de> for Parts<($($parameter,)+)> {
            type Value = ($($parameter,)+);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a tuple of {}", [$($index),+].len())
            }

            fn visit_seq<Seq: SeqAccess<'de>>(
                self,
                mut parts: Seq,
            ) -> Result<Self::Value, Seq::Error> {
                Ok(($({
                    let part = parts.next_element_seed(In::<$parameter>::with_heap_id(self.0))?;
                    part.ok_or_else(|| Seq::Error::invalid_length($index, &self))?
                },)+))
            }
        }

        impl<'de, $($parameter: DeserializeIn<'de>),+> DeserializeIn<'de> for ($($parameter,)+) {
            fn deserialize_in<From: Deserializer<'de>>(
                heap: AllocatorId,
                deserializer: From,
            ) -> Result<Self, From::Error> {
                deserializer.deserialize_tuple([$($index),+].len(), Parts(heap, PhantomData::<Self>))
            }
        }
    )+};
}

for_each_tuple!(tuples);

impl<'de, T: DeserializeIn<'de>, const N: usize> Visitor<'de> for Parts<[T; N]> {
    type Value = [T; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {N}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<[T; N], A::Error> {
        let mut read = [const { None }; N];
        for (index, place) in read.iter_mut().enumerate() {
            *place = parts.next_element_seed(In::<T>::with_heap_id(self.0))?;
            if place.is_none() {
                return Err(A::Error::invalid_length(index, &self));
            }
        }
        Ok(read.map(|part| match part {
            Some(part) => part,
            None => unreachable!("each was read"),
        }))
    }
}

impl<'de, T: DeserializeIn<'de>, const N: usize> DeserializeIn<'de> for [T; N] {
    fn deserialize_in<D: Deserializer<'de>>(
        heap: AllocatorId,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_tuple(N, Parts(heap, PhantomData::<Self>))
    }
}

/// Takes a value that may be missing.
struct Maybe<T>(AllocatorId, PhantomData<T>);

impl<'de, T: DeserializeIn<'de>> Visitor<'de> for Maybe<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or none")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        T::deserialize_in(self.0, deserializer).map(Some)
    }
}

impl<'de, T: DeserializeIn<'de>> DeserializeIn<'de> for Option<T> {
    fn deserialize_in<D: Deserializer<'de>>(
        heap: AllocatorId,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Maybe(heap, PhantomData))
    }
}
