//! The names of the C library's heap.
//!
//! They do what POSIX, C23 and glibc's manual say, in this too:
//!
//! - zero bytes get a block of their own; `realloc` to zero bytes frees;
//! - every block is aligned to 16 bytes at least;
//! - `malloc` and its kin set `errno` where there is no room, `free` and
//!   `posix_memalign` leave it alone.
//!
//! A pointer that is no block of the heap is left alone, and a block that is
//! freed twice is noticed when it leaves the thread's cache: both are counted
//! and ignored.

pub mod aligned;
pub mod malloc;
pub mod tuning;
