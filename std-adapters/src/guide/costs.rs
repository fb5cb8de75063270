//! Chapter 5: what things cost.
//!
//! # Blocks
//!
//! Allocating a small block and freeing it again takes some thirty instructions, in
//! whatever memory the heap is: two or three nanoseconds on a common processor. A
//! block of another thread, or another process, is freed just so.
//!
//! - A block is rounded up to the next size class; eighths of a power of two, so that
//!   at most an eighth is lost, and a little more for the smallest.
//! - A thread keeps free blocks of the sizes that it uses, so that it asks nobody. In
//!   a small heap with many threads that is felt: it is bounded by an eighth of the
//!   heap for the first thread, a sixteenth for the second, and so on.
//! - Bookkeeping takes 2.5 % of a heap, and space only for the part that is in use.
//! - Memory goes back to the system after it has been free for some time
//!   ([`HeapOptions::decay`](crate::HeapOptions::decay)).
//!
//! # Containers
//!
//! - A container holds the id of its heap. Each method looks up where that is mapped:
//!   some instructions. In a loop, take a slice or an iterator once and use that, or
//!   open the [map](crate::container::ShmHashMap::open), or the
//!   [vector](crate::container::ShmVec::open) that many elements are pushed to: each
//!   push is as fast then as with `Vec`, and a death loses as little.
//! - Every offset is checked before it is used.
//! - What makes changes whole in spite of deaths is a store or two more for a change.
//! - To hand a message of a topic over takes the same time whatever its length: its
//!   block is one that was lent before. Such blocks stay with the topic
//!   ([`trim`](crate::container::message::ShmTopic::trim) frees them).
//! - Maps, locks, queues: a call takes tens of nanoseconds while nobody is in its way,
//!   and no system call. Waiting for somebody else is one.
//!
//! # Processes
//!
//! - Attaching a heap is a handful of system calls. A thread's first allocation
//!   claims a heap slot.
//! - Recovering a dead process takes some tens of microseconds; see
//!   [deaths](super::death).
//! - A heap slot takes some kibibytes. Give a heap as many as threads may allocate
//!   at a time ([`HeapOptions::slots`](crate::HeapOptions::slots)); those that find
//!   none allocate too, more slowly.
//!
//! # How to find out
//!
//! `anymem inspect NAME` shows what is in a heap, with `--svg` as a picture; `anymem
//! top NAME` while it changes. `compare` in the repository's `benches` sets the
//! allocator and the containers beside others in one run; figures and how they were
//! got stand in its README.
