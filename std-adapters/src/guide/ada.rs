//! Appendix: the proposal for distributed memory in Ada, statement by statement, with what
//! there is here and the tests that show it.
//!
//! The proposal (*Distributed Memory*, 2020, to the language's RFCs) gives each memory a type
//! of address and its own way to allocate, free and copy; the compiler then moves objects
//! between them. The language has it now as *storage models*, with other names and without
//! automatic objects; where that is better, it is what is done here. [Memories](super::memories)
//! is the chapter to read first.
//!
//! The test `FILE::NAME` is the function `NAME` of `FILE.rs` in the repository's `core/tests`,
//! `std-adapters/tests` or `tests/tests`. A row that begins with *none* is something that the
//! proposal has not.
#![doc = include_str!("ada.md")]
