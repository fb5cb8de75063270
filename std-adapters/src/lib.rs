//! Heaps of offset pointers that processes share.
//!
//! This is the crate to add: it re-exports all of `anymem-core`, which works
//! without an operating system, and adds what Linux offers, or Windows.
//!
//! | module | what it adds |
//! |---|---|
//! | [`SharedHeap`], [`HeapOptions`] | create, open and list heaps by name |
//! | [`container`] | collections, maps, locks and queues that live in a heap (from core) |
//! | [`ShmAlloc`] | a global allocator whose heap is a segment |
//! | [`backend`] | `malloc`, `mmap`, POSIX shared memory, memory files; `VirtualAlloc`, sections |
//! | [`thread`] | POSIX threads, those of Windows, and who lives |
//! | [`allocator`] | heap slots for each thread by themselves, `malloc` |
//! | `allocator_api` (feature `allocator-api2`) | any heap for collections of other crates |
//! | [`observe`] | blocks of a `ShmAlloc` by size class, and where the program allocates them |
//! | [`provider`], [`pool`] | blocks by address out of any memory, as in the Unified Memory Framework |
//! | [`memory`] | address spaces as types, and objects that live in them |
//! | [`region`] | paged memory of one owner, and copies of what is stale |
//! | [`ipc`] | blocks of these in other processes |
//! | [`Properties`], [`properties`] | what is known of an address, and who knows |
//! | [`numa`] | memory by the node that it is on, and which pages go where |
//! | [`control`] | settings and counts of these by name |
//! | [`manager`] | the backends and allocators of a process, by id |
//! | [`Size`] | `64MiB` |
//! | [`guide`] | how to think of it all, in nine chapters |
//!
//! ```
//! use anymem::container::{ShmHashMap, ShmString};
//! use anymem::{SharedHeap, Size};
//!
//! let name = format!("words.{}", std::process::id());
//! let heap = SharedHeap::open_or_create(&name, Size::mib(64))?;
//! // The same line in another process gives the same map.
//! let map = heap.root_or_create("words", |heap| ShmHashMap::<ShmString, u64>::new_in(heap))?;
//! map.insert(ShmString::from_str_in("hello", &heap)?, 1)?;
//! # SharedHeap::unlink(&name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Windows
//!
//! | there | by |
//! |---|---|
//! | threads, their ends, sleeping | `thread::WindowsModel` |
//! | private memory | `backend::VirtualBackend`: reserved, and committed when it is used |
//! | memory that processes share | `backend::SectionBackend`: of the paging file, named or not |
//! | [`SharedHeap`], [`backend::ShmBackend`] | files in the user's directory for temporary files |
//! | [`ShmAlloc`], [`observe`], [`manager`], [`allocator`], [`container`] | as elsewhere |
//! | [`memory`] | but for that of pools |
//!
//! What is not there: forks, memory files, permission bits (the directory's permissions
//! count), and the modules [`provider`], [`pool`], [`region`], [`ipc`], [`numa`],
//! [`control`], [`properties`] and [`guide`]. Heaps in sections and files have all their space
//! from the beginning and give none back. Who sleeps is woken by its own process, and
//! looks after a nap what others did.
//!
//! # Features
//!
//! None is on unless asked for; the containers and `#[derive(ShmSafe)]` are always there.
//!
//! | feature | what it adds |
//! |---|---|
//! | `allocator-api2` | `allocator_api`: hashbrown's and other crates' collections in any heap or pool |
//! | `nightly` | the same by the standard library's trait instead, for `Vec::new_in`; needs a nightly compiler, and the `nightly` of hashbrown if that is there |
//! | `async` | futures that wait for the queues, and the thread that wakes them |
//! | `argobots` | user-level threads of Argobots; with `async` |
//! | `serde` | the containers to and from the formats of serde |
//! | `jemalloc` | `JemallocPool`; builds jemalloc with a C compiler and make |
//! | `pprof` | heap profiles as files |
//! | `secure` | hardened heaps; slower, and only programs that have it open such a heap |
//!
//! `argobots`, `jemalloc` and `pprof` are for Unix alone. On Windows no thread wakes the
//! futures of `async`: they are polled for as long as they wait.
//!
//! The oldest Rust that will do is 1.88.
//!
//! # Promises
//!
//! - A heap is seen complete or not at all, and a name that is in use is never
//!   taken away from its heap by creating another.
//! - Heaps are for their owner alone unless told otherwise.
//! - Space is taken before it is used: a full file system is an error value.
//! - A process that lives is not taken for dead, also where another PID namespace
//!   hides its id, as long as the heap's file can be locked.
//! - What is wrong is an error that says what to do, never a panic.

#![cfg_attr(feature = "nightly", feature(allocator_api))]

pub mod allocator;
#[cfg(any(feature = "allocator-api2", feature = "nightly"))]
pub mod allocator_api;
mod attached;
pub mod backend;
#[cfg(unix)]
pub mod control;
mod error;
#[cfg(unix)]
pub mod guide;
mod heap;
#[cfg(unix)]
pub mod ipc;
#[cfg(unix)]
mod log;
pub mod manager;
pub mod memory;
#[cfg(unix)]
pub mod numa;
pub mod observe;
#[cfg(unix)]
pub mod pool;
#[cfg(unix)]
pub mod properties;
#[cfg(unix)]
pub mod provider;
#[cfg(unix)]
pub mod region;
mod shm_alloc;
mod size;
mod sys;
pub mod thread;
pub mod verdict;

pub use anymem_core::{container, offset, page_table, segment, size_class, sync};

pub use self::error::{HeapError, RootValueError, SizeError};
pub use self::heap::{HeapOptions, SharedAllocator, SharedHeap};
pub use self::manager::MemoryManager;
#[cfg(unix)]
pub use self::properties::Properties;
pub use self::shm_alloc::{
    Observer, ProcessHeap, ProcessModel, ShmAlloc, ThreadHeap, ThreadHeapPlace,
};
pub use self::size::{IntoSize, Size};

/// The README's examples, compiled and run with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
