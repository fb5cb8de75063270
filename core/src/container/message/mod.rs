//! Messages between processes.
//!
//! | type | messages | who reads one | room |
//! |---|---|---|---|
//! | [`ShmByteRing`] | bytes, of any length up to half of the ring | one reader at a time | a ring of bytes |
//! | [`ShmQueue<T>`] | values | whoever comes first | as much as the heap has |
//! | [`ShmTopic<M>`] | blocks that are filled and read in place | each receiver, or whoever comes first | a number of messages |
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
//! # Futures
//!
//! With the feature `async`, tasks wait for an `ShmQueue` by `pop_async`, for a topic by
//! `receive_async`, and for an `ShmByteRing` by `read_async` and `reserve_async`, as they
//! do for the [bounded queues](super::queue#futures).
//!
//! # When a process died
//!
//! No call of the others waits for it, and none needs to recover anything: who
//! sends or receives takes over from the dead by itself. What a death costs says
//! each type.
//!
//! A process that is *stopped* while it has one of the locks inside, which takes some
//! dozens of instructions, holds the others up for ten seconds; then they are told
//! who keeps it ([`ContainerError::Busy`](super::ContainerError::Busy)).

mod byte_guards;
mod byte_ring;
mod error;
#[cfg(feature = "async")]
mod future;
mod queue;
mod topic;
mod wait;

pub use byte_guards::{ByteMessage, ReservedBytes};
pub use byte_ring::ShmByteRing;
pub use error::MessageError;
#[cfg(feature = "async")]
pub use future::{PopFuture, ReadFuture, ReceiveFuture, ReserveFuture};
pub use queue::ShmQueue;
pub use topic::{Letter, Loan, Payload, Received, Receiver, ShmTopic};

pub use crate::sync::Overflow;
