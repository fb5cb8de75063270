//! Which nodes a machine has.

use std::path::Path;

use super::{Access, NodeId, NodeList, NumaError, sysfs};
use crate::sys::numa::MOST_NODES;

/// A NUMA node: memory and CPUs that are close to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What the kernel calls it.
    pub id: NodeId,
    /// The CPUs that are switched on; none on nodes that are only memory.
    pub cpus: Vec<u32>,
    /// How far each node's memory is: 10 is the own, 20 is said to take twice as long.
    pub distances: Vec<(NodeId, u32)>,
    /// Bytes of memory, 0 on nodes that are only CPUs.
    pub total: usize,
    /// Bytes that were free when the topology was read.
    pub free: usize,
    /// How fast the memory is; empty where the firmware says nothing.
    pub access: Vec<Access>,
}

/// The NUMA nodes that are switched on, as they were when it was read.
///
/// ```
/// use anymem::numa::Topology;
/// for node in Topology::of_machine()?.nodes() {
///     println!("node {}: {} bytes, CPUs {:?}", node.id, node.total, node.cpus);
/// }
/// # Ok::<(), anymem::numa::NumaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    nodes: Vec<Node>,
}

impl Topology {
    /// That of this machine.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn of_machine() -> Result<Self, NumaError> {
        Self::read(Path::new("/sys"))
    }

    /// That of the machine whose sysfs is in the directory `root`.
    ///
    /// # Errors
    ///
    /// [`NumaError::Unreadable`] where there is none, or the kernel has no NUMA;
    /// [`NumaError::Malformed`] if its files make no sense.
    pub fn read(root: &Path) -> Result<Self, NumaError> {
        let devices = root.join("devices/system");
        let online = devices.join("node/online");
        let ids = sysfs::numbers(online.clone())?;
        if let Some(beyond) = ids.iter().find(|&&id| id >= MOST_NODES) {
            let (wanted, found) = ("numbers of nodes", beyond.to_string());
            return Err(NumaError::Malformed { path: online, wanted, found });
        }
        let cpus = sysfs::optional(sysfs::numbers(devices.join("cpu/online")))?;
        let read = |&id: &u32| Node::read(&devices.join(format!("node/node{id}")), id, &ids, &cpus);
        let nodes = ids.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { nodes })
    }

    /// The nodes, by ascending number.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node by its number.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The nodes that have memory.
    #[must_use]
    pub fn with_memory(&self) -> NodeList {
        self.nodes.iter().filter(|node| node.total > 0).map(|node| node.id).collect()
    }

    /// The node with memory that is nearest to the CPUs of node `from`, which is that node
    /// itself if it has some; `None` if there is no such node, or no memory.
    #[must_use]
    pub fn nearest_memory(&self, from: NodeId) -> Option<NodeId> {
        let from = self.node(from)?;
        let distance = |to: &&Node| from.distance(to.id).unwrap_or(u32::MAX);
        let nodes = self.nodes.iter().filter(|node| node.total > 0);
        nodes.min_by_key(distance).map(|node| node.id)
    }

    /// The node that a CPU is on; `None` if it is switched off or there is no such CPU.
    #[must_use]
    pub fn node_of_cpu(&self, cpu: u32) -> Option<NodeId> {
        self.nodes.iter().find(|node| node.cpus.contains(&cpu)).map(|node| node.id)
    }
}

impl Node {
    /// How far the memory of node `to` is: 10 is the own.
    #[must_use]
    pub fn distance(&self, to: NodeId) -> Option<u32> {
        self.distances.iter().find(|(node, _)| *node == to).map(|&(_, distance)| distance)
    }

    fn read(
        dir: &Path,
        id: u32,
        online: &[u32],
        cpus: &Option<Vec<u32>>,
    ) -> Result<Self, NumaError> {
        let mut own = sysfs::numbers(dir.join("cpulist"))?;
        own.retain(|cpu| cpus.as_ref().is_none_or(|cpus| cpus.contains(cpu)));
        let (total, free) =
            sysfs::parse(dir.join("meminfo"), "MemTotal and MemFree in kB", |text| {
                Some((bytes(text, "MemTotal:")?, bytes(text, "MemFree:")?))
            })?;
        let distances = sysfs::parse(dir.join("distance"), "a distance for each node", |text| {
            distances(text, online)
        })?;
        let access = Access::read(dir)?;
        Ok(Self { id: NodeId::new(id), cpus: own, distances, total, free, access })
    }
}

/// The bytes of a line such as `Node 0 MemFree: 16503180 kB`.
fn bytes(text: &str, what: &str) -> Option<usize> {
    let figure = text.lines().find_map(|line| line.split_once(what))?.1;
    figure.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

/// The kernel writes one distance for each node that is switched on.
fn distances(text: &str, online: &[u32]) -> Option<Vec<(NodeId, u32)>> {
    let found: Option<Vec<u32>> = text.split_whitespace().map(|it| it.parse().ok()).collect();
    let found = found.filter(|found| found.len() == online.len())?;
    Some(online.iter().copied().map(NodeId::new).zip(found).collect())
}
