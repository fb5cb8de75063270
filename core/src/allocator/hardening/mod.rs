//! What the feature `secure` adds to the calls of an allocator: see
//! [`secure`](crate::secure).
//!
//! | hook | called | hardened |
//! |---|---|---|
//! | `hand_out` | for each entry that leaves a magazine to be used | refuses what is no block of its class, seals the block as live |
//! | `close` | for a block without a magazine | seals it as live |
//! | `open` | first, when a block is freed | refuses it unless its seal says live, seals it as free |
//! | `inspect` | first, when a block is resized | refuses it as `open` does, changes nothing |
//! | `reseal` | when a block may stay where it is | moves the beginning of the slack, if it fits |
//! | `close_large`, `open_large`, `unguarded` | the same for whole slabs | seal and guard |
//! | `usable` | for the size of a block | what was asked for |
//! | `order` | for each bitmap word at a refill | the order of its blocks |
//!
//! A block that is refused stays as it is: nobody gets it any more.
//!
//! # Deaths
//!
//! Seals tell nobody what is free: the bits do. A death between a seal and what
//! it is about leaves a block that nobody has, as a death there does anyway.
//! Guards are only in heaps that one process has, and die with it; a forked child
//! has copies of them. There is none while the journal names the slabs.

#[cfg(not(feature = "secure"))]
mod off;
#[cfg(feature = "secure")]
mod on;
