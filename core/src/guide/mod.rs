//! A guide for those who have no operating system below them.
//!
//! 1. [Embedding in ten minutes](embedding): firmware, kernels, runtimes of one's own.
//! 2. [Migrating](migrating): from embedded-alloc, linked_list_allocator, talc and
//!    buddy_system_allocator.
//!
//! What heaps are, and what may stand in them, is told by the guide of the crate `anymem`.

pub mod embedding;
pub mod migrating;
