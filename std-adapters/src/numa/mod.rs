//! Memory by the node that it is on.
//!
//! Machines of several processors have memory that is nearer to some CPUs than to others;
//! some have memory that is slower or faster altogether. The system calls each such part a
//! NUMA node.
//!
//! | type | what it is |
//! |---|---|
//! | [`Topology`] | the nodes of this machine: CPUs, memory, distances, how fast (HMAT) |
//! | [`MemTarget`] | one memory that can be chosen |
//! | [`MemSpace`] | memories to choose from: all, the largest, the fastest, some nodes |
//! | [`MemPolicy`] | which pages go where: bound, preferred, local, in turn, by fractions |
//! | [`Bound`] | a provider whose spans have a policy |
//! | [`NodeHeaps`] | a heap on each node, and the nearest of them |
//! | [`nodes_of`], [`policy_at`] | where pages are, and where they will be |
//!
//! All of it is asked of sysfs and of the kernel itself; no library is needed. Errors are
//! strict: nothing is said to be bound that is elsewhere, and a node that is missing, or
//! that this process may not use, is named.
//!
//! Any provider can be wrapped by [`MemSpace::provider`]. Pages of the system can also be
//! given their policy before there are any, so that none has to be moved:
//!
//! ```
//! use anymem::numa::{MemPolicy, MemSpace, Topology};
//! use anymem::provider::{OsOptions, Provider, Visibility};
//! let space = MemSpace::host_all(&Topology::of_machine()?);
//! let policy = MemPolicy::Interleave { part: 64 << 10 };
//! let provider = OsOptions::new()
//!     .visibility(Visibility::Shared)
//!     .bind(move |span| Ok(policy.apply(&space, span, 4096)?))
//!     .build()?;
//! let span = provider.allocate(1 << 20, 4096)?;
//! # // SAFETY: it came from there.
//! # unsafe { provider.free(span) }?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod bound;
mod error;
mod heaps;
mod list;
mod node;
mod pieces;
mod place;
mod policy;
mod present;
mod space;
mod sysfs;
mod target;
mod topology;

pub use access::Access;
pub use bound::Bound;
pub use error::NumaError;
pub use heaps::{NodeHeaps, NodeHeapsError};
pub use node::{NodeId, NodeList};
pub use place::{Placement, PlacementMode, current_node, nodes_of, policy_at};
pub use policy::MemPolicy;
pub use space::MemSpace;
pub use target::{MemTarget, TargetKind};
pub use topology::{Node, Topology};
