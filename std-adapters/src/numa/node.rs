//! What nodes are named by.

use core::fmt;
use std::vec;

use super::list;
use crate::sys::numa::NodeMask;

/// The number of a NUMA node, as the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// Node `number`, which need not exist.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Nodes in ascending order, each once; displayed as the kernel does: `0-3,8`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeList(Vec<NodeId>);

impl NodeList {
    /// Whether `node` is one of them.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.0.binary_search(&node).is_ok()
    }

    /// The nodes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = NodeId> {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn mask(&self) -> NodeMask {
        let mut mask = NodeMask::default();
        self.iter().for_each(|node| mask.insert(node.get()));
        mask
    }
}

impl FromIterator<NodeId> for NodeList {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        let mut nodes: Vec<_> = nodes.into_iter().collect();
        nodes.sort_unstable();
        nodes.dedup();
        Self(nodes)
    }
}

impl From<NodeMask> for NodeList {
    fn from(mask: NodeMask) -> Self {
        mask.iter().map(NodeId::new).collect()
    }
}

impl IntoIterator for NodeList {
    type Item = NodeId;
    type IntoIter = vec::IntoIter<NodeId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for NodeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list::write(f, self.iter().map(NodeId::get))
    }
}
