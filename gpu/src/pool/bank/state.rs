//! Which ranges are whose.

use std::collections::BTreeMap;

use anymem::provider::{FreeRanges, Span, Strategy};

use super::{PAGE, StreamIndex};
use crate::Stream;

/// Regions of memory, and whose each part is.
///
/// # Invariants
///
/// - Each byte of a region is free and clean, or free and of one stream, or taken by one, or
///   out of the books with who waits for its stream or gives it back.
/// - No range goes over a *seam*: an end of a region that is a block of the driver's own.
#[derive(Debug)]
pub(super) struct State {
    regions: BTreeMap<usize, Region>,
    /// Free, and used by nobody's work.
    clean: FreeRanges,
    /// `None` where one was let go.
    streams: Vec<Option<OfStream>>,
    /// What is handed out: how long, and to whom.
    taken: BTreeMap<usize, (usize, StreamIndex)>,
    pub(super) steals: usize,
    pub(super) grown: usize,
}

/// What can be given back to the provider by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub(super) span: Span,
    /// Whether ranges may go on in the next one.
    pub(super) is_joined: bool,
}

#[derive(Debug)]
struct OfStream {
    stream: Stream,
    /// Free, and perhaps used by what it was asked for before.
    free: FreeRanges,
}

/// A part of the memory, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pool) struct Part {
    pub(in crate::pool) len: usize,
    /// `None` if it is clean.
    pub(in crate::pool) stream: Option<StreamIndex>,
    pub(in crate::pool) is_free: bool,
}

fn of_stream(streams: &mut [Option<OfStream>], index: StreamIndex) -> Option<&mut OfStream> {
    streams.get_mut(index.0)?.as_mut()
}

