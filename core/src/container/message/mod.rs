//! Messages between processes.
//!
//! | type | messages | who reads one | room |
//! |---|---|---|---|
//! | [`ShmByteRing`] | bytes, of any length up to half of the ring | one reader at a time | a ring of bytes |
//! | [`ShmQueue<T>`] | values | whoever comes first | as much as the heap has |
//!
//! All of them are values that live in a heap and are shared by reference. Any
//! number of threads and processes may send and receive at the same time.
//!
//! # Waiting
//!
//! A `try_` method never waits for a message or for room, a `_timeout` method does
//! so for some time, and the others until there is some or the thing is closed.
//! Whoever waits sleeps; sending and receiving cost no system call while nobody
//! does. Time limits are as exact as the thread model's clock.
//!
//! # When a process died
//!
//! No call of the others waits for it, and none needs to recover anything: who
//! sends or receives takes over from the dead by itself. What a death costs says
//! each type.

mod byte_guards;
mod byte_ring;
mod error;
mod queue;
mod wait;

pub use byte_guards::{ByteMessage, ReservedBytes};
pub use byte_ring::ShmByteRing;
pub use error::MessageError;
pub use queue::ShmQueue;
