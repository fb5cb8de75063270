//! Appendix: what users of the Unified Memory Framework (UMF) find here, row by row, and the
//! tests that show it.
//!
//! Its providers are [providers](crate::provider) and its pools [pools](crate::pool); its
//! parameters are options, which are plain values; its handles are reference-counted; its
//! error codes are errors that say what to do. The test `FILE::NAME` is the function `NAME`
//! of `FILE.rs` in the repository's `std-adapters/tests`, `tests/tests` or `preload/tests`; of
//! `gpu/FILE`, in `gpu/tests`.
//! A row that begins with *none* is something that UMF has not.
//!
//! | this | is there as |
//! |---|---|
//! | consumers that allocate and free in memory of others, which survives their deaths | [`SharedHeap`](crate::SharedHeap) |
//! | memory that keeps its contents | [`FileProvider::adopt`](crate::provider::FileProvider::adopt), heaps in files |
#![doc = include_str!("umf.md")]
