//! What is known about a region.

use core::ptr::{self, NonNull};

use anymem_core::sync::owners::FIELDS;

use crate::provider::Span;

pub(super) const BASE: usize = 0;
pub(super) const TAG: usize = 4;

/// Of a record that nobody uses: one more than the next such.
pub(super) const NEXT_FREE: usize = 1;

/// What is known about a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) span: Span,
    /// The number of its owner.
    pub(crate) owner: usize,
    /// The word of its pages before it was there.
    pub(crate) outer: usize,
    /// What its pool has noted.
    pub(crate) tag: usize,
    /// No other region of the process ever has it.
    pub(crate) id: u64,
}

impl Region {
    pub(super) fn fields(&self) -> [usize; FIELDS] {
        let start = self.span.start.as_ptr().expose_provenance();
        let id = [self.id as usize, (self.id >> 32) as usize];
        [start, self.span.len, self.owner, self.outer, self.tag, id[0], id[1]]
    }

    pub(super) fn from_fields(fields: [usize; FIELDS]) -> Option<Self> {
        let [start, len, owner, outer, tag, low, high] = fields;
        let start = NonNull::new(ptr::with_exposed_provenance_mut(start))?;
        let id = low as u64 & u64::from(u32::MAX) | (high as u64) << 32;
        Some(Self { span: Span::new(start, len), owner, outer, tag, id })
    }
}
