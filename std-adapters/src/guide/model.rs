//! Chapter 1: what a heap is, and what may stand in it.
//!
//! # A heap is a span of bytes
//!
//! A heap is a file in memory, or on a disk, that several processes map. All that
//! is in it is an offset from its start, an index, or plain data; there is no
//! address in it, so each process may map it wherever it likes, and a file can be
//! mapped again tomorrow.
//!
//! ```text
//!   process A                    the heap                     process B
//!   0x7f10…000 ─────▶ ┌────────┬───────┬──────────────┐ ◀──── 0x7fe3…000
//!                     │ header │ roots │ blocks       │
//!                     └────────┴───┬───┴──▲───────────┘
//!                                  └──────┘ an offset, the same for both
//! ```
//!
//! A process *attaches* a heap by creating or opening it. From then on the heap's
//! id leads to the place where this process has mapped it, and that is how a
//! [`ShmVec`](crate::container::ShmVec), which holds the id and an offset, finds
//! its elements: in every process, wherever it was moved to, also into another
//! container. In a process that has not attached the heap, each method of the
//! container answers
//! [`NotAttached`](crate::container::ContainerError::NotAttached), and nothing
//! worse happens.
//!
//! # Making one, finding it
//!
//! | call | the heap | found by |
//! |---|---|---|
//! | [`SharedHeap::create`](crate::SharedHeap::create) | has a name, in `/dev/shm` | its name |
//! | [`HeapOptions::directory`](crate::HeapOptions::directory) | is a file in a directory of yours | its name and the directory |
//! | [`HeapOptions::create_memfd`](crate::HeapOptions::create_memfd) | has no name | its descriptor, which is inherited or sent |
//! | [`ShmAlloc`](crate::ShmAlloc) | is the `#[global_allocator]` of a program | `/proc`, or its name |
//!
//! The size is fixed when the heap is made. Be generous: what is not used takes no
//! memory. A named heap stays until somebody calls
//! [`unlink`](crate::SharedHeap::unlink), also when every process is gone.
//!
//! # Roots
//!
//! A heap has a table of names, its *roots*. Who made something binds it to a name;
//! who wants it asks for the name and the type.
//!
//! ```
//! use anymem::container::{ShmMutex, ShmVec};
//! use anymem::{SharedHeap, Size};
//!
//! let name = format!("guide.{}", std::process::id());
//! let heap = SharedHeap::open_or_create(&name, Size::mib(8))?;
//! // Whoever comes first makes it, whoever comes later finds it.
//! let log = heap.root_or_create("log", |heap| {
//!     Ok(ShmMutex::new_in(ShmVec::<u64>::new_in(heap), heap))
//! })?;
//! log.lock().map_err(|error| error.to_string())?.push(1)?;
//! // As another type it is not to be had.
//! assert!(heap.root::<ShmVec<u32>>("log").is_err());
//! # SharedHeap::unlink(&name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What may stand in a heap
//!
//! Types that are [`ShmSafe`](crate::container::ShmSafe): numbers, arrays and
//! tuples of such types, the containers, and your own structs of them, with a
//! layout that does not depend on the compiler's mood:
//!
//! ```
//! use anymem::container::{ShmSafe, ShmString};
//!
//! #[derive(ShmSafe)]
//! #[repr(C)]
//! struct Order {
//!     symbol: ShmString,
//!     price: u64,
//!     count: u32,
//! }
//! ```
//!
//! Not `String`, `Vec`, `Box` and `&T`: they hold addresses of one process. Not
//! file handles and not mutexes of `std`.
//!
//! # Who may change what
//!
//! Rust's rules hold across processes, as if these were threads: `&T` is shared,
//! `&mut T` is somebody's own. A root gives `&T`. So a vector bound as a root is
//! read by all and changed by nobody; what is to be changed stands within a
//! [`ShmMutex`](crate::container::ShmMutex) or
//! [`ShmRwLock`](crate::container::ShmRwLock), or is of a kind that is changed by
//! reference: maps, queues, atomics. The compiler sees to it: a root must be
//! `Sync`, and what goes to another process `Send`.
//!
//! # Processes trust each other, heaps do not
//!
//! Whoever may write to a heap may write nonsense. No number that is read from a
//! heap becomes an address before it was found to lie within the heap, so nonsense
//! leads to errors and wrong values, never out of the heap. But references into it
//! are ordinary references: open heaps only of those whom you would let write to
//! your own memory. Heaps are for their owner alone unless
//! [asked otherwise](crate::HeapOptions::mode).
