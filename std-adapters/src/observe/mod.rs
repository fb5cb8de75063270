//! What a program asked a heap for: how many blocks of each size.
//!
//! Only a heap that is [asked to](crate::ShmAlloc::with_counts) observes its
//! blocks. Others have no instruction for it on the ways that are fast.

mod counts;

pub(crate) use self::counts::Counters;
pub use self::counts::{ClassCounts, Counts, Tally};
