//! Entries from one to another: what all iterators over a map stand on.

use core::cmp::Ordering;
use core::ops::{Bound, RangeBounds};
use core::ptr::NonNull;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::key::ShmOrdKey;
use super::node::Pair;
use super::path::Path;
use super::{Range, RangeMut, ShmBTreeMap};

/// The entries between two, which belong to it.
///
/// No entry comes twice in a map that is whole. In one that is damaged, no more
/// come than the map has.
pub(super) struct Between<K, V> {
    heap: Option<Heap>,
    front: Path<K, V>,
    back: Path<K, V>,
    /// The most that are left; 0 where there are none.
    left: usize,
    /// Whether as many are left.
    is_exact: bool,
}

impl<K, V> Between<K, V> {
    pub(super) const NONE: Self =
        Self { heap: None, front: Path::new(), back: Path::new(), left: 0, is_exact: true };

    fn new(heap: Heap, front: Path<K, V>, back: Path<K, V>, most: usize) -> Self {
        let is_empty = front.len() == 0 || back.len() == 0 || front.order_to(&back).is_gt();
        let left = if is_empty { 0 } else { most };
        Self { heap: Some(heap), front, back, left, is_exact: is_empty }
    }

    pub(super) fn size_hint(&self) -> (usize, Option<usize>) {
        (if self.is_exact { self.left } else { 0 }, Some(self.left))
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<NonNull<Pair<K, V>>> {
        self.step(|this| &mut this.front, |path, heap| path.advance(heap))
    }

    #[inline]
    pub(super) fn next_back(&mut self) -> Option<NonNull<Pair<K, V>>> {
        self.step(|this| &mut this.back, |path, heap| path.retreat(heap))
    }

    /// The entry at one end, which moves on unless it meets the other one.
    #[inline]
    fn step(
        &mut self,
        end: fn(&mut Self) -> &mut Path<K, V>,
        go_on: fn(&mut Path<K, V>, Heap) -> Result<(), ContainerError>,
    ) -> Option<NonNull<Pair<K, V>>> {
        self.left = self.left.checked_sub(1)?;
        let (heap, is_last) = (self.heap?, self.front.leads_where(&self.back));
        let path = end(self);
        let entry = path.entry()?;
        if is_last || go_on(path, heap).is_err() {
            self.left = 0;
        }
        Some(entry)
    }
}

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// Visits the entries whose keys are in `range`, in order.
    ///
    /// There are none where the range starts behind its end.
    ///
    /// # Errors
    ///
    /// The heap is not attached, a process died while it changed the map, or the
    /// map is damaged.
    pub fn range<Q: ?Sized>(
        &self,
        range: impl RangeBounds<Q>,
    ) -> Result<Range<'_, K, V>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        Ok(Range::new(self.between(self.open()?, &range)?))
    }

    /// Visits the entries whose keys are in `range`, to change their values.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn range_mut<Q: ?Sized>(
        &mut self,
        range: impl RangeBounds<Q>,
    ) -> Result<RangeMut<'_, K, V>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        let heap = self.open_mut()?;
        Ok(RangeMut::new(self.between(heap, &range)?))
    }

    /// All entries.
    pub(super) fn all(&self, heap: Heap) -> Result<Between<K, V>, ContainerError> {
        let (front, back) = (self.first_path(heap)?, self.last_path(heap)?);
        let all = Between::new(heap, front, back, self.bounded_len(heap)?);
        Ok(Between { is_exact: true, ..all })
    }

    fn between<Q: ?Sized>(
        &self,
        heap: Heap,
        range: &impl RangeBounds<Q>,
    ) -> Result<Between<K, V>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        let front = match range.start_bound() {
            Bound::Unbounded => self.first_path(heap)?,
            Bound::Included(key) => self.from(heap, |it| it.compare(key), Ordering::Less)?,
            Bound::Excluded(key) => self.from(heap, |it| it.compare(key), Ordering::Equal)?,
        };
        let back = match range.end_bound() {
            Bound::Unbounded => self.last_path(heap)?,
            Bound::Included(key) => self.to(heap, |it| it.compare(key), Ordering::Greater)?,
            Bound::Excluded(key) => self.to(heap, |it| it.compare(key), Ordering::Equal)?,
        };
        Ok(Between::new(heap, front, back, self.bounded_len(heap)?))
    }

    /// To the first entry that compares higher than `skipped`.
    fn from(
        &self,
        heap: Heap,
        compare: impl FnMut(&K) -> Ordering,
        skipped: Ordering,
    ) -> Result<Path<K, V>, ContainerError> {
        let (mut path, found) = self.seek(heap, compare)?;
        if found && skipped == Ordering::Equal {
            path.advance(heap)?;
        } else {
            path.skip_ends();
        }
        Ok(path)
    }

    /// To the last entry that compares lower than `skipped`.
    fn to(
        &self,
        heap: Heap,
        compare: impl FnMut(&K) -> Ordering,
        skipped: Ordering,
    ) -> Result<Path<K, V>, ContainerError> {
        let (mut path, found) = self.seek(heap, compare)?;
        if !found || skipped == Ordering::Equal {
            path.retreat(heap)?;
        }
        Ok(path)
    }
}
