//! Which pages go to which memory.

use core::ffi::c_int;
use core::{fmt, iter};

use super::pieces::{pieces, split};
use super::{MemSpace, NodeId, NodeList, NumaError, present};
use crate::provider::Span;
use crate::size::Size;
use crate::sys::numa as sys;
use crate::sys::page_size;

/// Which pages of a span go to which memory of a [`MemSpace`].
///
/// (Unified Memory Framework: mempolicy.)
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemPolicy {
    /// All pages to memory of the space and to no other, the nearest that has some.
    Bind,
    /// All pages to the first memory of the space, and elsewhere only when it is full.
    Preferred,
    /// Each page to the node whose CPU writes to it first, whatever the space has.
    Local,
    /// The pages to all memories of the space in turn.
    Interleave {
        /// How many bytes go to one memory before it is the next one's turn: a multiple of
        /// the page size, or 0 for one page. Longer parts begin with the first memory of
        /// the space; where single pages begin is up to the system, which needs less for
        /// them than for many parts.
        part: usize,
    },
    /// One piece of the span to each of these nodes, in this order, as large a part of it
    /// as its weight is of all weights, to within one page.
    Split(Vec<(NodeId, u32)>),
}

impl MemPolicy {
    /// Gives the pages of `span`, each of `page` bytes, this policy, and moves those that
    /// are elsewhere. Bytes stay what they are; memory that is shared has the policy for all
    /// who share it.
    ///
    /// On an error some pages may have the policy and others not.
    ///
    /// # Errors
    ///
    /// - [`NumaError::EmptySpace`], [`NumaError::NotInSpace`] and
    ///   [`NumaError::BadSetting`] if the policy makes no sense for this space and page size,
    ///   and if `span` does not consist of pages;
    /// - [`NumaError::NotAllowed`] if the process may not use some node of the space;
    /// - [`NumaError::PagesStay`] if pages are elsewhere and cannot be moved;
    /// - [`NumaError::System`] if the system refuses.
    pub fn apply(&self, space: &MemSpace, span: Span, page: usize) -> Result<(), NumaError> {
        self.check(space, page)?;
        check_span(span, page)?;
        let nodes = space.nodes();
        check_allowed(&nodes)?;
        present::map(span)?;
        match self {
            Self::Bind => bind(span, &nodes),
            Self::Preferred => advise(span, libc::MPOL_PREFERRED, &space.first(1).nodes()),
            Self::Local => advise(span, libc::MPOL_LOCAL, &NodeList::default()),
            Self::Interleave { part } if *part <= page => {
                advise(span, libc::MPOL_INTERLEAVE, &nodes)?;
                present::deal(span, page, &nodes)
            }
            Self::Interleave { part } => {
                let turns = space.iter().map(|target| target.id()).cycle();
                pieces(span, *part).zip(turns).try_for_each(|(piece, node)| bind_to(piece, node))
            }
            Self::Split(weights) => split(span, page, weights)
                .into_iter()
                .try_for_each(|(piece, node)| bind_to(piece, node)),
        }
    }

    /// Whether the policy makes sense for this memory and pages of `page` bytes.
    pub(super) fn check(&self, space: &MemSpace, page: usize) -> Result<(), NumaError> {
        if space.is_empty() && *self != Self::Local {
            return Err(NumaError::EmptySpace);
        }
        if !page.is_power_of_two() || page < page_size() {
            let why = format!("use a power of two, {} or more", page_size());
            return Err(bad("the page size", page.to_string(), why));
        }
        match self {
            Self::Interleave { part } if !part.is_multiple_of(page) => {
                let why = format!("use a multiple of the page size, {page}");
                Err(bad("the part of an interleaving", part.to_string(), why))
            }
            Self::Split(weights) => check_weights(weights, space),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for MemPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind => f.write_str("bind"),
            Self::Preferred => f.write_str("preferred"),
            Self::Local => f.write_str("local"),
            Self::Interleave { part: 0 } => f.write_str("interleave"),
            Self::Interleave { part } => write!(f, "interleave by {}", Size::bytes(*part)),
            Self::Split(weights) => {
                f.write_str("split")?;
                weights.iter().try_for_each(|(node, weight)| write!(f, " {node}:{weight}"))
            }
        }
    }
}

fn check_weights(weights: &[(NodeId, u32)], space: &MemSpace) -> Result<(), NumaError> {
    if weights.iter().all(|&(_, weight)| weight == 0) {
        let why = "give at least one node a weight above 0".to_owned();
        return Err(bad("the weights of a split", format!("{weights:?}"), why));
    }
    let mut nodes = weights.iter().map(|&(node, _)| node);
    match nodes.find(|&node| space.get(node).is_none()) {
        Some(node) => Err(NumaError::NotInSpace { node, have: space.nodes() }),
        None => Ok(()),
    }
}

pub(super) fn check_span(span: Span, page: usize) -> Result<(), NumaError> {
    if span.addr().is_multiple_of(page) && span.len.is_multiple_of(page) {
        return Ok(());
    }
    let value = format!("{} bytes at {:#x}", span.len, span.addr());
    Err(bad("the span", value, format!("use whole pages of {page} bytes")))
}

/// The system leaves out nodes that a process may not use without a word.
fn check_allowed(nodes: &NodeList) -> Result<(), NumaError> {
    let failed = |code| system("get_mempolicy", "the nodes of this process".to_owned(), code);
    let allowed = sys::allowed().map_err(failed)?;
    match nodes.iter().find(|node| !allowed.contains(node.get())) {
        Some(node) => Err(NumaError::NotAllowed { node, have: allowed.into() }),
        None => Ok(()),
    }
}

fn bind_to(span: Span, node: NodeId) -> Result<(), NumaError> {
    bind(span, &iter::once(node).collect())
}

/// Lets the pages of a span be on these nodes and no others.
fn bind(span: Span, nodes: &NodeList) -> Result<(), NumaError> {
    advise(span, libc::MPOL_BIND, nodes)?;
    present::check(span, nodes)
}

/// Lets the pages of a span be on these nodes, as far as that can be.
fn advise(span: Span, mode: c_int, nodes: &NodeList) -> Result<(), NumaError> {
    sys::bind(span.start, span.len, mode, &nodes.mask())
        .map_err(|code| system("mbind", format!("{} bytes at {:#x}", span.len, span.addr()), code))
}

pub(super) fn system(call: &'static str, what: String, code: i32) -> NumaError {
    NumaError::System { call, what, code }
}

fn bad(setting: &'static str, value: String, why: String) -> NumaError {
    NumaError::BadSetting { setting, value, why }
}
