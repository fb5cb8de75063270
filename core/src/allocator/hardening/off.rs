//! Nothing is hardened.

use crate::allocator::FreeError;
use crate::allocator::space::{Place, Space};
use crate::allocator::stock::Stock;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::Journal;
use crate::secure::Order;
use crate::size_class::Lane;
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    #[inline]
    pub(crate) fn hand_out(&self, _at: usize, _lane: Lane, _size: usize) -> bool {
        true
    }

    #[inline]
    pub(crate) fn close(&self, _at: Offset, _size: usize) {}

    #[inline]
    pub(crate) fn open(&self, _at: Offset, _place: Place) -> Result<(), FreeError> {
        Ok(())
    }

    #[inline]
    pub(crate) fn restore(&self, _at: Offset, _place: Place) {}

    #[inline]
    pub(crate) fn inspect(&self, _at: Offset) -> Result<(), FreeError> {
        Ok(())
    }

    #[inline]
    pub(crate) fn reseal(&self, _at: Offset, _size: usize, _journal: &impl Journal) -> bool {
        true
    }

    #[inline]
    pub(crate) fn usable(
        &self,
        _at: Offset,
        whole: impl FnOnce() -> Option<usize>,
    ) -> Option<usize> {
        whole()
    }

    #[inline]
    pub(crate) fn guarded_len(&self, size: usize) -> usize {
        size
    }

    #[inline]
    pub(crate) fn close_large(&self, _first: usize, _size: usize) {}

    #[inline]
    pub(crate) fn open_large(&self, _first: usize) -> Result<bool, FreeError> {
        Ok(true)
    }

    #[inline]
    pub(crate) fn unguarded(
        &self,
        _first: usize,
        _size: usize,
        resize: impl FnOnce() -> bool,
    ) -> bool {
        resize()
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    #[inline]
    pub(crate) fn order(&self, _slab: usize, _index: usize) -> Order {
        self.space.secret().order([0; 4])
    }
}
