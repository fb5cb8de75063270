//! Appendix: the specification of memory regions, statement by statement, with what there is
//! here and the tests that show it.
//!
//! The specification (*Memory Regions*, 2023) is a note of Scalix, a library for SYCL, which
//! was never built as it was written; what became of it showed what it lacks, and is here.
//! [Regions](super::regions) is the chapter to read first.
//!
//! The test `FILE::NAME` is the function `NAME` of `FILE.rs` in the repository's `core/tests`,
//! `std-adapters/tests` or `tests/tests`. A row that begins with *none* is something that the
//! specification has not.
#![doc = include_str!("scalix.md")]
