//! Heaps that processes share, for programs in C: what `anymem.h` declares.
//!
//! Most calls answer with a status; what a call yields besides goes where its
//! last argument points, and only if all went well. A text that tells what
//! exactly was wrong is there until the thread's next failure.
//!
//! A block is named by its offset, the same in every process, and 0 is none.

pub mod block;
pub mod handle;
pub mod profile;
pub mod root;
pub mod stats;
pub mod status;
mod text;

pub use self::handle::anymem_heap;
