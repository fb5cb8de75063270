//! Atomics as a parameter, and words inside managed bytes.
//!
//! Every protocol between threads or processes in this crate is generic over
//! [`Atomics`] and reaches its words through an [`Arena`], so that model
//! checkers run the very same code as users do.
//! What users run are the integers of [`atomic`], which every processor has.
//!
//! | lock | words | waiters | for |
//! |---|---|---|---|
//! | [`RobustLock`] | 1 | look again and again | work of microseconds |
//! | [`FairLock`] | 3 | sleep, and take turns | anything |
//! | [`SharedLock`] | 19 | sleep, and take turns | many readers or one writer |
//! | [`Signal`] | 1 | sleep | events |
//! | [`Once`] | 4 | sleep, and take turns | what is done once |
//! | [`Permits`] | 4, and 1 a permit | sleep, and take turns | a few at a time |
//! | [`Barrier`] | 5, and 2 a participant | sleep | those who go on together |
//!
//! All of them survive the death of a holder or a waiter. So do the bounded [`ring`],
//! of which nobody waits for the dead, and [`ByteRing`], [`ChunkQueue`] and
//! [`MessageTable`], which are made of such. [`Versions`] let others read what a lock
//! protects without taking it, [`Counts`] count the handles of a value, [`Validity`] says
//! whether what somebody was told of still holds and [`Uses`] whether he uses it, [`owners`]
//! whose an address is, and a [`PageGroup`] who keeps, reads and writes pages, and a
//! [`CopyMemo`] what they are a copy of; [`Transit`] tells who looks at them that they are
//! just being moved.
//!
//! A [`SpinLock`] is for a few instructions among threads that cannot die alone, a
//! [`Deposit`] for what one of these makes and all have from then on, [`Rooms`] for two
//! kinds of work of which only one may go on at a time, and [`Seats`] for what is found by a
//! name.

mod arena;
pub mod atomic;
mod atomics;
mod barrier;
mod byte_ring;
mod chunk_queue;
mod copy_memo;
mod counts;
mod deposit;
mod fair_lock;
mod line;
mod message_table;
mod once;
pub mod owners;
mod page_owner;
mod pages;
mod park;
mod patience;
mod permits;
pub mod ring;
mod robust_lock;
mod rooms;
mod seats;
mod shared_lock;
mod signal;
mod spin_lock;
mod transit;
mod uses;
mod validity;
mod versions;
mod words;

pub use arena::{Arena, Bytes};
pub use atomics::{AtomicInt, Atomics, Native};
pub use barrier::{Barrier, Unmet};
pub use byte_ring::{ByteRing, Found, Record, Refusal, RingWords};
pub use chunk_queue::{ChunkQueue, Chunks, NotPopped, NotPushed, Place, QueueWords};
pub use copy_memo::{COPY_MEMO, CopyMemo};
pub use counts::{Counts, Handles, MOST, NoUpgrade};
pub use deposit::Deposit;
pub use fair_lock::{FairLock, PASSES};
pub use message_table::{Blocks, Held, Locked, MessageTable, Mode, Overflow};
pub use once::{Begun, Once};
pub use page_owner::PageOwner;
pub use pages::{Missing, PageGroup, Taken, Unavailable};
pub use park::Park;
pub use patience::Patience;
pub use permits::Permits;
pub use robust_lock::{Acquired, LockWord, PATIENCE, RobustGuard, RobustLock};
pub use rooms::{Room, Rooms};
pub use seats::{NoSeat, Seat, Seats};
pub use shared_lock::{Access, READERS, Reader, SharedLock, Unread};
pub use signal::{Promise, Signal};
pub use spin_lock::{SpinGuard, SpinLock};
pub use transit::Transit;
pub use uses::Uses;
pub use validity::Validity;
pub use versions::{Change, Snapshot, Version, Versions};
pub use words::{FairWords, SharedWords};
