//! Memories to choose from.

use core::cmp::Reverse;
use core::fmt;
use core::slice;

use super::{Bound, MemPolicy, MemTarget, NodeId, NodeList, NumaError, Topology};
use crate::provider::Provider;

/// Memories to choose from, the best first. (Unified Memory Framework: memspace.)
///
/// ```no_run
/// use anymem::numa::{MemSpace, Topology, current_node};
/// let machine = Topology::of_machine()?;
/// let all = MemSpace::host_all(&machine);
/// let large = MemSpace::highest_capacity(&machine).first(2);
/// let near = MemSpace::lowest_latency(&machine, current_node())?;
/// println!("{all}; the largest two: {large}; nearest: {near}");
/// # Ok::<(), anymem::numa::NumaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemSpace {
    targets: Vec<MemTarget>,
}

impl MemSpace {
    /// One without any memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { targets: Vec::new() }
    }

    /// All memory of the machine, by ascending number of the node.
    #[must_use]
    pub fn host_all(machine: &Topology) -> Self {
        let nodes = machine.nodes().iter().filter(|node| node.total > 0);
        Self { targets: nodes.map(MemTarget::from).collect() }
    }

    /// The memory of these nodes, in this order.
    ///
    /// # Errors
    ///
    /// [`NumaError::NoNode`] and [`NumaError::Twice`].
    pub fn of_nodes(
        machine: &Topology,
        nodes: impl IntoIterator<Item = NodeId>,
    ) -> Result<Self, NumaError> {
        let mut space = Self::new();
        for node in nodes {
            let found = machine.node(node).filter(|found| found.total > 0);
            let missing = || NumaError::NoNode { node, have: machine.with_memory() };
            space.add(found.ok_or_else(missing)?.into())?;
        }
        Ok(space)
    }

    /// All memory of the machine, the largest first.
    #[must_use]
    pub fn highest_capacity(machine: &Topology) -> Self {
        let mut space = Self::host_all(machine);
        space.targets.sort_by_key(|target| Reverse(target.capacity()));
        space
    }

    /// The memory whose bandwidth for CPUs of node `from` is known, the fastest first.
    ///
    /// # Errors
    ///
    /// [`NumaError::NoHmat`] if none is.
    pub fn highest_bandwidth(machine: &Topology, from: NodeId) -> Result<Self, NumaError> {
        Self::by_figure(machine, from, "bandwidth", |target| target.bandwidth(from).map(Reverse))
    }

    /// The memory whose latency for CPUs of node `from` is known, the lowest first.
    ///
    /// # Errors
    ///
    /// [`NumaError::NoHmat`] if none is.
    pub fn lowest_latency(machine: &Topology, from: NodeId) -> Result<Self, NumaError> {
        Self::by_figure(machine, from, "latency", |target| target.latency(from))
    }

    fn by_figure<K: Ord>(
        machine: &Topology,
        from: NodeId,
        what: &'static str,
        figure: impl Fn(&MemTarget) -> Option<K>,
    ) -> Result<Self, NumaError> {
        let mut space = Self::host_all(machine).filter(|target| figure(target).is_some());
        space.targets.sort_by_key(|target| figure(target));
        if space.is_empty() { Err(NumaError::NoHmat { what, from }) } else { Ok(space) }
    }

    /// Adds a memory as the last.
    ///
    /// # Errors
    ///
    /// [`NumaError::Twice`] if it is there.
    pub fn add(&mut self, target: MemTarget) -> Result<(), NumaError> {
        if self.get(target.id()).is_some() {
            return Err(NumaError::Twice { node: target.id() });
        }
        self.targets.push(target);
        Ok(())
    }

    /// Takes the memory of a node out.
    ///
    /// # Errors
    ///
    /// [`NumaError::NotInSpace`].
    pub fn remove(&mut self, node: NodeId) -> Result<MemTarget, NumaError> {
        let at = self.iter().position(|target| target.id() == node);
        let at = at.ok_or_else(|| NumaError::NotInSpace { node, have: self.nodes() })?;
        Ok(self.targets.remove(at))
    }

    /// What of it `keep` says yes to.
    #[must_use]
    pub fn filter(&self, keep: impl FnMut(&&MemTarget) -> bool) -> Self {
        Self { targets: self.iter().filter(keep).cloned().collect() }
    }

    /// What of it is on these nodes.
    #[must_use]
    pub fn on_nodes(&self, nodes: &[NodeId]) -> Self {
        self.filter(|target| nodes.contains(&target.id()))
    }

    /// What of it has at least `capacity` bytes.
    #[must_use]
    pub fn at_least(&self, capacity: usize) -> Self {
        self.filter(|target| target.capacity() >= capacity)
    }

    /// The first `count` of it.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        Self { targets: self.iter().take(count).cloned().collect() }
    }

    /// The memory of a node.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<&MemTarget> {
        self.iter().find(|target| target.id() == node)
    }

    /// The nodes, by ascending number.
    #[must_use]
    pub fn nodes(&self) -> NodeList {
        self.iter().map(MemTarget::id).collect()
    }

    /// The memories, in their order.
    pub fn iter(&self) -> slice::Iter<'_, MemTarget> {
        self.targets.iter()
    }

    /// How many memories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// What `inner` gives, bound to this memory by `policy`: see [`Bound`].
    ///
    /// # Errors
    ///
    /// What is wrong with the policy for this memory, or for such a provider.
    pub fn provider<P: Provider>(
        &self,
        policy: MemPolicy,
        inner: P,
    ) -> Result<Bound<P>, NumaError> {
        Bound::new(self.clone(), policy, inner)
    }
}

impl<'a> IntoIterator for &'a MemSpace {
    type Item = &'a MemTarget;
    type IntoIter = slice::Iter<'a, MemTarget>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for MemSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, target) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{target}")?;
        }
        if self.is_empty() { f.write_str("no memory") } else { Ok(()) }
    }
}
