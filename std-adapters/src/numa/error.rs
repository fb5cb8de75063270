//! What can go wrong with nodes, spaces and policies.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{NodeId, NodeList};
use crate::provider::{ProviderError, Span};

/// Why memory could not be chosen or bound by its node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NumaError {
    /// No memory is on that node.
    #[error("there is no memory on a NUMA node {node}: the nodes that have some are {have}")]
    NoNode {
        /// The node that was asked for.
        node: NodeId,
        /// Those that there are.
        have: NodeList,
    },
    /// The process is kept from using that node.
    #[error(
        "this process may not use NUMA node {node}, but {have}: choose of these, or change its cpuset"
    )]
    NotAllowed {
        /// The node that was asked for.
        node: NodeId,
        /// Those that it may use.
        have: NodeList,
    },
    /// The node is in the memory space already.
    #[error("NUMA node {node} is in the memory space already: remove it first")]
    Twice {
        /// The node.
        node: NodeId,
    },
    /// The memory space does not have the node.
    #[error("NUMA node {node} is not in the memory space, which has {have}: add it, or use these")]
    NotInSpace {
        /// The node.
        node: NodeId,
        /// Those of the space.
        have: NodeList,
    },
    /// The memory space has no node.
    #[error("the memory space is empty: add a target, or filter less")]
    EmptySpace,
    /// The firmware does not say how fast memory is.
    #[error(
        "there is no HMAT in sysfs with a {what} of memory as seen from NUMA node {from}: choose memory by capacity or by node instead"
    )]
    NoHmat {
        /// `latency` or `bandwidth`.
        what: &'static str,
        /// Whose CPUs would have used the memory.
        from: NodeId,
    },
    /// Pages are on other nodes, and the system cannot move them.
    #[error(
        "pages of the {} bytes at {:#x} stay on other nodes than {nodes}: others have them mapped, or these nodes are full",
        span.len, span.addr()
    )]
    PagesStay {
        /// What was to be bound.
        span: Span,
        /// Where to.
        nodes: NodeList,
    },
    /// A setting of a policy makes no sense.
    #[error("{setting} cannot be {value}: {why}")]
    BadSetting {
        /// Which setting.
        setting: &'static str,
        /// What it was to be.
        value: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The system says nothing about nodes.
    #[error("{} cannot be read ({}): use a kernel with NUMA, and mount sysfs",
        path.display(), io::Error::from_raw_os_error(*code))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error number.
        code: i32,
    },
    /// A file of sysfs does not hold what it should.
    #[error("{} holds {found:?} where {wanted} should be: is it sysfs?", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should be there.
        wanted: &'static str,
        /// What is.
        found: String,
    },
    /// The system refused.
    #[error("{call} failed for {what}: {}", io::Error::from_raw_os_error(*code))]
    System {
        /// The call.
        call: &'static str,
        /// What it was called for.
        what: String,
        /// The system's error number.
        code: i32,
    },
}

impl From<NumaError> for ProviderError {
    fn from(error: NumaError) -> Self {
        match error {
            NumaError::System { call, what, code } => Self::System { call, what, code },
            NumaError::BadSetting { setting, value, why } => {
                Self::BadSetting { setting, value, why }
            }
            other => Self::BadSetting {
                setting: "the NUMA policy",
                value: "applied".to_owned(),
                why: other.to_string(),
            },
        }
    }
}
