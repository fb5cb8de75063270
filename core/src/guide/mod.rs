//! A guide for those who have no operating system below them.
//!
//! 1. [Embedding in ten minutes](embedding): firmware, kernels, runtimes of one's own.
//!
//! What heaps are, and what may stand in them, is told by the guide of the crate `anymem`.

pub mod embedding;
