//! Pages that are mapped to reserved addresses on demand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anymem::provider::{FreeRanges, Span, Strategy};

use crate::driver::PhysicalId;
use crate::known::{self, What};
use crate::offers::{self, Pages};
use crate::{Device, GpuError};

/// One range of reserved addresses, where pages are mapped a chunk at a time.
///
/// # Invariants
///
/// - Each address of the range is in a hole, or in one piece, or in a span that is just being
///   mapped or unmapped by who took it out of either.
/// - A piece is pages that were made and mapped by one call each, a chunk of them at most.
#[derive(Debug)]
pub(super) struct Mapped {
    base: usize,
    bytes: usize,
    page: usize,
    chunk: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where nothing is mapped.
    holes: FreeRanges,
    /// By their addresses.
    pieces: BTreeMap<usize, Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    len: usize,
    pages: PhysicalId,
}

impl Mapped {
    /// Reserves addresses, half as many while the driver refuses; `None` if it has none.
    pub(super) fn new(
        device: &Device,
        page: usize,
        chunk: usize,
        addresses: usize,
    ) -> Option<Self> {
        if !page.is_power_of_two() {
            return None;
        }
        let chunk = chunk.max(page).checked_next_power_of_two()?;
        let mut bytes = addresses.max(chunk).checked_next_multiple_of(chunk)?;
        loop {
            if let Ok(base) = device.driver().reserve(device.number(), bytes) {
                return Some(Self::at(base as usize, bytes, page, chunk));
            }
            if bytes == chunk {
                return None;
            }
            bytes = (bytes / 2).next_multiple_of(chunk);
        }
    }

    fn at(base: usize, bytes: usize, page: usize, chunk: usize) -> Self {
        let mut holes = FreeRanges::new(page, Strategy::default());
        holes.put(base, bytes, |_| false);
        let state = Mutex::new(State { holes, pieces: BTreeMap::new() });
        Self { base, bytes, page, chunk, state }
    }

    /// Bytes that are mapped at a time.
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// What all spans are multiples of.
    pub(super) fn page(&self) -> usize {
        self.page
    }

    /// Whether the span is in the range.
    pub(super) fn has(&self, span: Span) -> bool {
        self.has_address(span.addr() as u64)
    }

    /// Whether the address is in the range.
    pub(super) fn has_address(&self, at: u64) -> bool {
        (at as usize).wrapping_sub(self.base) < self.bytes
    }

    /// Whether a piece begins there, so that what is before can be given back without it.
    pub(super) fn begins(&self, at: usize) -> bool {
        self.lock().pieces.contains_key(&at)
    }

    /// The pages that the bytes are in; `None` if not all of them are in some.
    pub(super) fn pages_of(&self, at: usize, len: usize) -> Option<Pages> {
        let (state, end) = (self.lock(), at.checked_add(len.max(1))?);
        let (start, _) = state.pieces.range(..=at).next_back()?;
        let (mut next, mut pieces) = (*start, Vec::new());
        for (at, piece) in state.pieces.range(start..).take_while(|(at, _)| **at < end) {
            (*at == next).then_some(())?;
            next += piece.len;
            pieces.push((piece.pages, piece.len));
        }
        (next >= end).then_some(Pages { start: *start as u64, pieces })
    }

    /// Maps `len` bytes, a multiple of the page, at a multiple of `align`.
    pub(super) fn allocate(
        &self,
        device: &Device,
        len: usize,
        align: usize,
    ) -> Result<u64, GpuError> {
        let no_addresses = GpuError::Unsupported { device: device.number(), what: "addresses" };
        let start = self.lock().holes.take(len, align).ok_or(no_addresses)?;
        let mut done = 0;
        while done < len {
            let piece = (len - done).min(self.chunk);
            match map_new(device, start + done, piece) {
                Ok(pages) => {
                    let at = (start + done) as u64;
                    known::note(device, What::Pages(self.page), at, piece);
                    self.lock().pieces.insert(start + done, Piece { len: piece, pages });
                    done += piece;
                }
                Err(error) => {
                    self.take_back(device, start, done);
                    self.lock().holes.put(start + done, len - done, |_| false);
                    return Err(error);
                }
            }
        }
        Ok(start as u64)
    }

