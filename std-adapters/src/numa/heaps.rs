//! A heap on each node.

use std::sync::Arc;

use anymem_core::allocator::ThreadLocalAllocator;
use anymem_core::allocator::registry::RegisterError;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::{Config, CreateError};
use thiserror::Error;

use super::topology::Node;
use super::{MemPolicy, MemSpace, NodeId, NumaError, Topology};
use crate::allocator::Attached;
use crate::backend::ProviderBackend;
use crate::provider::{OsProvider, ProviderError};
use crate::size::Size;
use crate::sys;
use crate::thread::{PthreadModel, fork};

/// A heap whose memory is on one node, with a slot for each thread.
pub type NodeHeap = Attached<ThreadLocalAllocator<ProviderBackend, PthreadModel>>;

/// Why there is not a heap on each node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NodeHeapsError {
    /// Memory cannot be bound.
    #[error(transparent)]
    Numa(#[from] NumaError),
    /// There is no memory.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The heap does not fit.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The process has too many heaps.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// A heap on each node that has memory, for threads that want theirs near.
///
/// ```
/// use core::alloc::Layout;
///
/// use anymem::Size;
/// use anymem::allocator::Allocator;
/// use anymem::numa::{NodeHeaps, Topology};
/// use anymem::thread::Context;
/// let heaps = NodeHeaps::new(&Topology::of_machine()?, Size::mib(16))?;
/// let near = heaps.for_current_node();
/// let layout = Layout::new::<[u64; 100]>();
/// let block = near.allocate(Context::DEFAULT, layout)?;
/// // SAFETY: the block is live, and not used afterwards.
/// unsafe { near.free(Context::DEFAULT, block, layout) }?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NodeHeaps {
    heaps: Vec<(NodeId, &'static NodeHeap)>,
    /// That of CPUs that were switched on later.
    first: &'static NodeHeap,
    /// The heap that is nearest to each CPU.
    by_cpu: Vec<&'static NodeHeap>,
}

impl NodeHeaps {
    /// Makes a heap of `size` bytes, which take memory as they are used, on each node of
    /// `machine`, which is this one.
    ///
    /// The heaps live until the process ends, for values in them find them by themselves.
    ///
    /// # Errors
    ///
    /// A node is not there, memory is missing, or a heap does not fit into `size`.
    pub fn new(machine: &Topology, size: Size) -> Result<Self, NodeHeapsError> {
        let nodes = machine.with_memory();
        let heaps = nodes.iter().map(|node| Ok((node, Self::make(machine, node, size)?)));
        let heaps = heaps.collect::<Result<Vec<_>, NodeHeapsError>>()?;
        let first = heaps.first().ok_or(NumaError::EmptySpace)?.1;
        let nearest = |node: &Node| {
            let heap = heaps.iter().min_by_key(|(to, _)| node.distance(*to).unwrap_or(u32::MAX));
            heap.map_or(first, |&(_, heap)| heap)
        };
        let cpus = machine.nodes().iter().flat_map(|node| node.cpus.iter());
        let mut by_cpu = vec![first; cpus.max().map_or(0, |&last| last as usize + 1)];
        for node in machine.nodes() {
            node.cpus.iter().for_each(|&cpu| by_cpu[cpu as usize] = nearest(node));
        }
        Ok(Self { heaps, first, by_cpu })
    }

    /// The heap on a node; `None` if it has no memory.
    #[must_use]
    pub fn on(&self, node: NodeId) -> Option<&'static NodeHeap> {
        self.heaps.iter().find(|(found, _)| *found == node).map(|&(_, heap)| heap)
    }

    /// The heap that is nearest to the CPU that the calling thread runs on, at this moment.
    #[must_use]
    pub fn for_current_node(&self) -> &'static NodeHeap {
        // SAFETY: takes nothing and only tells a number.
        let cpu = usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(usize::MAX);
        self.by_cpu.get(cpu).copied().unwrap_or(self.first)
    }

    fn make(
        machine: &Topology,
        node: NodeId,
        size: Size,
    ) -> Result<&'static NodeHeap, NodeHeapsError> {
        let space = MemSpace::of_nodes(machine, [node])?;
        let provider = space.provider(MemPolicy::Bind, OsProvider::new()?)?;
        let backend = ProviderBackend::new(Arc::new(provider), size)?;
        let id = AllocatorId::new(sys::random() as u32, node.get());
        let config = Config::new(id).secret(sys::secret());
        let _hold = fork::hold();
        let heap = ThreadLocalAllocator::create(backend, PthreadModel, &config)?;
        let heap: &'static NodeHeap = Box::leak(Box::new(Attached::new(heap)));
        // SAFETY: it is never moved nor dropped.
        unsafe { heap.announce() }?;
        Ok(heap)
    }
}
