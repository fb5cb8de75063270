//! Shared memory that devices use, too: the processor's bytes, at the same offsets.
//!
//! - A span is registered before anybody gets its device's address, and no more when whoever has
//!   it goes, before it is unmapped.
//! - The device uses the pages that were there when they were registered. So there is space
//!   behind all of them before, and they are never given back: a heap in them is
//!   [resident](anymem::HeapOptions::resident), in each process that has it.
//! - A device has its own address for the first byte, in each process. What is `n` bytes from the
//!   start of a heap here is so there.

mod error;
mod heap;
mod pages;
mod span;

pub use error::RegisterError;
pub use heap::RegisteredHeap;
pub use span::Registered;
