//! A heap on each node.

use std::sync::Arc;

use thiserror::Error;

use super::{MemPolicy, MemSpace, NodeId, NumaError, Topology};
use crate::pool::{PoolError, ThreadLocalPool, Tracked};
use crate::provider::{OsProvider, ProviderError};
use crate::size::Size;

/// Why there is not a heap on each node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NodeHeapsError {
    /// Memory cannot be bound.
    #[error(transparent)]
    Numa(#[from] NumaError),
    /// There is no memory, or a heap does not fit.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl From<ProviderError> for NodeHeapsError {
    fn from(error: ProviderError) -> Self {
        Self::Pool(error.into())
    }
}

/// A heap of the thread-local allocator on each node that has memory, for threads that
/// want theirs near.
///
/// ```
/// use core::alloc::Layout;
///
/// use anymem::Size;
/// use anymem::numa::{NodeHeaps, Topology};
/// use anymem::pool::Pool;
/// let heaps = NodeHeaps::new(&Topology::of_machine()?, Size::mib(16))?;
/// let near = heaps.for_current_node();
/// let block = near.allocate(Layout::new::<[u64; 100]>())?;
/// // SAFETY: the block is live, and not used afterwards.
/// unsafe { near.free(block) }?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NodeHeaps {
    /// At least one.
    heaps: Vec<(NodeId, ThreadLocalPool)>,
    /// Which of the heaps is nearest to each CPU.
    by_cpu: Vec<usize>,
}

impl NodeHeaps {
    /// Makes a heap of `size` bytes, which take memory as they are used, on each node of
    /// `machine`, which is this one.
    ///
    /// # Errors
    ///
    /// No node has memory, one may not be used, or a heap does not fit into `size`.
    pub fn new(machine: &Topology, size: Size) -> Result<Self, NodeHeapsError> {
        let make = |node| {
            let space = MemSpace::of_nodes(machine, [node])?;
            let provider = space.provider(MemPolicy::Bind, OsProvider::new()?)?;
            Ok((node, ThreadLocalPool::new(Tracked::new(Arc::new(provider))?, size)?))
        };
        let heaps = machine.with_memory().into_iter().map(make);
        let heaps = heaps.collect::<Result<Vec<_>, NodeHeapsError>>()?;
        if heaps.is_empty() {
            return Err(NumaError::EmptySpace.into());
        }
        let mut by_cpu = Vec::new();
        for node in machine.nodes() {
            let nearest = machine.nearest_memory(node.id);
            let heap = heaps.iter().position(|(at, _)| Some(*at) == nearest).unwrap_or(0);
            for &cpu in &node.cpus {
                by_cpu.resize(by_cpu.len().max(cpu as usize + 1), 0);
                by_cpu[cpu as usize] = heap;
            }
        }
        Ok(Self { heaps, by_cpu })
    }

    /// The heap on a node; `None` if it has no memory.
    #[must_use]
    pub fn on(&self, node: NodeId) -> Option<&ThreadLocalPool> {
        self.heaps.iter().find(|(found, _)| *found == node).map(|(_, heap)| heap)
    }

    /// The heap that is nearest to the CPU that the calling thread runs on, at this moment.
    #[must_use]
    pub fn for_current_node(&self) -> &ThreadLocalPool {
        // SAFETY: takes nothing and only tells a number.
        let cpu = usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(usize::MAX);
        // CPUs may have been switched on since the machine was looked at.
        let heap = self.by_cpu.get(cpu).copied().unwrap_or(0);
        &self.heaps[heap].1
    }
}
