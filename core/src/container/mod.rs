//! Boxes, vectors, strings, maps and locks that live in a heap and hold no
//! addresses.
//!
//! | type | like | shared by |
//! |---|---|---|
//! | [`ShmBox<T>`] | `Box<T>` | reference, after it was built |
//! | [`ShmVec<T>`] | `Vec<T>` | reference, after it was built |
//! | [`ShmString`] | `String`, with up to 23 bytes in place | reference, after it was built |
//! | [`ShmHashMap<K, V>`] | a concurrent `HashMap<K, V>` | reference, while all of them change it |
//! | [`ShmMutex<T>`], [`ShmRwLock<T>`], [`ShmCondvar`] | those of `std::sync`, and survive their holders (see [`lock`]) | reference |
//!
//! A container holds the id of its heap and offsets into it. It may be moved,
//! also into and out of the heap itself, and be put into another container;
//! wherever its heap is attached, at whatever address, it works. What may be
//! put into one is said by [`ShmSafe`].
//!
//! # What they promise
//!
//! - Safe Rust cannot misuse them. Where the heap is not attached, a method
//!   answers with [`ContainerError::NotAttached`], and dropping leaks.
//! - Failures are values; no method panics, apart from the code of yours that
//!   it calls.
//! - No number read from a container becomes an address before it was checked
//!   to lie in the heap. A damaged container gives wrong values or
//!   [`ContainerError::Corrupt`], and never an access outside the heap or an
//!   endless loop.
//! - Each step of a change is ordered so that a process which dies within it
//!   leaves behind a container that works. What it was just adding or removing
//!   may be lost with its block; nothing is there twice, and nothing dangles.
//!
//! # What they trust
//!
//! References into the heap are ordinary references, so the processes that may
//! write to it must keep to these types, too. The file permissions of the
//! segment decide who they are. Heaps of strangers are to be read with copies
//! and atomics instead. A living process that keeps a lock makes the others
//! wait for as long as it does.

mod boxed;
mod error;
mod fingerprint;
mod heap;
pub mod lock;
mod map;
mod shm_safe;
mod string;
mod vec;

#[cfg(feature = "derive")]
pub use anymem_derive::ShmSafe;
pub use boxed::ShmBox;
pub use error::ContainerError;
pub use fingerprint::Fingerprint;
pub use lock::{
    Cause, LockError, MutexGuard, ReadGuard, ShmCondvar, ShmMutex, ShmRwLock, Woken, WriteGuard,
};
pub use map::{ShmHashMap, ShmKey};
pub use shm_safe::{ShmSafe, type_tag};
pub use string::ShmString;
pub use vec::ShmVec;
