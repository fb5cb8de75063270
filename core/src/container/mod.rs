//! Boxes, vectors, strings, maps, queues and locks that live in a heap and hold no
//! addresses.
//!
//! | type | like | shared by |
//! |---|---|---|
//! | [`ShmBox<T>`] | `Box<T>` | reference, after it was built |
//! | [`ShmVec<T>`] | `Vec<T>` | reference, after it was built |
//! | [`ShmDeque<T>`] | `VecDeque<T>` | reference, after it was built |
//! | [`ShmList<T>`] | `LinkedList<T>` | reference, after it was built |
//! | [`ShmSlotMap<T>`] | `SlotMap<SlotKey, T>` of the `slotmap` crate | reference, after it was built |
//! | [`ShmSmallVec<T, N>`] | `SmallVec<[T; N]>` of the `smallvec` crate | reference, after it was built |
//! | [`ShmString`] | `String`, with up to 23 bytes in place | reference, after it was built |
//! | [`ShmHashMap<K, V>`] | a concurrent `HashMap<K, V>` | reference, while all of them change it |
//! | [`ShmHashSet<T>`] | a concurrent `HashSet<T>` | reference, while all of them change it |
//! | [`ShmBTreeMap<K, V>`], [`ShmBTreeSet<T>`] | `BTreeMap<K, V>`, `BTreeSet<T>` | reference, after it was built |
//! | [`ShmArc<T>`], [`ShmWeak<T>`] | `Arc<T>`, `Weak<T>`, counted in the heap | handles, which each process clones and drops |
//! | [`ShmOnce<T>`], [`ShmSemaphore`], [`ShmBarrier`] | `OnceLock<T>`, a semaphore, `Barrier`, and survive whoever takes part | reference |
//! | [`ShmMutex<T>`], [`ShmRwLock<T>`], [`ShmCondvar`] | those of `std::sync`, and survive their holders (see [`lock`]) | reference |
//! | [`ShmSlice<T>`] | a `&[T]` that can be sent; owns nothing | copies of 16 bytes |
//! | [`ShmSpsc<T>`], [`ShmMpsc<T>`], [`ShmMpmc<T>`] | bounded channels, and survive their users (see [`queue`]) | reference, while all of them push and pop |
//! | [`ShmByteRing`](message::ShmByteRing) | a channel of bytes (see [`message`]) | reference |
//! | [`ShmQueue<T>`](message::ShmQueue) | a channel without a bound | reference |
//! | [`ShmTopic<M>`](message::ShmTopic) | messages that are not copied, for one or for all | reference |
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
//! - A process may die within any method. The container is then as it was
//!   before the call or as after it, or where a method says so, some of its
//!   steps were done; nothing is there twice, and nothing dangles. Blocks that
//!   containers of a heap exchange come back when the dead are
//!   [recovered](crate::allocator::Allocator::recover). What the dead process
//!   held in its hands is lost, until
//!   [`reclaim_unreachable`](crate::allocator::ThreadLocalAllocator::reclaim_unreachable)
//!   finds it: a value that was on its way into a container or out of it.
//!
//! # When a process died
//!
//! The map and the locks take over from the dead, recover them and settle what
//! they were changing. Who takes over a container without lock, in whatever way it is shared, first calls
//! `recover` and then [`settle`](Trace::settle), which finishes or takes back what
//! was begun.
//!
//! # What they trust
//!
//! References into the heap are ordinary references, so the processes that may
//! write to it must keep to these types, too. The file permissions of the
//! segment decide who they are. Heaps of strangers are to be read with copies
//! and atomics instead. A living process that keeps a lock makes the others
//! wait for as long as it does, unless they say for how long. The locks inside of
//! containers, which are held for short work, are waited for for ten seconds; then
//! [`ContainerError::Busy`] names who keeps it.

/// Expands `$tuples!` with the parameters and fields of every tuple that may stand in
/// a heap.
macro_rules! for_each_tuple {
    ($tuples:ident) => {
        $tuples! {
            (A.0)
            (A.0, B.1)
            (A.0, B.1, C.2)
            (A.0, B.1, C.2, D.3)
            (A.0, B.1, C.2, D.3, E.4)
            (A.0, B.1, C.2, D.3, E.4, F.5)
            (A.0, B.1, C.2, D.3, E.4, F.5, G.6)
            (A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7)
        }
    };
}

// Before the types whose traits its macro writes.
#[macro_use]
mod sequence;
mod arc;
mod boxed;
pub mod btree;
pub mod deque;
mod error;
mod fingerprint;
mod heap;
pub mod list;
pub mod lock;
mod map;
mod member;
pub mod message;
mod owned;
pub mod queue;
mod racy;
// Before the types whose implementations its macros write.
#[macro_use]
mod trace;
#[cfg(feature = "serde")]
mod serial;
mod set;
mod shm_safe;
mod slice;
pub mod slot_map;
pub mod small_vec;
mod string;
pub mod vec;
pub mod words;

/// The concurrent hash map, and what its methods give.
pub mod hash_map {
    pub use super::map::{
        Entry, OccupiedEntry, OpenMap, ShmHashMap, ShmKey, Unlocked, VacantEntry,
    };
}

pub use crate::segment::{Member, MemberKind};
#[cfg(feature = "derive")]
pub use anymem_derive::ShmSafe;
pub use arc::{ShmArc, ShmWeak};
pub use boxed::ShmBox;
pub use btree::{ShmBTreeMap, ShmBTreeSet, ShmOrdKey};
pub use deque::ShmDeque;
pub use error::ContainerError;
pub use fingerprint::Fingerprint;
pub use list::ShmList;
pub use lock::{
    BarrierError, Cause, LockError, Met, MutexGuard, OnceError, Participant, Permit, ReadGuard,
    SemaphoreError, ShmBarrier, ShmCondvar, ShmMutex, ShmOnce, ShmRwLock, ShmSemaphore, Woken,
    WriteGuard,
};
pub use map::{ShmHashMap, ShmKey};
pub use queue::{Consumer, EndError, PopError, Producer, PushError, ShmMpmc, ShmMpsc, ShmSpsc};
#[cfg(feature = "async")]
pub use queue::{PopFuture, PushFuture};
#[cfg(feature = "serde")]
pub use serial::{DeserializeIn, In, in_heap};
pub use set::ShmHashSet;
pub use shm_safe::{ShmSafe, type_tag};
pub use slice::{ShmSlice, SliceError};
pub use slot_map::{ShmSlotMap, SlotKey};
pub use small_vec::ShmSmallVec;
pub use string::ShmString;
pub use trace::{Pending, ReclaimError, Reclaimed, RootType, Trace, TraceError, TraceRoom, Tracer};
pub use vec::ShmVec;
