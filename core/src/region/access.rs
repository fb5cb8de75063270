//! Which bytes are to be accessed, and so which pages.

use core::ops::Range;

use super::{Geometry, PageSet, Pages, RegionError};
use crate::bits;
use crate::memory::HostAddressable;

/// A pattern of access. Its order does not matter, nor do duplicates, and what is empty may
/// be anywhere.
#[derive(Debug, Clone, Copy)]
pub enum Access<'a> {
    /// Everything.
    All,
    /// Ranges of bytes.
    Ranges(&'a [Range<usize>]),
    /// Elements of so many bytes, by index.
    Indices {
        /// Bytes of an element.
        element: usize,
        /// Which ones.
        indices: &'a [usize],
    },
    /// Pieces of bytes that follow each other at the same distance.
    Strided {
        /// The first byte of the first.
        start: usize,
        /// Bytes of each.
        len: usize,
        /// From the first byte of one to that of the next.
        stride: usize,
        /// How many.
        count: usize,
    },
    /// Blocks of an array of any number of dimensions, the last one of which varies
    /// fastest.
    Boxes {
        /// Bytes of an element.
        element: usize,
        /// Elements in each dimension.
        shape: &'a [usize],
        /// Which ones.
        boxes: &'a [Block<'a>],
    },
    /// Pages.
    Pages(&'a Pages),
}

/// A part of an array: in each dimension, from where on, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// The first element.
    pub start: &'a [usize],
    /// How many.
    pub extent: &'a [usize],
}

impl Access<'_> {
    /// One range of bytes.
    #[must_use]
    pub fn range(bytes: Range<usize>) -> Self {
        Self::Strided { start: bytes.start, len: bytes.len(), stride: 0, count: 1 }
    }

    /// The pages that it means, in a region of that geometry; the words for them are in
    /// `memory`.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if bytes are not there.
    /// - [`Memory`](RegionError::Memory), if there is none for the words.
    pub fn pages<H: HostAddressable>(
        &self,
        geometry: Geometry,
        memory: H,
    ) -> Result<PageSet<H>, RegionError> {
        let mut pages = PageSet::empty(geometry, memory)?;
        self.add_to(geometry, &mut pages)?;
        Ok(pages)
    }

    /// Adds the pages that it means to some of a region of that geometry.
    ///
    /// # Errors
    ///
    /// [`Access`](RegionError::Access), if bytes are not there; some pages may have been
    /// added.
    pub fn add_to(&self, geometry: Geometry, pages: &mut Pages) -> Result<(), RegionError> {
        let mut marker = Marker { geometry, pages };
        match *self {
            Self::All => marker.bytes(0, geometry.bytes()),
            Self::Ranges(ranges) => {
                ranges.iter().try_for_each(|range| marker.bytes(range.start, range.len()))
            }
            Self::Indices { element, indices } => {
                indices.iter().try_for_each(|&index| marker.element(element, index))
            }
            Self::Strided { start, len, stride, count } => {
                marker.strided(start, len, stride, count)
            }
            Self::Boxes { element, shape, boxes } => {
                boxes.iter().try_for_each(|&block| marker.block(element, shape, block))
            }
            Self::Pages(some) => marker.some(some),
        }
    }
}

/// Adds the pages of bytes to a set.
struct Marker<'p> {
    geometry: Geometry,
    pages: &'p mut Pages,
}

impl Marker<'_> {
    /// The region does not have the byte `at`.
    fn beyond(&self, at: usize) -> RegionError {
        RegionError::Access { at, bytes: self.geometry.bytes() }
    }

    fn bytes(&mut self, start: usize, len: usize) -> Result<(), RegionError> {
        let bytes = self.geometry.bytes();
        let Some(more) = len.checked_sub(1) else { return Ok(()) };
        let last = start.checked_add(more).filter(|&last| last < bytes);
        let last = last.ok_or_else(|| self.beyond(start.max(bytes)))?;
        self.run(self.geometry.page_of(start), self.geometry.page_of(last) + 1);
        Ok(())
    }

    fn element(&mut self, size: usize, index: usize) -> Result<(), RegionError> {
        let start = index.checked_mul(size).ok_or_else(|| self.beyond(usize::MAX))?;
        self.bytes(start, size)
    }

    fn run(&mut self, first: usize, end: usize) {
        let words = self.pages.words_mut();
        bits::assign(words, first..end.min(words.len() * 64), true);
    }

    /// `len` bytes at `start`, and again every `stride` bytes; `count` times.
    fn strided(
        &mut self,
        start: usize,
        len: usize,
        stride: usize,
        count: usize,
    ) -> Result<(), RegionError> {
        let Some(last) = count.checked_sub(1).filter(|_| len != 0) else { return Ok(()) };
        let last = last.checked_mul(stride).and_then(|far| start.checked_add(far));
        let last = last.ok_or_else(|| self.beyond(usize::MAX))?;
        self.bytes(last, len)?;
        if stride <= self.geometry.page_size() {
            // One begins in every page in between.
            return self.bytes(start, last - start + len);
        }
        (start..last).step_by(stride).try_for_each(|start| self.bytes(start, len))
    }

    fn block(
        &mut self,
        element: usize,
        shape: &[usize],
        Block { start, extent }: Block<'_>,
    ) -> Result<(), RegionError> {
        if extent.contains(&0) || element == 0 {
            return Ok(());
        }
        let is_inside = |((&start, &extent), &of): ((&usize, &usize), &usize)| {
            start.checked_add(extent).is_some_and(|end| end <= of)
        };
        let is_block = start.len() == shape.len()
            && extent.len() == shape.len()
            && start.iter().zip(extent).zip(shape).all(is_inside);
        let size = shape.iter().try_fold(element, |size, &of| size.checked_mul(of));
        match size {
            Some(size) if is_block && size <= self.geometry.bytes() => {}
            _ => return Err(self.beyond(size.unwrap_or(usize::MAX).max(self.geometry.bytes()))),
        }
        self.rows(element, shape, Block { start, extent })
    }

    /// Marks the parts of a block that are in one piece: those of the last dimension that it
    /// has not all of. The block is inside.
    fn rows(
        &mut self,
        element: usize,
        shape: &[usize],
        Block { start, extent }: Block<'_>,
    ) -> Result<(), RegionError> {
        let split = (0..shape.len()).rev().find(|&dim| extent[dim] != shape[dim]).unwrap_or(0);
        let len = extent[split..].iter().product::<usize>() * element;
        let rows = extent[..split.min(extent.len())].iter().product();
        for row in 0..rows {
            let (mut at, mut left, mut stride) = (0, row, element);
            for dim in (0..shape.len()).rev() {
                let outer = dim < split;
                at += (start[dim] + if outer { left % extent[dim] } else { 0 }) * stride;
                left /= if outer { extent[dim] } else { 1 };
                stride *= shape[dim];
            }
            self.bytes(at, len)?;
        }
        Ok(())
    }

    fn some(&mut self, pages: &Pages) -> Result<(), RegionError> {
        let of = self.geometry.pages();
        if let Some(run) = pages.runs().find(|run| run.first + run.len > of) {
            return Err(self.beyond(run.first.max(of).saturating_mul(self.geometry.page_size())));
        }
        for (word, more) in self.pages.words_mut().iter_mut().zip(pages.words()) {
            *word |= more;
        }
        Ok(())
    }
}
