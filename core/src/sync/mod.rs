//! Atomics as a parameter, and words inside managed bytes.
//!
//! Every protocol between threads or processes in this crate is generic over
//! [`Atomics`] and reaches its words through an [`Arena`], so that model
//! checkers run the very same code as users do.
//!
//! | lock | words | waiters | for |
//! |---|---|---|---|
//! | [`RobustLock`] | 1 | look again and again | work of microseconds |
//! | [`FairLock`] | 3 | sleep, and take turns | anything |
//! | [`SharedLock`] | 19 | sleep, and take turns | many readers or one writer |
//! | [`Signal`] | 1 | sleep | events, under a lock or without |
//!
//! All of them survive the death of a holder or a waiter. So do the bounded [`ring`],
//! of which nobody waits for the dead, and [`ByteRing`] and [`ChunkQueue`], which are
//! made of such. [`Versions`] let others read what a lock
//! protects without taking it.

mod arena;
mod atomics;
mod byte_ring;
mod chunk_queue;
mod fair_lock;
mod line;
mod park;
mod patience;
pub mod ring;
mod robust_lock;
mod shared_lock;
mod signal;
mod versions;
mod words;

pub use arena::{Arena, Bytes};
pub use atomics::{AtomicInt, Atomics, Native};
pub use byte_ring::{ByteRing, Found, Record, Refusal, RingWords};
pub use chunk_queue::{ChunkQueue, Chunks, NotPopped, NotPushed, Place, QueueWords};
pub use fair_lock::{FairLock, PASSES};
pub use park::Park;
pub use patience::Patience;
pub use robust_lock::{Acquired, LockWord, RobustGuard, RobustLock};
pub use shared_lock::{Access, READERS, Reader, SharedLock, Unread};
pub use signal::{Promise, Signal};
pub use versions::{Change, Snapshot, Versions};
pub use words::{FairWords, SharedWords};
