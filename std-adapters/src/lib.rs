//! Heaps of offset pointers that processes share.
//!
//! This is the crate to add: it re-exports all of `anymem-core`, which works
//! without an operating system, and adds what a POSIX system offers.
//!
//! | module | what it adds |
//! |---|---|
//! | [`container`] | boxes, vectors, strings and maps that live in a heap (from core) |
//! | [`backend`] | `malloc`, `mmap`, POSIX shared memory, memory files |
//! | [`Size`] | `64MiB` |
//!
//! # Promises
//!
//! - A heap is seen complete or not at all, and a name that is in use is never
//!   taken away from its heap by creating another.
//! - Heaps are for their owner alone unless told otherwise.
//! - Space is taken before it is used: a full file system is an error value.
//! - What is wrong is an error that says what to do, never a panic.

pub mod backend;
mod error;
mod size;
mod sys;

pub use anymem_core::{container, offset, page_table, segment, size_class, sync};

pub use self::error::{HeapError, RootValueError, SizeError};
pub use self::size::Size;
