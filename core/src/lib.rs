//! Heaps that hold no addresses, so that they work in any memory.
//!
//! `anymem-core` is the `no_std`, allocation-free heart of anymem. A heap is a
//! span of bytes (a [`backend`]) that knows its own layout (a [`segment`]) and
//! stores only [offsets](offset) from its own start. The same heap therefore
//! works inside one process, between processes that map it at different
//! addresses, in a file, and in a kernel or firmware image.
//!
//! # Layers
//!
//! A module uses only those above it:
//!
//! | module | what it is |
//! |---|---|
//! | [`sync`] | the [`Atomics`](sync::Atomics) trait, word arenas, locks that survive their holders |
//! | [`offset`] | offsets, offset pointers, allocator ids |
//! | [`thread`] | the thread model trait, owners, the allocation context |
//! | [`backend`] | where a span of bytes comes from |
//! | [`memory`] | address spaces as types, and objects that live in them |
//! | [`size_class`] | the block sizes that slabs are cut into |
//! | [`segment`] | header, layout, heap slots, named typed roots |
//! | [`page_table`] | owner words, slab bitmaps, remote frees |
//! | [`frames`] | page frames: which pages of physical memory are free |
//! | [`allocator`] | the [`Allocator`](allocator::Allocator) trait and its implementations, the registry of heaps |
//! | [`tiny`] | heaps of a few KiB: bounded steps, no header on blocks |
//! | [`global`] | global allocators for programs without an OS |
//! | `allocator_api` | any heap for collections of other crates (feature `allocator-api2`) |
//! | [`region`] | paged memory of one owner, and copies of what is stale |
//! | `container` | boxes, vectors, strings, maps and locks that live in a heap (feature `containers`) |
//!
//! How to use it without an operating system is told in the [guide](guide::embedding).
//!
//! # Features
//!
//! None is on unless asked for.
//!
//! | feature | what it adds |
//! |---|---|
//! | `containers` | `container`: what lives in a heap, in any process |
//! | `derive` | `#[derive(ShmSafe)]`, for structs of one's own in a heap; with `containers` |
//! | `serde` | the containers to and from the formats of serde; with `containers` |
//! | `async` | futures that wait for the queues, on any executor; with `containers` |
//! | `allocator-api2` | `allocator_api`: hashbrown's and other crates' collections in any heap |
//! | `nightly` | the same by the standard library's trait instead, for `Vec::new_in`; needs a nightly compiler, and the `nightly` of hashbrown if that is there |
//! | `linked-list` | `LinkedListAllocator`, the crate `linked_list_allocator` behind the trait |
//! | `critical-section` | `global::CriticalSection`, a lock for interrupt handlers; also for processors without compare-exchange |
//! | `secure` | hardened heaps: sealed blocks, random order, guards; slower, and only programs that have it open such a heap |
//! | `alloc` | an `Arc` of a memory is a memory; needs the crate `alloc` |
//!
//! The oldest Rust that will do is 1.88.
//!
//! # Promises
//!
//! - Nothing here panics, aborts or unwinds on an allocation path; failures are
//!   values.
//! - No number read from a segment becomes an address before it was bounded.
//! - Which block is free is one bit, out of line; a process may die between any
//!   two instructions without making a block available twice.
#![no_std]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core, clippy::std_instead_of_alloc)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod bits;

pub mod sync;

pub mod offset;

pub mod thread;

pub mod backend;

pub mod memory;

mod secure;

pub mod size_class;

pub mod segment;

pub mod page_table;

pub mod frames;

pub mod allocator;

pub mod tiny;

pub mod global;

#[cfg(any(feature = "allocator-api2", feature = "nightly"))]
pub mod allocator_api;

pub mod region;

#[cfg(feature = "containers")]
pub mod container;

pub mod guide;
