//! Who is who among the contestants.

use serde::{Deserialize, Serialize};

/// What a contestant's figures are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// anymem in a heap private to the process.
    Private,
    /// anymem in a segment that other processes can attach.
    Shared,
    /// Another allocator, a candidate for the best of a workload.
    Peer,
    /// No allocator for a program, but what none can be faster than.
    Limit,
}
