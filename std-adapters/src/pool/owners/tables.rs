//! The memory of an owner map: tables and records that stay where they are.
//!
//! # Invariants
//!
//! - `root` points to [`ROOT`] + [`CHUNKS`] words that live as long as the value.
//! - An offset that [`table`](Tables::table) gave is the address of so many words of a
//!   chunk, which goes when the value does. So is what stands in the words behind the
//!   root's: where each [`CHUNK`] records are.
//! - Nobody else makes offsets: [`PageMap`](super::Map) and `Regions` only add what stays
//!   inside a table or a record.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};

use anymem_core::offset::Offset;
use anymem_core::sync::Arena;
use anymem_core::sync::owners::{Entry, RECORD, Tables};

use crate::pool::lock::Lock;
use crate::sys::map::Mapping;

/// Bytes of a page, as the map counts them: the smallest that any system has.
pub(super) const PAGE: usize = 1 << PAGE_SHIFT;
pub(super) const PAGE_SHIFT: u32 = 12;

/// Bits of an address that count; the others are all like the highest of these.
pub(super) const ADDRESS_BITS: u32 = if usize::BITS == 64 { 48 } else { 32 };

pub(super) const LOW: u32 = 9;
pub(super) const MIDDLE: u32 = if usize::BITS == 64 { 12 } else { 9 };
pub(super) const TOP: u32 = ADDRESS_BITS - PAGE_SHIFT - MIDDLE - LOW;

const ROOT: usize = 1 << TOP;

/// Records that are made at a time.
const CHUNK: usize = 8192;

/// How often that can be.
const CHUNKS: usize = {
    let all = Entry::REGIONS / CHUNK + 1;
    if all < 8192 { all } else { 8192 }
};

/// How many regions there can be.
pub(super) const MOST_REGIONS: usize = CHUNKS * CHUNK;

const WORD: usize = size_of::<usize>();

/// Bytes that are mapped at a time.
const STEP: usize = 512 << 10;

static GLOBAL: [AtomicUsize; ROOT + CHUNKS] = [const { AtomicUsize::new(0) }; ROOT + CHUNKS];

/// The tables and records of a map.
pub(super) struct MappedTables {
    root: NonNull<AtomicUsize>,
    supply: Lock<Supply>,
}

/// What was mapped, and what is left of the last piece.
struct Supply {
    next: usize,
    left: usize,
    mapped: Vec<Mapping>,
}

// SAFETY: everything that is pointed to is atomic and stays as long as the value (module
// invariant).
unsafe impl Send for MappedTables {}
// SAFETY: as for `Send`.
unsafe impl Sync for MappedTables {}

impl MappedTables {
    /// The tables of the process.
    ///
    /// Only one such value may ever be made.
    pub(super) const fn global() -> Self {
        let root = (&raw const GLOBAL).cast_mut().cast();
        // SAFETY: no static is at address 0.
        let root = unsafe { NonNull::new_unchecked(root) };
        Self { root, supply: Lock::new(Supply::new()) }
    }

    /// Tables for one pool alone; `None` if there is no memory.
    pub(super) fn private() -> Option<Self> {
        let mut supply = Supply::new();
        let root = supply.take((ROOT + CHUNKS) * WORD)?;
        Some(Self { root: root.cast(), supply: Lock::new(supply) })
    }

    /// Sees to it that the region with this number has a record; whether it has one.
    pub(super) fn make_record(&self, region: usize) -> bool {
        if region >= MOST_REGIONS {
            return false;
        }
        let chunk = self.chunk(region);
        if chunk.load(Ordering::Relaxed) == 0 {
            let Some(made) = self.table(CHUNK * RECORD) else { return false };
            // Release: pairs with the Acquire in `record`.
            chunk.store(made.get(), Ordering::Release);
        }
        true
    }

    fn chunk(&self, region: usize) -> &AtomicUsize {
        let index = (region / CHUNK).min(CHUNKS - 1);
        // SAFETY: there are so many words behind the root's (module invariant).
        unsafe { self.root.add(ROOT + index).as_ref() }
    }
}

impl Supply {
    const fn new() -> Self {
        Self { next: 0, left: 0, mapped: Vec::new() }
    }

    fn take(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        if self.left < bytes {
            self.mapped.try_reserve(1).ok()?;
            let piece = Mapping::anonymous(bytes.max(STEP)).ok()?;
            self.next = piece.base().as_ptr().expose_provenance();
            self.left = bytes.max(STEP);
            self.mapped.push(piece);
        }
        let taken = ptr::with_exposed_provenance_mut(self.next);
        self.next += bytes;
        self.left -= bytes;
        NonNull::new(taken)
    }
}

impl Arena for MappedTables {
    type A = anymem_core::sync::Native;

    #[inline(always)]
    fn word(&self, at: Offset) -> &AtomicUsize {
        let word = ptr::with_exposed_provenance::<AtomicUsize>(at.get());
        // SAFETY: the offset is the address of a word of a piece that is mapped for as
        // long as the value lives (module invariant).
        unsafe { &*word }
    }
}

impl Tables for MappedTables {
    #[inline(always)]
    fn root(&self, index: usize) -> &AtomicUsize {
        // SAFETY: there are `ROOT` words (module invariant), and the index is below.
        unsafe { self.root.add(index).as_ref() }
    }

    fn table(&self, words: usize) -> Option<Offset> {
        let taken = self.supply.lock().take(words * WORD)?;
        Some(Offset::new(taken.addr().get()))
    }

    #[inline]
    fn record(&self, region: usize) -> Offset {
        // Acquire: pairs with the Release in `make_record`.
        let chunk = self.chunk(region).load(Ordering::Acquire);
        Offset::new(chunk).add(region % CHUNK * RECORD * WORD)
    }
}
