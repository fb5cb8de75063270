//! What a message may be: a value, or a slice of values.

use core::ptr::NonNull;

use super::super::super::ShmSafe;

/// What a message of a [`ShmTopic`](super::ShmTopic) may be: any
/// [`ShmSafe`] type, or a slice of one.
///
/// # Safety
///
/// `at` gives a pointer to no more than the values it is given.
pub unsafe trait Payload: 'static {
    /// What it consists of.
    type Value: ShmSafe;

    /// The name of a topic of such messages, for fingerprints.
    #[doc(hidden)]
    const TOPIC: &'static str;

    /// How many values a message has of which `len` was noted.
    #[doc(hidden)]
    fn count(len: usize) -> usize;

    /// The message whose values start there, as many as [`count`](Self::count) said.
    #[doc(hidden)]
    fn at(start: NonNull<Self::Value>, len: usize) -> NonNull<Self>;
}

// SAFETY: one value.
unsafe impl<T: ShmSafe> Payload for T {
    type Value = T;

    const TOPIC: &'static str = "ShmTopic";

    fn count(_: usize) -> usize {
        1
    }

    fn at(start: NonNull<T>, _: usize) -> NonNull<T> {
        start
    }
}

// SAFETY: as many values as were given.
unsafe impl<T: ShmSafe> Payload for [T] {
    type Value = T;

    const TOPIC: &'static str = "ShmTopic/slices";

    fn count(len: usize) -> usize {
        len
    }

    fn at(start: NonNull<T>, len: usize) -> NonNull<[T]> {
        NonNull::slice_from_raw_parts(start, len)
    }
}
