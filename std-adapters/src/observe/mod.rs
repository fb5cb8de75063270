//! What a program asked a heap for: how many blocks of each size, and where in
//! the program.
//!
//! Only a heap that is asked to ([`with_counts`](crate::ShmAlloc::with_counts),
//! [`with_profile`](crate::ShmAlloc::with_profile)) observes its blocks. Others
//! have no instruction for it on the ways that are fast.

mod counts;
mod profile;

pub(crate) use self::counts::Counters;
pub use self::counts::{ClassCounts, Counts, Tally};
pub(crate) use self::profile::Taken;
pub use self::profile::{CallSite, Estimate, HeapProfile};
