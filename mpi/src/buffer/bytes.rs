//! Bytes of pages that the processor can use.

use std::ops::Range;

use anymem_core::region::{Outcome, Pages, Region, RegionError, Run};

/// Bytes in a row, and the pages that have them.
struct Span {
    bytes: Range<usize>,
    run: Run,
    words: Vec<u64>,
}

impl Span {
    fn new(region: &dyn Region, at: usize, len: usize) -> Result<Self, RegionError> {
        let geometry = region.geometry();
        let beyond = RegionError::Access { at: at.max(geometry.bytes()), bytes: geometry.bytes() };
        let end = at.checked_add(len).filter(|&end| end <= geometry.bytes()).ok_or(beyond)?;
        let (first, last) = (geometry.page_of(at), geometry.page_of(end.saturating_sub(1)) + 1);
        let run = Run { first, len: if len == 0 { 0 } else { last - first } };
        let mut words = vec![0; (first + run.len).div_ceil(64)];
        for page in first..first + run.len {
            words[page / 64] |= 1 << (page % 64);
        }
        Ok(Self { bytes: at..end, run, words })
    }

    fn pages(&self) -> &Pages {
        Pages::new(&self.words)
    }
}

/// Calls `visit` with where the processor finds each piece of pinned bytes, and how far from
/// the first one it is.
fn pieces(
    region: &dyn Region,
    Span { bytes, run, .. }: &Span,
    mut visit: impl FnMut(*mut u8, Range<usize>),
) -> Result<(), RegionError> {
    let (geometry, end) = (region.geometry(), run.first + run.len);
    let mut first = run.first;
    while first < end {
        let place = region.place(Run { first, len: end - first })?;
        let start = place.memory.host(place.address).ok_or(RegionError::Unsupported)?;
        let from = geometry.bytes_of(Run { first, len: 1 }).start;
        let part = bytes.start.max(from)..bytes.end.min(from + place.len);
        let piece = start.as_ptr().wrapping_add(part.start - from);
        visit(piece, part.start - bytes.start..part.end - bytes.start);
        first += place.len.div_ceil(geometry.page_size()).max(1);
    }
    Ok(())
}

/// Those of the pages that hold nothing are an error.
fn check_valid(region: &dyn Region, pages: &Pages) -> Result<(), RegionError> {
    let mut invalid: Vec<u64> = pages.words().to_vec();
    for (group, bits) in invalid.iter_mut().enumerate() {
        *bits &= !region.pages().valid(group);
    }
    let invalid = Pages::new(&invalid);
    invalid.first().map_or(Ok(()), |first| {
        Err(RegionError::Invalid { region: region.id(), first, pages: invalid.count() })
    })
}

/// Copies bytes out of a region.
pub(super) fn read_bytes(region: &dyn Region, at: usize, to: &mut [u8]) -> Result<(), RegionError> {
    let span = Span::new(region, at, to.len())?;
    region.begin_read(span.pages())?;
    let read = check_valid(region, span.pages()).and_then(|()| {
        pieces(region, &span, |from, part| {
            // SAFETY: the piece is pinned and initialised, for its pages are valid, and as
            // long as the part.
            let from = unsafe { std::slice::from_raw_parts(from, part.len()) };
            to[part].copy_from_slice(from);
        })
    });
    // SAFETY: pinned above, and nothing of them is used any more.
    unsafe { region.end_read(span.pages()) };
    read
}

/// Copies bytes into a region.
pub(super) fn write_bytes(region: &dyn Region, at: usize, from: &[u8]) -> Result<(), RegionError> {
    let span = Span::new(region, at, from.len())?;
    write(region, span.pages(), || {
        check_valid(region, Pages::new(&in_part(region, &span)))?;
        pieces(region, &span, |to, part| {
            // SAFETY: the piece is pinned for writing, and as long as the part.
            unsafe { to.copy_from_nonoverlapping(from[part.clone()].as_ptr(), part.len()) };
        })
    })
}

/// The pages of which bytes stay as they are.
fn in_part(region: &dyn Region, Span { bytes, run, words }: &Span) -> Vec<u64> {
    let mut some = vec![0; words.len()];
    for page in [run.first, (run.first + run.len).saturating_sub(1)] {
        let all = region.geometry().bytes_of(Run { first: page, len: 1 });
        if run.len != 0 && (all.start < bytes.start || all.end > bytes.end) {
            some[page / 64] |= 1 << (page % 64);
        }
    }
    some
}

/// Sets all bytes of pages.
pub(super) fn fill(region: &dyn Region, pages: &Pages, byte: u8) -> Result<(), RegionError> {
    write(region, pages, || {
        pages.runs().try_for_each(|run| {
            let bytes = region.geometry().bytes_of(run);
            let span = Span::new(region, bytes.start, bytes.len())?;
            // SAFETY: the piece is pinned for writing, and as long as the part.
            pieces(region, &span, |to, part| unsafe { to.write_bytes(byte, part.len()) })
        })
    })
}

fn write(
    region: &dyn Region,
    pages: &Pages,
    write: impl FnOnce() -> Result<(), RegionError>,
) -> Result<(), RegionError> {
    region.begin_write(pages)?;
    let written = write();
    let outcome = if written.is_ok() { Outcome::Written } else { Outcome::Unchanged };
    // SAFETY: pinned above, and nothing of them is used any more.
    unsafe { region.end_write(pages, outcome) };
    written
}