    /// Unmaps a span of whole pieces; `None` if it is not such.
    ///
    /// # Safety
    ///
    /// Nobody uses it.
    pub(super) unsafe fn free(&self, device: &Device, span: Span) -> Option<Result<(), GpuError>> {
        let pieces = self.take_pieces(span.addr(), span.len)?;
        // SAFETY: passed on from the caller; the pieces were taken out, so they are ours alone.
        Some(unsafe { self.unmap(device, pieces) })
    }

    /// Unmaps what was just mapped of a span that could not be mapped whole.
    fn take_back(&self, device: &Device, start: usize, len: usize) {
        if let Some(pieces) = self.take_pieces(start, len) {
            // SAFETY: nobody has heard of them. A piece that cannot be unmapped stays mapped,
            // and its addresses with it.
            let _ = unsafe { self.unmap(device, pieces) };
        }
    }

    /// Takes the pieces out that make up a span; `None` if they do not, exactly.
    fn take_pieces(&self, start: usize, len: usize) -> Option<Vec<(usize, Piece)>> {
        let mut state = self.lock();
        let end = start.checked_add(len)?;
        let pieces = state.pieces.range(start..end).map(|(at, piece)| (*at, *piece));
        let pieces: Vec<_> = pieces.collect();
        let mut next = start;
        for (at, piece) in &pieces {
            next = (*at == next).then_some(at + piece.len)?;
        }
        (next == end).then_some(())?;
        for (at, _) in &pieces {
            state.pieces.remove(at);
        }
        Some(pieces)
    }

    /// # Safety
    ///
    /// Nobody uses the pieces, which were taken out.
    unsafe fn unmap(&self, device: &Device, pieces: Vec<(usize, Piece)>) -> Result<(), GpuError> {
        let mut result = Ok(());
        for (at, piece) in pieces {
            // SAFETY: passed on from the caller.
            match unsafe { unmap_one(device, at, piece) } {
                Ok(()) => self.lock().holes.put(at, piece.len, |_| false),
                Err(error) => {
                    self.lock().pieces.insert(at, piece);
                    result = Err(error);
                }
            }
        }
        result
    }

    /// Gives the addresses back, if nothing is mapped there.
    pub(super) fn release(&mut self, device: &Device) {
        if self.lock().pieces.is_empty() {
            let (driver, number) = (device.driver(), device.number());
            // SAFETY: reserved by `new`, nothing is mapped, and the provider goes. Where that
            // fails the addresses are lost, and no memory with them.
            let _ = unsafe { driver.release(number, self.base as u64, self.bytes) };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes pages and maps them to reserved addresses.
fn map_new(device: &Device, at: usize, len: usize) -> Result<PhysicalId, GpuError> {
    let pages = device.hold(len, |driver, number| driver.create_physical(number, len))?;
    let (driver, number) = (device.driver(), device.number());
    // SAFETY: the addresses were a hole, which was taken for this.
    let mapped = unsafe { driver.map(number, at as u64, len, pages) };
    if mapped.is_err() {
        // SAFETY: made above, and mapped nowhere. If it fails they are lost; it is counted.
        if unsafe { driver.destroy_physical(number, pages) }.is_ok() {
            device.let_go(len);
        }
    }
    mapped.map(|()| pages)
}

/// # Safety
///
/// Mapped there by [`map_new`], and nobody uses it.
unsafe fn unmap_one(device: &Device, at: usize, piece: Piece) -> Result<(), GpuError> {
    let (driver, number) = (device.driver(), device.number());
    // Other processes that have pages open keep them by that.
    offers::end_pages(device, at as u64, piece.len);
    let known = known::forget(at as u64);
    // SAFETY: passed on from the caller.
    let unmapped = unsafe { driver.unmap(number, at as u64, piece.len) };
    unmapped.inspect_err(|_| known::recall(known))?;
    // SAFETY: they are mapped no more, and were named by the piece alone. If it fails they are
    // lost; it is counted.
    if unsafe { driver.destroy_physical(number, piece.pages) }.is_ok() {
        device.let_go(piece.len);
    }
    Ok(())
}
