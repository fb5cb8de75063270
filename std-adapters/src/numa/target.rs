//! A memory that can be chosen.

use core::fmt;

use super::topology::Node;
use super::{Access, NodeId};
use crate::size::Size;

/// What kind of memory a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetKind {
    /// The memory of a NUMA node.
    Numa,
}

/// A memory that can be chosen. (Unified Memory Framework: memory target.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemTarget {
    node: NodeId,
    capacity: usize,
    access: Vec<Access>,
}

impl MemTarget {
    /// What kind of memory it is.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        TargetKind::Numa
    }

    /// The number of its node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.node
    }

    /// How many bytes it has, used or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Megabytes a second that CPUs of node `from` read and write; `None` if the firmware
    /// does not say, or `from` is not among the closest to it.
    #[must_use]
    pub fn bandwidth(&self, from: NodeId) -> Option<u32> {
        self.seen_from(from).filter_map(|access| access.bandwidth).max()
    }

    /// Nanoseconds until a CPU of node `from` has read or written; `None` as with
    /// [`bandwidth`](Self::bandwidth).
    #[must_use]
    pub fn latency(&self, from: NodeId) -> Option<u32> {
        self.seen_from(from).filter_map(|access| access.latency).min()
    }

    fn seen_from(&self, from: NodeId) -> impl Iterator<Item = &Access> {
        self.access.iter().filter(move |access| access.initiators.contains(from))
    }
}

impl From<&Node> for MemTarget {
    fn from(node: &Node) -> Self {
        Self { node: node.id, capacity: node.total, access: node.access.clone() }
    }
}

impl fmt::Display for MemTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} ({})", self.node, Size::bytes(self.capacity))
    }
}