fn none_free() -> FreeRanges {
    FreeRanges::new(PAGE, Strategy::default())
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            regions: BTreeMap::new(),
            clean: none_free(),
            streams: Vec::new(),
            taken: BTreeMap::new(),
            steals: 0,
            grown: 0,
        }
    }

    pub(super) fn admit(&mut self, stream: Stream) -> StreamIndex {
        let new = Some(OfStream { stream, free: none_free() });
        match self.streams.iter().position(Option::is_none) {
            Some(vacant) => {
                self.streams[vacant] = new;
                StreamIndex(vacant)
            }
            None => {
                self.streams.push(new);
                StreamIndex(self.streams.len() - 1)
            }
        }
    }

    /// Lets a stream go of which nothing is free or taken.
    pub(super) fn dismiss(&mut self, index: StreamIndex) {
        let has_taken = self.taken.values().any(|(_, by)| *by == index);
        if !has_taken
            && self.free_of(index) == 0
            && let Some(place) = self.streams.get_mut(index.0)
        {
            *place = None;
        }
    }

    fn of(&self, index: StreamIndex) -> Option<&OfStream> {
        self.streams.get(index.0)?.as_ref()
    }

    fn all(&self) -> impl Iterator<Item = (StreamIndex, &OfStream)> {
        let all = self.streams.iter().enumerate();
        all.filter_map(|(index, of)| Some((StreamIndex(index), of.as_ref()?)))
    }

    pub(super) fn stream(&self, index: StreamIndex) -> Option<&Stream> {
        self.of(index).map(|of| &of.stream)
    }

    /// Takes a range that is the stream's own, or clean: where it starts.
    pub(super) fn take(&mut self, by: StreamIndex, len: usize, align: usize) -> Option<usize> {
        let own = of_stream(&mut self.streams, by)?.free.take(len, align);
        let at = own.or_else(|| self.clean.take(len, align))?;
        self.taken.insert(at, (len, by));
        Some(at)
    }

    /// Takes a range back; whether exactly this was taken by that stream.
    pub(super) fn give(&mut self, by: StreamIndex, span: Span) -> bool {
        if self.taken.get(&span.addr()) != Some(&(span.len, by)) {
            return false;
        }
        self.taken.remove(&span.addr());
        self.put(Some(by), span.addr(), span.len);
        true
    }

    /// Another stream that has room for that; the one with the most, if there are several.
    pub(super) fn victim(&self, by: StreamIndex, len: usize, align: usize) -> Option<StreamIndex> {
        let surely = len.checked_add(align.saturating_sub(PAGE))?;
        let fits =
            |(index, of): &(StreamIndex, &OfStream)| *index != by && of.free.largest() >= surely;
        self.all().filter(fits).max_by_key(|(_, of)| of.free.total()).map(|(index, _)| index)
    }

    /// Lets all that is free of one stream be another's, which has waited for it.
    pub(super) fn hand_over(&mut self, from: StreamIndex, to: StreamIndex) {
        let ranges = self.take_out(from);
        self.put_all(Some(to), ranges);
        self.steals += 1;
    }

    /// The streams that have something free.
    pub(super) fn busy(&self) -> Vec<(StreamIndex, Stream)> {
        let all = self.all().filter(|(_, of)| of.free.total() > 0);
        all.map(|(index, of)| (index, of.stream.clone())).collect()
    }

    /// Takes all that a stream has free out of the books.
    pub(super) fn take_out(&mut self, of: StreamIndex) -> FreeRanges {
        let of = of_stream(&mut self.streams, of);
        of.map_or_else(none_free, |of| core::mem::replace(&mut of.free, none_free()))
    }

    /// Puts ranges in again, for a stream or as clean.
    pub(super) fn put_all(&mut self, owner: Option<StreamIndex>, ranges: FreeRanges) {
        for (start, len) in ranges.iter() {
            self.put(owner, start, len);
        }
    }

    /// Adds a region, which is clean.
    pub(super) fn add(&mut self, span: Span, is_joined: bool) {
        self.regions.insert(span.addr(), Region { span, is_joined });
        self.grown += 1;
        self.put(None, span.addr(), span.len);
    }

    /// Takes regions out of which all is clean, as long as `keep` clean bytes are left.
    pub(super) fn take_idle(&mut self, keep: usize) -> Vec<Region> {
        let mut idle = Vec::new();
        for region in self.regions.values().copied() {
            let spare = self.clean.total().saturating_sub(keep);
            if region.span.len <= spare && self.clean.take_at(region.span.addr(), region.span.len) {
                idle.push(region);
            }
        }
        for region in &idle {
            self.regions.remove(&region.span.addr());
        }
        idle
    }

    pub(super) fn free_of(&self, stream: StreamIndex) -> usize {
        self.of(stream).map_or(0, |of| of.free.total())
    }

    /// All memory, by address, and whose it is.
    pub(super) fn parts(&self) -> BTreeMap<usize, Part> {
        let free = |ranges: &FreeRanges, stream| {
            let part = |(at, len)| (at, Part { len, stream, is_free: true });
            ranges.iter().map(part).collect::<Vec<_>>()
        };
        let mut parts: BTreeMap<_, _> = free(&self.clean, None).into_iter().collect();
        for (index, of) in self.all() {
            parts.extend(free(&of.free, Some(index)));
        }
        parts.extend(
            self.taken.iter().map(|(at, (len, by))| {
                (*at, Part { len: *len, stream: Some(*by), is_free: false })
            }),
        );
        parts
    }

    fn put(&mut self, owner: Option<StreamIndex>, start: usize, len: usize) {
        let Self { regions, clean, streams, .. } = self;
        let owned = owner.and_then(|index| of_stream(streams, index)).map(|of| &mut of.free);
        let is_apart = |region: &Region| !region.is_joined;
        let is_seam = |at: usize| {
            let below = regions.range(..at).next_back().map(|(_, region)| region);
            regions.get(&at).is_some_and(is_apart)
                || below.is_some_and(|region| region.span.end() == at && is_apart(region))
        };
        owned.unwrap_or(clean).put(start, len, is_seam);
    }
}
