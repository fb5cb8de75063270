//! Pages of an arena, mapped a second time in an order of one's own.

use core::ptr::NonNull;
use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::LazyLock;

use anymem_core::memory::HostAddress;
use anymem_core::region::{Mapper, Region, Run, places};

use super::ArenaMemory;
use crate::sys::file_id::FileId;
use crate::sys::map::{self, Contents, HUGE};
use crate::sys::page_size;

/// Pieces of fewer bytes than this are copied as quickly as they are mapped and touched.
const PAYS: usize = 64 << 10;

/// Maps pages of an arena's blocks, so that they follow one another wherever they are.
///
/// It is given to a [`View`](super::View), with which it stays: from one use of the view to
/// the next only what has moved is mapped anew. Left to itself it maps pieces of 64 KiB and
/// more, on average; the view that is told to [go that way](super::View::by) maps smaller ones,
/// which pays if it is kept. It takes no more than half of the mappings that the system lets
/// a process have.
///
/// ```
/// use anymem::memory::HostAddressable;
/// use anymem::region::{
///     Access, ArenaMemory, Blocks, DefaultRegion, Geometry, MappedView, RegionId, Settings, View,
///     Way,
/// };
/// # fn id(number: u32) -> RegionId {
/// #     RegionId::new(core::num::NonZeroU32::new(number).expect("not 0"))
/// # }
/// let arena = ArenaMemory::new()?;
/// let geometry = Geometry::new(1 << 20, 1 << 16).expect("a power of two");
/// let settings = Settings { blocks: Blocks::PerPage, ..Settings::new(id(1), geometry) };
/// let region = DefaultRegion::new(settings, arena.clone(), &arena)?;
/// let _pages = region.anchor(&Access::All)?;
/// let view = View::new(&region, 0..1 << 20, &arena)?;
/// let mut view = view.mapped_by(MappedView::new(&arena)).by(Way::Mapped);
/// view.write()?.fill(7);
/// let bytes = view.read()?;
/// assert_eq!((bytes.way(), bytes[1 << 19]), (Way::Mapped, 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MappedView {
    arena: ArenaMemory,
    space: Option<Space>,
}

impl MappedView {
    /// Maps blocks of this arena; nothing yet.
    #[must_use]
    pub fn new(arena: &ArenaMemory) -> Self {
        Self { arena: arena.clone(), space: None }
    }

    /// What the pages of a run are mappings of; `None` if not all of them are in the arena.
    fn pieces(&self, region: &dyn Region, run: Run) -> Option<Vec<Piece<'_>>> {
        let mut pieces = Vec::<Piece<'_>>::new();
        let mut end = 0_usize;
        for found in places(region, run) {
            let (_, place) = found.ok()?;
            let start = place.memory.host(place.address)?;
            let range = self.arena.file_of(HostAddress::new(start.as_ptr()), place.len)?;
            // The last page of a region may be short, but not that of its block.
            let len = place.len.next_multiple_of(page_size());
            let what = What { file: range.id, offset: usize::try_from(range.offset).ok()?, len };
            if !end.is_multiple_of(page_size()) || !what.offset.is_multiple_of(page_size()) {
                return None;
            }
            match pieces.last_mut() {
                Some(last) if last.what.is_followed_by(what) => last.what.len += len,
                _ => pieces.push(Piece { at: end, what, file: range.file }),
            }
            end += place.len;
        }
        Some(pieces)
    }
}

// SAFETY: each piece of the address space is a shared mapping of the file's part that the
// pages are in, which stays while they are pinned.
unsafe impl Mapper for MappedView {
    fn map(&mut self, region: &dyn Region, run: Run, must_pay: bool) -> Option<NonNull<u8>> {
        let len = region.geometry().bytes_of(run).len().next_multiple_of(page_size());
        let mut space = self.space.take();
        let pieces = self.pieces(region, run)?;
        if pieces.len() > *MOST / 2 || must_pay && len / pieces.len() < PAYS {
            return None;
        }
        if space.as_ref().is_none_or(|space| space.len != len) {
            space = Some(Space::reserve(len)?);
        }
        let space = space?.show(&pieces)?;
        Some(self.space.insert(space).start)
    }
}

/// How many mappings a process may have.
static MOST: LazyLock<usize> = LazyLock::new(|| {
    let said = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    said.and_then(|text| text.trim().parse().ok()).unwrap_or(65_530)
});

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct What {
    file: FileId,
    offset: usize,
    len: usize,
}

impl What {
    fn is_followed_by(self, next: Self) -> bool {
        self.file == next.file && self.offset + self.len == next.offset
    }
}

/// What is to be seen, so far behind the start.
struct Piece<'a> {
    at: usize,
    what: What,
    file: BorrowedFd<'a>,
}

/// Addresses behind which files are mapped.
///
/// # Invariants
///
/// The range is mapped by this value and unmapped by nobody else; at each place in `seen` is
/// the part of the file that is told there.
#[derive(Debug)]
struct Space {
    start: NonNull<u8>,
    len: usize,
    seen: Vec<(usize, What)>,
}

// SAFETY: it is a range of addresses that it alone maps and unmaps.
unsafe impl Send for Space {}
// SAFETY: as for `Send`.
unsafe impl Sync for Space {}

impl Space {
    fn reserve(len: usize) -> Option<Self> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let what = Contents { access: libc::PROT_NONE, flags, file: -1, at: 0 };
        let align = if len >= HUGE { HUGE } else { page_size() };
        let start = map::map(len, align, what).ok()?;
        Some(Self { start, len, seen: Vec::new() })
    }

    /// Maps the pieces, in ascending order of place, but for those that are there.
    fn show(mut self, pieces: &[Piece<'_>]) -> Option<Self> {
        let mut before = std::mem::take(&mut self.seen).into_iter().peekable();
        for piece in pieces {
            while before.next_if(|(at, _)| *at < piece.at).is_some() {}
            if before.peek() != Some(&(piece.at, piece.what)) {
                self = self.put(piece)?;
            }
        }
        self.seen = pieces.iter().map(|piece| (piece.at, piece.what)).collect();
        Some(self)
    }

    fn put(self, piece: &Piece<'_>) -> Option<Self> {
        let What { offset, len, .. } = piece.what;
        let (access, file) = (libc::PROT_READ | libc::PROT_WRITE, piece.file.as_raw_fd());
        let what = Contents { access, flags: libc::MAP_SHARED, file, at: offset };
        // SAFETY: the piece is within the range.
        let place = unsafe { self.start.add(piece.at) };
        // SAFETY: the range is this value's own, and nobody uses the piece.
        if unsafe { map::put(place, len, what) }.is_ok() {
            return Some(self);
        }
        self.give_up(place, len);
        None
    }

    /// Unmaps all but a piece that could not be mapped, behind which may be nothing by now.
    fn give_up(self, place: NonNull<u8>, len: usize) {
        let (start, end) = (self.start, self.len);
        std::mem::forget(self);
        let before = place.addr().get() - start.addr().get();
        // SAFETY: the range was the value's own up to the piece.
        let _ = unsafe { map::unmap(start, before) };
        map::abandon(place, len);
        // SAFETY: the same from its end on.
        let _ = unsafe { map::unmap(place.add(len), end - before - len) };
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own (type invariant).
        let _ = unsafe { map::unmap(self.start, self.len) };
    }
}
