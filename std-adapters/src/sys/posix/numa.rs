//! Memory policies, as system calls.

use core::ffi::{c_int, c_long, c_ulong, c_void};
use core::ptr::{self, NonNull};

use crate::sys::{errno, page_size};

/// One more than the highest number of a node that any kernel has.
pub(crate) const MOST_NODES: u32 = 1024;

const BITS: usize = c_ulong::BITS as usize;
const WORDS: usize = MOST_NODES as usize / BITS;

/// The kernel looks at one bit less than it is told there are.
const BITS_TOLD: usize = MOST_NODES as usize + 1;

/// A set of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NodeMask([c_ulong; WORDS]);

impl NodeMask {
    /// Adds a node; numbers that no node has are left out.
    pub(crate) fn insert(&mut self, node: u32) {
        if let Some(word) = self.0.get_mut(node as usize / BITS) {
            *word |= 1 << (node as usize % BITS);
        }
    }

    pub(crate) fn contains(&self, node: u32) -> bool {
        self.0.get(node as usize / BITS).is_some_and(|word| word >> (node as usize % BITS) & 1 == 1)
    }

    /// The nodes, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..MOST_NODES).filter(|&node| self.contains(node))
    }
}

/// Gives pages a policy, and moves those of them that are elsewhere and that this process
/// alone has mapped.
///
/// This changes where bytes are and nothing else, so it is safe for any range.
pub(crate) fn bind(
    start: NonNull<u8>,
    len: usize,
    mode: c_int,
    nodes: &NodeMask,
) -> Result<(), i32> {
    const MOVE: c_int = 2;
    let (start, nodes) = (start.as_ptr().cast::<c_void>(), nodes.0.as_ptr());
    // SAFETY: the mask has as many bits as are told; no contents change.
    let result =
        unsafe { libc::syscall(libc::SYS_mbind, start, len, mode, nodes, BITS_TOLD, MOVE) };
    done(result)
}

/// Writes an odd number for each page from `start` on that is there.
pub(crate) fn present(start: NonNull<u8>, pages: &mut [u8]) -> Result<(), i32> {
    let (start, len) = (start.as_ptr().cast(), pages.len() * page_size());
    // SAFETY: there is a byte to write to for each page.
    done(unsafe { libc::mincore(start, len, pages.as_mut_ptr()) }.into())
}

/// Maps pages as if they were read.
pub(crate) fn map_pages(start: NonNull<u8>, len: usize) -> Result<(), i32> {
    // SAFETY: no contents change.
    done(unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_POPULATE_READ) }.into())
}

/// The policy of the page that `at` is in: its mode and its nodes.
pub(crate) fn policy_of(at: NonNull<u8>) -> Result<(c_int, NodeMask), i32> {
    const BY_ADDRESS: c_int = 2;
    get_policy(at.as_ptr().cast(), BY_ADDRESS)
}

/// The nodes that this process may have memory of.
pub(crate) fn allowed() -> Result<NodeMask, i32> {
    const ALLOWED: c_int = 4;
    get_policy(ptr::null(), ALLOWED).map(|(_, nodes)| nodes)
}

fn get_policy(at: *const c_void, what: c_int) -> Result<(c_int, NodeMask), i32> {
    let (mut mode, mut nodes) = (0, NodeMask::default());
    let (to, mask) = (&raw mut mode, nodes.0.as_mut_ptr());
    // SAFETY: both places are writable, the mask for as many bits as are told.
    let result = unsafe { libc::syscall(libc::SYS_get_mempolicy, to, mask, BITS_TOLD, at, what) };
    done(result).map(|()| (mode, nodes))
}

/// Writes the node of each page to `found`, or a negative number where there is no page.
pub(crate) fn find_pages(pages: &[*const c_void], found: &mut [c_int]) -> Result<(), i32> {
    page_nodes(pages, ptr::null(), found)
}

/// Moves each page that this process alone has mapped to its node, and writes where it is
/// then to `found`, or a negative number.
pub(crate) fn move_pages(
    pages: &[*const c_void],
    nodes: &[c_int],
    found: &mut [c_int],
) -> Result<(), i32> {
    page_nodes(&pages[..pages.len().min(nodes.len())], nodes.as_ptr(), found)
}

/// The nodes are none, or as many as pages.
fn page_nodes(
    pages: &[*const c_void],
    nodes: *const c_int,
    found: &mut [c_int],
) -> Result<(), i32> {
    const MOVE: c_int = 2;
    let count = pages.len().min(found.len());
    let (pages, found) = (pages.as_ptr(), found.as_mut_ptr());
    // SAFETY: all arrays that there are have that many places; no contents change.
    done(unsafe { libc::syscall(libc::SYS_move_pages, 0, count, pages, nodes, found, MOVE) })
}

/// The node of the CPU that the calling thread runs on now.
pub(crate) fn here() -> u32 {
    let mut node = 0_u32;
    let unused = ptr::null_mut::<c_void>();
    // SAFETY: the place is writable. The call cannot fail otherwise; 0 is left then.
    unsafe { libc::syscall(libc::SYS_getcpu, unused, &raw mut node, unused) };
    node
}

fn done(result: c_long) -> Result<(), i32> {
    if result < 0 { Err(errno()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_the_nodes_that_were_put_in() {
        let mut mask = NodeMask::default();
        let nodes = [0, 63, 64, MOST_NODES - 1];
        nodes.into_iter().for_each(|node| mask.insert(node));
        mask.insert(MOST_NODES);
        assert!(mask.iter().eq(nodes));
        assert!(!mask.contains(MOST_NODES));
    }
}
