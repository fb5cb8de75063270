//! Pages that are there before they get a policy.
//!
//! The system moves a page when it gets a policy, but only one that this process has mapped
//! and no other; it leaves the rest where it is and says nothing.

use super::pieces::{pieces, take};
use super::policy::system;
use super::{NodeId, NodeList, NumaError, nodes_of};
use crate::provider::Span;
use crate::sys::{numa as sys, page_size};

/// Maps the pages of shared memory that are there but were not used by this process, so
/// that they can be moved.
pub(super) fn map(span: Span) -> Result<(), NumaError> {
    each_run(span, bring_in)
}

/// Sees to it that all pages are there and mapped.
pub(super) fn bring_in(span: Span) -> Result<(), NumaError> {
    sys::map_pages(span.start, span.len).map_err(|code| failed("madvise", span, code))
}

/// Whether all pages that are there are on these nodes.
pub(super) fn check(span: Span, nodes: &NodeList) -> Result<(), NumaError> {
    let stays = |node: NodeId| !nodes.contains(node);
    each_run(span, |run| match nodes_of(run, page_size())?.into_iter().flatten().any(stays) {
        true => Err(NumaError::PagesStay { span, nodes: nodes.clone() }),
        false => Ok(()),
    })
}

/// Moves the pages that are there to these nodes in turn, as the system deals out new ones.
pub(super) fn deal(span: Span, page: usize, nodes: &NodeList) -> Result<(), NumaError> {
    each_run(span, |run| {
        let first = run.addr().next_multiple_of(page);
        let addresses: Vec<_> = (first..run.end()).step_by(page).collect();
        let turn = |address| nodes.iter().nth(address / page % nodes.len());
        let number = |node: NodeId| node.get().cast_signed();
        let wanted: Vec<_> = addresses.iter().copied().filter_map(turn).map(number).collect();
        let at = |&address| span.start.as_ptr().with_addr(address).cast_const().cast();
        let pages: Vec<_> = addresses.iter().map(at).collect();
        let mut found = wanted.clone();
        sys::move_pages(&pages, &wanted, &mut found)
            .map_err(|code| failed("move_pages", run, code))?;
        // Pages that were only read are all the same one, on no node of their own.
        let stays = |(found, wanted): (&i32, &i32)| found != wanted && *found != -libc::EFAULT;
        match found.iter().zip(&wanted).any(stays) {
            true => Err(NumaError::PagesStay { span, nodes: nodes.clone() }),
            false => Ok(()),
        }
    })
}

/// Calls for each run of pages that are there.
fn each_run(
    span: Span,
    mut call: impl FnMut(Span) -> Result<(), NumaError>,
) -> Result<(), NumaError> {
    let mut present = [0_u8; 4096];
    for part in pieces(span, present.len() * page_size()) {
        let present = &mut present[..part.len / page_size()];
        sys::present(part.start, present).map_err(|code| failed("mincore", part, code))?;
        let mut rest = Some(part);
        for pages in present.chunk_by(|one, next| one & 1 == next & 1) {
            let Some(all) = rest else { break };
            let (run, behind) = take(all, pages.len() * page_size());
            rest = behind;
            if pages[0] & 1 == 1 {
                call(run)?;
            }
        }
    }
    Ok(())
}

fn failed(call: &'static str, span: Span, code: i32) -> NumaError {
    system(call, format!("{} bytes at {:#x}", span.len, span.addr()), code)
}
