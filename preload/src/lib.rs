//! `libanymem.so`: the names under which C and C++ programs allocate, and heaps
//! that processes share for programs in C.
//!
//! | module | what it exports |
//! |---|---|
//! | [`libc_names`] | `malloc` and its kin, on a heap of the whole process |
//! | [`cxx`] | the operators `new` and `delete` |
//! | [`heaps`] | `anymem_…`: heaps by name, as in `anymem.h` |
//!
//! Below them, each using only those under it: `blocks` (what a block's life
//! needs, fast and slow), `thread` (the calling thread's way into the heap),
//! `heap` (the heap, made when it is first used), `options`, `report`, `profile`
//! (what is written at exit), and `place` (one pointer a thread).
//!
//! # What happens before there is a heap
//!
//! Making the heap, or giving a thread its slot, may make the C library
//! allocate. Such calls find the thread busy: before there is a heap they are
//! served by a small array (`early`), afterwards by the heap without a slot.
//!
//! # Signals
//!
//! As POSIX has it, a signal handler must not allocate or free if it may have
//! interrupted an allocation. One that does so all the same meets no lock, and
//! what it interrupted in the slower ways is kept from it; a handler that keeps
//! a block, having interrupted the few instructions of the fast way, may be
//! given one that somebody else gets too.

mod blocks;
pub mod cxx;
mod early;
mod errno;
mod heap;
pub mod heaps;
pub mod libc_names;
mod options;
mod own;
mod place;
mod process;
mod profile;
mod report;
mod stderr;
mod thread;
