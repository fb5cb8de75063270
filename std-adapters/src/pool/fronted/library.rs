//! What a library's heap does for its pool.

use core::ptr::NonNull;

use crate::pool::feed::Feed;
use crate::pool::lane_sizes::LaneSizes;

/// A library's heap over a [`Feed`].
///
/// # Safety
///
/// - Blocks are valid and nobody else's until they are freed, and as large and as aligned as
///   asked for.
/// - Those that begin in one page have one size.
pub(in crate::pool) unsafe trait Library: Send + Sync {
    /// The sizes of its slabs' blocks, and those above of which threads keep some.
    const SIZES: &'static LaneSizes;

    /// Whether it can make blocks longer and shorter. If it cannot, [`resize`](Self::resize)
    /// is never called.
    const RESIZES: bool = true;

    /// What its memory comes from.
    fn feed(&self) -> &Feed;

    /// A block of `size` bytes or more, at least one, at a multiple of `align`.
    fn allocate(&self, size: usize, align: usize) -> Option<NonNull<u8>>;

    /// As [`allocate`](Self::allocate), with `size` bytes of zero.
    fn allocate_zeroed(&self, size: usize, align: usize) -> Option<NonNull<u8>>;

    /// Frees a block; whether it could.
    ///
    /// # Safety
    ///
    /// It is a live one, and nobody uses it any more.
    unsafe fn free(&self, block: NonNull<u8>) -> bool;

    /// Makes a block `size` bytes long, at least one.
    ///
    /// # Safety
    ///
    /// It is a live one. If this succeeds, nobody uses the old address.
    unsafe fn resize(&self, block: NonNull<u8>, size: usize) -> Option<NonNull<u8>>;

    /// Bytes of a block that may be used; 0 where it can be seen that none starts there.
    ///
    /// # Safety
    ///
    /// It is a live one.
    unsafe fn size_of(&self, block: NonNull<u8>) -> usize;

    /// Gives back spans that nothing is in, as far as it can.
    fn trim(&self);
}
