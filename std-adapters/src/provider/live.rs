//! What is handed out.

use std::collections::BTreeMap;

use super::Span;

/// The spans that are handed out, and where each is in what it was cut from.
#[derive(Debug, Default)]
pub(super) struct Live {
    places: BTreeMap<usize, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    len: usize,
    /// Where the span starts in its file; the address, if there is none.
    offset: usize,
}

impl Live {
    /// `span` is handed out, and starts at `offset` of its file.
    pub(super) fn insert(&mut self, span: Span, offset: usize) {
        self.places.insert(span.addr(), Place { len: span.len, offset });
    }

    /// Whether nothing is handed out.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// `span` came back: where in its file it starts; `None` if exactly this was not
    /// handed out.
    pub(super) fn remove(&mut self, span: Span) -> Option<usize> {
        let offset = self.exactly(span)?;
        self.places.remove(&span.addr());
        Some(offset)
    }

    /// Where in its file something starts that lies in one handed out.
    pub(super) fn offset_of(&self, span: Span) -> Option<usize> {
        // Most start where one does, which is found sooner.
        if let Some(place) = self.places.get(&span.addr()).filter(|it| span.len <= it.len) {
            return Some(place.offset);
        }
        let (&start, place) = self.places.range(..=span.addr()).next_back()?;
        let end = span.addr().checked_add(span.len)?;
        (end <= start + place.len).then(|| place.offset + (span.addr() - start))
    }

    /// Where in its file a span starts that is handed out exactly so.
    pub(super) fn exactly(&self, span: Span) -> Option<usize> {
        self.places.get(&span.addr()).filter(|it| it.len == span.len).map(|it| it.offset)
    }

    /// Makes two of one; `None` if it is not handed out exactly so, or `at` is not inside.
    pub(super) fn split(&mut self, span: Span, at: usize) -> Option<(Span, Span)> {
        let (offset, (low, high)) = (self.exactly(span)?, span.cut(at)?);
        self.insert(low, offset);
        self.insert(high, offset + at);
        Some((low, high))
    }

    /// Makes one of two; `None` if they are not handed out exactly so, or not side by
    /// side both in memory and in the file.
    pub(super) fn merge(&mut self, low: Span, high: Span) -> Option<Span> {
        let (first, second) = (self.exactly(low)?, self.exactly(high)?);
        let together = low.end() == high.addr() && first + low.len == second;
        together.then(|| {
            self.places.remove(&high.addr());
            let whole = Span::new(low.start, low.len + high.len);
            self.insert(whole, first);
            whole
        })
    }

    /// How many are handed out.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }
}
