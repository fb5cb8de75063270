//! Hardening: what the feature `secure` adds to the memory of a heap.
//!
//! Blocks are out of order, carry a *seal* and lie before a guard; what the
//! allocator keeps of them is encoded. So most mistakes in the use of blocks are
//! found at once, where otherwise they are found late or never, and a write that
//! goes astray does not steer the allocator.
//!
//! | what | where | finds |
//! |---|---|---|
//! | [`Secret`] | header of the segment | nothing; all else is keyed with it |
//! | [`Entry`] | magazines | entries that somebody overwrote |
//! | seal | last 8 bytes of a block | double frees, writes past the end |
//! | slack | from what was asked for up to the seal | writes past the end |
//! | guard | behind whole slabs | long writes past the end, as they happen |
//! | [`Order`] | refill | nothing; neighbours in time are none in memory |
//!
//! ```text
//! at            at + size            at + room - 8     at + room
//! | the user's  | slack: one pattern | slack | seal |
//! ```
//!
//! A seal is 32 bits mixed from the secret, the block's offset, the length of
//! its slack and whether the block is live; in front of it stands that length,
//! masked. A block is as long as its class says, so the seal is found without
//! knowing how the block was asked for.
//!
//! This is no cryptography: who reads the heap's memory can learn the secret.
//!
//! Without the feature everything here is a constant or nothing at all.

#[cfg(not(feature = "secure"))]
mod off;
#[cfg(feature = "secure")]
mod on;

#[cfg(not(feature = "secure"))]
pub(crate) use off::*;
#[cfg(feature = "secure")]
pub(crate) use on::*;
