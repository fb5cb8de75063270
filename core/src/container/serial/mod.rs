//! Containers to and from the formats of `serde` (feature `serde`).
//!
//! Writing needs nothing: the containers are `Serialize`. Reading needs a heap to
//! put them in, so there is a *seed*: [`in_heap`] makes one, which gives any type
//! that is [`DeserializeIn`].

mod lists;
mod maps;
mod plain;
mod wraps;
mod write;

use core::fmt;
use core::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error};

use super::heap::Heap;
use super::{ContainerError, ShmString};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// Values that are read into a heap.
///
/// The collections are, with [`ShmBox`](super::ShmBox), [`ShmArc`](super::ShmArc) and
/// the locks, and numbers, arrays, tuples and options of such. A slot map comes back
/// with its keys. Handles that share a value each come back with one of their own.
/// What processes meet at - queues, semaphores and the like - is not written, and
/// neither are [`ShmWeak`](super::ShmWeak) and [`ShmSlice`](super::ShmSlice), which
/// own nothing. For a struct of your own
/// read the fields as a tuple; one without containers reads as `serde` says:
///
/// ```
/// use anymem_core::container::{DeserializeIn, ShmString};
/// use anymem_core::offset::AllocatorId;
/// use serde::Deserializer;
///
/// struct Order {
///     id: u64,
///     customer: ShmString,
/// }
///
/// impl<'de> DeserializeIn<'de> for Order {
///     fn deserialize_in<D: Deserializer<'de>>(
///         heap: AllocatorId,
///         deserializer: D,
///     ) -> Result<Self, D::Error> {
///         let (id, customer) = DeserializeIn::deserialize_in(heap, deserializer)?;
///         Ok(Self { id, customer })
///     }
/// }
/// ```
pub trait DeserializeIn<'de>: Sized {
    /// Reads a value into the heap with the id `heap`.
    ///
    /// # Errors
    ///
    /// What is read is no such value, or the heap is full or not attached.
    fn deserialize_in<D: Deserializer<'de>>(
        heap: AllocatorId,
        deserializer: D,
    ) -> Result<Self, D::Error>;
}

/// Reads a `T` into a heap; made by [`in_heap`].
pub struct In<T> {
    heap: AllocatorId,
    _value: PhantomData<fn() -> T>,
}

/// What reads a `T` into `heap`.
///
/// ```
/// # use anymem_core::container::{ShmString, ShmVec, in_heap};
/// # use anymem_core::allocator::Allocator;
/// use serde::de::DeserializeSeed;
///
/// fn names(json: &str, heap: &impl Allocator) -> serde_json::Result<ShmVec<ShmString>> {
///     in_heap(heap).deserialize(&mut serde_json::Deserializer::from_str(json))
/// }
/// ```
#[must_use]
pub fn in_heap<T>(heap: &(impl Allocator + ?Sized)) -> In<T> {
    In::with_heap_id(heap.id())
}

impl<T> In<T> {
    /// Reads into the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { heap, _value: PhantomData }
    }
}

impl<T> Clone for In<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for In<T> {}

impl<T> fmt::Debug for In<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "In({})", self.heap)
    }
}

impl<'de, T: DeserializeIn<'de>> DeserializeSeed<'de> for In<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize_in(self.heap, deserializer)
    }
}

/// The heap with the id `id`, for containers that are made in one.
fn allocator(id: AllocatorId) -> Result<&'static dyn Allocator, ContainerError> {
    Heap::find(id).map(Heap::allocator)
}

/// Takes text into a heap.
struct Text(AllocatorId);

impl serde::de::Visitor<'_> for Text {
    type Value = ShmString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ShmString, E> {
        let mut made = ShmString::with_heap_id(self.0);
        made.push_str(text).map(|()| made).map_err(E::custom)
    }
}

impl<'de> DeserializeIn<'de> for ShmString {
    fn deserialize_in<D: Deserializer<'de>>(
        heap: AllocatorId,
        deserializer: D,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(heap))
    }
}
