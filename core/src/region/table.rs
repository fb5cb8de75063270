//! What a region knows of its pages, in one block of a memory that the processor can use.
//!
//! # Layout
//!
//! | array | entries | bytes each |
//! |---|---|---|
//! | groups | one for 64 pages | 52 |
//! | stamps | one a page | 8 |
//! | addresses | one a chunk of pages | those of the memory's address |
//! | words of [`PageGroup`] | one a page | 4 |
//! | counts of pages | one a chunk, unless each page is one | 4 |

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use super::atomic_bits::AtomicBits;
use super::rows::{Blank, Reserved, Row, block_of};
use super::{AtomicStamp, Memo};
use crate::memory::{Block, HostAddressable, MemoryError};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{PageGroup, SpinLock};

/// What is known of 64 pages. All zero bytes are pages that are not there.
#[repr(C)]
pub(super) struct Group {
    lock: AtomicU32,
    changes: AtomicU32,
    pub(super) memo: Memo,
    pub(super) allocated: AtomicBits,
    pub(super) valid: AtomicBits,
    pub(super) dirty: AtomicBits,
}

// SAFETY: all of it is atomic integers.
unsafe impl Blank for Group {}
// SAFETY: it is an atomic integer, or two.
unsafe impl Blank for AtomicStamp {}
// SAFETY: it is atomic integers.
unsafe impl Blank for AtomicBits {}

impl Group {
    #[inline]
    pub(super) fn changes(&self) -> u32 {
        // Acquire: pairs with the Release in `changed`; bits and stamps are at least as new.
        self.changes.load(Ordering::Acquire)
    }

    /// Says that bits or stamps have changed.
    #[inline]
    pub(super) fn changed(&self) {
        // Release: pairs with the Acquire in `changes`.
        self.changes.fetch_add(1, Ordering::Release);
    }
}

/// Where a chunk of pages is, if there is memory for any of them.
pub(super) type Home<A> = UnsafeCell<MaybeUninit<A>>;

/// The arrays. All of their entries begin as zero bytes.
pub(super) struct Table<A, H: HostAddressable> {
    groups: Row<Group>,
    stamps: Row<AtomicStamp>,
    homes: Row<Home<A>>,
    words: Row<AtomicU32>,
    counts: Row<AtomicU32>,
    block: Block<H>,
}

// SAFETY: it owns the block; all in it is atomic but the homes, whose users order accesses
// themselves, and addresses may be used from any thread.
unsafe impl<A: Send, H: HostAddressable> Send for Table<A, H> {}
// SAFETY: as for `Send`.
unsafe impl<A: Send + Sync, H: HostAddressable> Sync for Table<A, H> {}

impl<A: Copy, H: HostAddressable> Table<A, H> {
    /// A table of that many pages and chunks, in `memory`.
    pub(super) fn new(pages: usize, chunks: usize, memory: H) -> Result<Self, MemoryError> {
        let mut layout = Layout::new::<()>();
        let counts = if chunks == pages { 0 } else { chunks };
        let groups = Reserved::new(&mut layout, pages.div_ceil(64))?;
        let stamps = Reserved::new(&mut layout, pages)?;
        let homes = Reserved::new(&mut layout, chunks)?;
        let words = Reserved::new(&mut layout, pages)?;
        let counts = Reserved::new(&mut layout, counts)?;
        let (block, base) = block_of(layout, memory)?;
        // SAFETY: that block has just been made, of the rows' layout, and is freed with them.
        Ok(unsafe {
            Self {
                groups: groups.at(base),
                stamps: stamps.at(base),
                homes: homes.at(base),
                words: words.at(base),
                counts: counts.at(base),
                block,
            }
        })
    }

    pub(super) fn memory(&self) -> &H {
        self.block.memory()
    }

    #[inline]
    pub(super) fn groups(&self) -> &[Group] {
        self.groups.entries()
    }

    /// The protocol of a group's pages.
    #[inline]
    pub(super) fn pages(&self, group: usize, pause: fn()) -> Option<PageGroup<'_>> {
        let lock = SpinLock::new(&self.groups().get(group)?.lock, pause);
        Some(PageGroup::new(lock, of_group(self.words.entries(), group)))
    }

    /// The stamps of a group's pages.
    #[inline]
    pub(super) fn stamps(&self, group: usize) -> &[AtomicStamp] {
        of_group(self.stamps.entries(), group)
    }

    #[inline]
    pub(super) fn homes(&self) -> &[Home<A>] {
        self.homes.entries()
    }

    #[inline]
    pub(super) fn counts(&self) -> &[AtomicU32] {
        self.counts.entries()
    }
}

#[inline]
fn of_group<T>(entries: &[T], group: usize) -> &[T] {
    let first = (group * 64).min(entries.len());
    &entries[first..entries.len().min(first + 64)]
}
