//! Where pages are.

use core::ptr::NonNull;

use super::policy::{check_span, system};
use super::{NodeId, NodeList, NumaError};
use crate::provider::Span;
use crate::sys::numa as sys;

/// What the system does with a page that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlacementMode {
    /// As the policy of the thread says that writes to it first.
    Default,
    /// It goes to the node, or elsewhere when that is full.
    Preferred,
    /// It goes to one of the nodes, or nowhere.
    Bind,
    /// It goes to one of the nodes, which take turns.
    Interleave,
    /// It goes to the node of the CPU that writes to it first.
    Local,
    /// Something else, by the system's number.
    Other(i32),
}

/// Where a page goes that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// What happens.
    pub mode: PlacementMode,
    /// With which nodes.
    pub nodes: NodeList,
}

/// What happens to the page that the address is in when it is written to first.
///
/// # Errors
///
/// [`NumaError::System`] if nothing is mapped there, or the system does not tell.
pub fn policy_at(at: NonNull<u8>) -> Result<Placement, NumaError> {
    /// The rest of the number are flags.
    const MODE: i32 = 0xff;
    let failed = |code| system("get_mempolicy", format!("address {:#x}", at.addr()), code);
    let (mode, nodes) = sys::policy_of(at).map_err(failed)?;
    let nodes = NodeList::from(nodes);
    let mode = match mode & MODE {
        libc::MPOL_DEFAULT => PlacementMode::Default,
        libc::MPOL_BIND => PlacementMode::Bind,
        libc::MPOL_INTERLEAVE => PlacementMode::Interleave,
        libc::MPOL_LOCAL => PlacementMode::Local,
        // What kernels before 5.14 say.
        libc::MPOL_PREFERRED if nodes.is_empty() => PlacementMode::Local,
        libc::MPOL_PREFERRED => PlacementMode::Preferred,
        other => PlacementMode::Other(other),
    };
    Ok(Placement { mode, nodes })
}

/// The node that each page of `span` is on; `None` for pages that are not there yet. Pages
/// have `page` bytes.
///
/// # Errors
///
/// [`NumaError::BadSetting`] if the span does not consist of such pages;
/// [`NumaError::System`] if the system does not tell.
pub fn nodes_of(span: Span, page: usize) -> Result<Vec<Option<NodeId>>, NumaError> {
    check_span(span, page)?;
    let at = |page| span.start.as_ptr().wrapping_add(page).cast_const().cast();
    let pages: Vec<_> = (0..span.len).step_by(page).map(at).collect();
    let mut found = vec![0; pages.len()];
    let failed =
        |code| system("move_pages", format!("{} bytes at {:#x}", span.len, span.addr()), code);
    sys::find_pages(&pages, &mut found).map_err(failed)?;
    Ok(found.into_iter().map(|node| node.try_into().ok().map(NodeId::new)).collect())
}

/// The node of the CPU that the calling thread runs on, at this moment.
#[must_use]
pub fn current_node() -> NodeId {
    NodeId::new(sys::here())
}
