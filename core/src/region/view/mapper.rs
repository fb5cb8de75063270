//! Pages in an order of one's own, without a copy.

use core::fmt::Debug;
use core::ptr::NonNull;

use crate::region::{Region, Run};

/// Lets pages of a region follow one another in the processor's address space, wherever they
/// are: what page tables can do.
///
/// It keeps what it has mapped, so that the next time only what has moved costs something.
///
/// # Safety
///
/// The bytes from [`map`](Self::map)'s address on are those of the pages, all of them, until
/// it is called again or dropped.
pub unsafe trait Mapper: Debug {
    /// The address where the pages of `run`, which are pinned, follow one another; `None` if
    /// that cannot be had, or, if it `must_pay`, would cost more than copies.
    fn map(&mut self, region: &dyn Region, run: Run, must_pay: bool) -> Option<NonNull<u8>>;
}

/// Maps nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unmapped;

// SAFETY: there is never an address.
unsafe impl Mapper for Unmapped {
    fn map(&mut self, _region: &dyn Region, _run: Run, _must_pay: bool) -> Option<NonNull<u8>> {
        None
    }
}
