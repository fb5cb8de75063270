//! Whether what a region knows of its pages is consistent.

use core::sync::atomic::Ordering;

use super::DefaultRegion;
use super::parts::Part;
use crate::allocator::Broken;
use crate::memory::{HostAddressable, Memory};
use crate::region::{PageArray, Stamp, WriteTracker};

impl<M: Memory, H: HostAddressable, W: WriteTracker> DefaultRegion<M, H, W> {
    /// Walks the table and says what is wrong in it, and at which page. Nobody may change the
    /// region meanwhile.
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        for index in 0..self.table.groups().len() {
            self.part(index, !0).map_or(Ok(()), |part| self.check_group(&part))?;
        }
        self.table.counts().iter().enumerate().try_for_each(|(chunk, count)| {
            let first = chunk << self.shift;
            let end = self.settings.geometry.pages().min((chunk + 1) << self.shift);
            let has_memory = |page: &usize| self.allocated(page / 64) >> (page % 64) & 1 != 0;
            let counted = count.load(Ordering::Relaxed) as usize;
            let is_right = (first..end).filter(has_memory).count() == counted;
            rule(is_right, "a block does not count its pages", first)
        })
    }

    fn check_group(&self, part: &Part<'_>) -> Result<(), Broken> {
        let [allocated, valid, dirty] =
            [&part.group.allocated, &part.group.valid, &part.group.dirty].map(|bits| bits.load());
        let at = |bits: u64| part.index * 64 + bits.trailing_zeros() as usize % 64;
        rule(valid & !allocated == 0, "a page without memory is valid", at(valid & !allocated))?;
        rule(dirty & !valid == 0, "a page that holds nothing is dirty", at(dirty & !valid))?;
        (0..64).try_for_each(|bit| {
            let page = part.index * 64 + bit;
            let has = |bits: u64| bits >> bit & 1 != 0;
            let is_used = part.pages.users(bit) != (0, false);
            rule(has(allocated) == is_used, "memory and users do not go together", page)?;
            let is_stamped = self.stamp(page) != Stamp::default();
            rule(has(valid) == is_stamped, "stamp and contents do not go together", page)
        })
    }
}

fn rule(holds: bool, what: &'static str, at: usize) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { what, at }) }
}
