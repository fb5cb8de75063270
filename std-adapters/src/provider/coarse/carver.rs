//! Regions that spans are cut from.

use std::collections::BTreeMap;

use super::free::FreeRanges;
use super::{CoarseStats, Strategy};
use crate::provider::Span;
use crate::provider::live::Live;

/// Regions of memory, and which parts of them are free and which handed out.
///
/// Nothing of it is in the memory itself, which is never touched.
///
/// # Invariants
///
/// - Each byte of a region is free, or in one span handed out, or taken out by whoever
///   purges it.
/// - Nothing that is free or handed out goes from one region into another.
#[derive(Debug)]
pub(in crate::provider) struct Carver {
    page: usize,
    /// By their first address.
    regions: BTreeMap<usize, Span>,
    reserved: usize,
    free: FreeRanges,
    live: Live,
}

impl Carver {
    /// No regions yet. Spans are multiples of `page`, a power of two.
    pub(in crate::provider) fn new(page: usize, strategy: Strategy) -> Self {
        let free = FreeRanges::new(page, strategy);
        Self { page, regions: BTreeMap::new(), reserved: 0, free, live: Live::default() }
    }

    /// Takes a region in that starts at a page. All whole pages of it are free.
    pub(in crate::provider) fn add(&mut self, region: Span) {
        self.regions.insert(region.addr(), region);
        self.reserved += region.len;
        self.put(self.usable(region));
    }

    /// Hands out `len` bytes, whole pages, at a multiple of `align`.
    pub(in crate::provider) fn take(&mut self, len: usize, align: usize) -> Option<Span> {
        let at = self.free.take(len, align)?;
        self.hand_out(at, len)
    }

    /// Takes a region in, and hands out its first `len` bytes.
    pub(super) fn add_and_take(&mut self, region: Span, len: usize) -> Option<Span> {
        self.add(region);
        self.free.take_at(region.addr(), len).then_some(())?;
        self.hand_out(region.addr(), len)
    }

    /// Takes a span back; whether exactly this was handed out.
    pub(in crate::provider) fn give(&mut self, span: Span) -> bool {
        let known = self.live.remove(span).is_some();
        if known {
            self.put(span);
        }
        known
    }

    /// Whether a span lies in one that is handed out.
    pub(in crate::provider) fn is_live(&self, span: Span) -> bool {
        self.live.offset_of(span).is_some()
    }

    /// Whether exactly this is handed out.
    pub(in crate::provider) fn is_whole(&self, span: Span) -> bool {
        self.live.exactly(span).is_some()
    }

    /// As [`Live::split`].
    pub(in crate::provider) fn split(&mut self, span: Span, at: usize) -> Option<(Span, Span)> {
        self.live.split(span, at)
    }

    /// As [`Live::merge`]; `None` also for spans of two regions.
    pub(in crate::provider) fn merge(&mut self, low: Span, high: Span) -> Option<Span> {
        let seam = self.regions.contains_key(&high.addr());
        if seam { None } else { self.live.merge(low, high) }
    }

    /// The region that the address is in, if all of it is free.
    pub(super) fn idle_around(&self, at: usize) -> Option<Span> {
        self.region(at).filter(|region| self.is_idle(*region))
    }

    /// Takes regions out that are all free, as long as `keep` bytes are free then.
    pub(super) fn take_idle(&mut self, keep: usize) -> Vec<Span> {
        let mut spare = self.free.total().saturating_sub(keep);
        let idle = self.regions.values().copied().filter(|region| self.is_idle(*region));
        let chosen = idle.filter(|region| {
            let goes = region.len <= spare;
            spare -= if goes { region.len } else { 0 };
            goes
        });
        let chosen: Vec<_> = chosen.collect();
        for region in &chosen {
            self.free.take_at(region.addr(), self.usable(*region).len);
            self.regions.remove(&region.addr());
            self.reserved -= region.len;
        }
        chosen
    }

    /// All that is free.
    pub(super) fn free_spans(&self) -> Vec<Span> {
        self.free.iter().filter_map(|(at, len)| self.span(at, len)).collect()
    }

    /// Takes a free span out, so that nobody gets it; whether it is still free.
    pub(super) fn take_out(&mut self, span: Span) -> bool {
        self.free.take_at(span.addr(), span.len)
    }

    /// Frees a part of a region.
    pub(super) fn put(&mut self, span: Span) {
        let Self { regions, free, .. } = self;
        free.put(span.addr(), span.len, |at| regions.contains_key(&at));
    }

    /// What there is.
    pub(in crate::provider) fn stats(&self) -> CoarseStats {
        CoarseStats {
            reserved: self.reserved,
            regions: self.regions.len(),
            spans: self.live.count(),
            free: self.free.total(),
            free_ranges: self.free.count(),
            largest_free: self.free.largest(),
        }
    }

    fn is_idle(&self, region: Span) -> bool {
        self.free.at(region.addr()) == Some(self.usable(region).len)
    }

    /// The whole pages of a region.
    fn usable(&self, region: Span) -> Span {
        Span::new(region.start, region.len & !(self.page - 1))
    }

    fn hand_out(&mut self, at: usize, len: usize) -> Option<Span> {
        let span = self.span(at, len)?;
        self.live.insert(span, at);
        Some(span)
    }

    fn region(&self, at: usize) -> Option<Span> {
        self.regions.range(..=at).next_back().map(|(_, region)| *region)
    }

    /// A part of a region, with the region's provenance.
    fn span(&self, at: usize, len: usize) -> Option<Span> {
        let region = self.region(at)?;
        let addr = core::num::NonZero::new(at)?;
        Some(Span::new(region.start.with_addr(addr), len))
    }
}
