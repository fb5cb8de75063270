//! What stands before a block, for allocators that are to be told its size.
//!
//! ```text
//! place                       block
//! | padding, for alignment | room | seal | bytes that may be used |
//! |<--------------------- room ---------------------------------->|
//! ```
//!
//! The seal is the padding, mixed with the block's address: elsewhere it makes no sense.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::provider::Span;

/// Bytes of a header, and the least that the blocks behind one are aligned to.
const BYTES: usize = 2 * size_of::<usize>();

/// Mixed into the seal.
const SALT: usize = 0x9e37_79b9_7f4a_7c15_u64 as usize;

/// What stands before a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// Bytes of the place, a multiple of [`BYTES`].
    room: usize,
    /// Bytes before the block, a power of two from [`BYTES`] on.
    padding: usize,
}

impl BlockHeader {
    /// The header of a block of `layout`, and the layout of its place; `None` if it is too
    /// large.
    pub(super) fn plan(layout: Layout) -> Option<(Self, Layout)> {
        let padding = layout.align().max(BYTES);
        // Without a byte of its own, a block could begin where the span ends.
        let room = layout.size().max(1).checked_add(padding)?.checked_next_multiple_of(BYTES)?;
        let place = Layout::from_size_align(room, padding).ok()?;
        Some((Self { room, padding }, place))
    }

    /// Bytes of the block that may be used.
    pub(super) fn usable(self) -> usize {
        self.room - self.padding
    }

    /// Writes the header into a place; the block in it.
    ///
    /// # Safety
    ///
    /// `place` has the layout that was [planned](Self::plan), and nobody uses it.
    pub(super) unsafe fn write(self, place: NonNull<u8>) -> NonNull<u8> {
        // SAFETY: the padding is shorter than the place.
        let block = unsafe { place.add(self.padding) };
        // SAFETY: two words before the block, which are in the place for the padding is
        // at least as long; aligned, for the block is.
        unsafe {
            words(block).write(self.room);
            words(block).add(1).write(seal(block, self.padding));
        }
        block
    }

    /// The header of the block at `block`; `None` where none can be, for what stands there
    /// makes no sense within the span.
    ///
    /// # Safety
    ///
    /// The bytes may be read, by this thread alone or while nobody writes before `block`.
    pub(super) unsafe fn find(block: NonNull<u8>, within: Span) -> Option<Self> {
        let at = block.addr().get().checked_sub(within.addr())?;
        if at < BYTES || at > within.len || !block.addr().get().is_multiple_of(BYTES) {
            return None;
        }
        // SAFETY: the two words before the block are inside, just checked, and aligned.
        let (room, sealed) = unsafe { (words(block).read(), words(block).add(1).read()) };
        let padding = seal(block, sealed);
        let is_padding = padding.is_power_of_two() && (BYTES..=at).contains(&padding);
        let is_room = room >= padding && room.is_multiple_of(BYTES);
        let fits = is_padding && is_room && room <= within.len - (at - padding);
        fits.then_some(Self { room, padding })
    }

    /// Takes the header of a block away; the place it was in, and that one's layout.
    ///
    /// # Safety
    ///
    /// The header was [found](Self::find) before `block`, and nobody uses the block.
    pub(super) unsafe fn remove(self, block: NonNull<u8>) -> (NonNull<u8>, Layout) {
        // SAFETY: the word is the header's; the place begins that much before the block.
        let place = unsafe {
            words(block).add(1).write(0);
            block.sub(self.padding)
        };
        // SAFETY: `find` has bounded the room by the length of a span.
        (place, unsafe { Layout::from_size_align_unchecked(self.room, BYTES) })
    }
}

/// The two words before a block.
fn words(block: NonNull<u8>) -> *mut usize {
    block.as_ptr().wrapping_sub(BYTES).cast()
}

/// Mixes with the block's address, and back.
fn seal(block: NonNull<u8>, padding: usize) -> usize {
    padding ^ block.addr().get() ^ SALT
}
