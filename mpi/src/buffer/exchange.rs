//! What all ranks of a buffer do together.
//!
//! # Protocol
//!
//! Each exchange publishes what a rank has, and then takes its steps between two barriers
//! each, so that nobody changes what others are looking at:
//!
//! | exchange | between barriers | own pages meanwhile |
//! |---|---|---|
//! | fetch | pull stale pages | pinned for reading |
//! | push | look who else has written the pages | as they are |
//! | | put pages to their owners | pinned for writing |
//!
//! Dirty bits say what was written since the last exchange: each ends by taking those of the
//! rank's own pages, and a push those of what it has pushed.

use std::ops::Range;
use std::sync::Arc;

use anymem::memory::HostMemory;
use anymem_core::region::{
    Access, Anchor, Copied, Options, Outcome, Pages, Region, RegionError, update,
};
use bytemuck::Pod;

use super::RankBuffer;
use super::owners::both;
use crate::MpiRegion;

impl<T: Pod> RankBuffer<T> {
    /// Gets pages from their owners, as far as what is here is older. All ranks have to call
    /// it.
    ///
    /// It waits for who writes pages here.
    ///
    /// # Errors
    ///
    /// - [`Overwrite`](RegionError::Overwrite), if copies were written here: push or discard
    ///   them first.
    /// - [`Invalid`](RegionError::Invalid), if they hold nothing at their owner.
    /// - The arena has no room for the copies.
    /// - [`Transport`](RegionError::Transport); pages that were on the way are not valid then.
    pub fn fetch(&mut self, access: &Access<'_>) -> Result<Copied, RegionError> {
        let wanted = self.anchor(access);
        let shown = self.exported.publish();
        // Nobody here changes pages while others get them.
        let own = self.owners.of(self.job.rank());
        let pinned = self.region.begin_read(own);
        let fetched = self.between_barriers(|| self.pull(Pages::new(&wanted?)));
        if pinned.is_ok() {
            // SAFETY: pinned above, and nothing of them was lent.
            unsafe { self.region.end_read(own) };
        }
        self.settle_own();
        shown.and(pinned).and(fetched)
    }

    /// [Fetches](Self::fetch) so many elements before and after each piece that this rank
    /// has. All ranks have to call it.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn halo(&mut self, before: usize, after: usize) -> Result<Copied, RegionError> {
        let size = size_of::<T>();
        let around = |own: Range<usize>| {
            let end = own.end.saturating_add(after).min(self.len);
            // With the last one's end, which may be in the next page.
            let last = own.end.saturating_sub(1).max(own.start);
            [own.start.saturating_sub(before)..own.start, last..end]
        };
        let bytes = |range: Range<usize>| range.start * size..range.end * size;
        let ranges: Vec<_> = self.own_ranges().into_iter().flat_map(around).map(bytes).collect();
        self.fetch(&Access::Ranges(&ranges))
    }

    /// Gives owners the pages that were written in copies here. All ranks have to call it.
    ///
    /// It waits for who uses pages here.
    ///
    /// # Errors
    ///
    /// - [`Overwrite`](RegionError::Overwrite), if the owner or another rank has written one
    ///   of the pages as well since the last exchange; none of this rank's is pushed then,
    ///   until all ranks but one have [discarded](Self::discard) theirs.
    /// - [`Transport`](RegionError::Transport); the owners' pages that were on the way are not
    ///   valid then.
    pub fn push(&mut self, access: &Access<'_>) -> Result<Copied, RegionError> {
        let wanted = self.select(access);
        let shown = self.exported.publish();
        let written = self.between_barriers(|| self.written(Pages::new(&wanted?)));
        // Nobody here uses pages that others put something into.
        let own = self.owners.of(self.job.rank());
        let pinned = self.region.begin_write(own);
        let pushed = self.between_barriers(|| self.send(Pages::new(&written?)));
        if pinned.is_ok() {
            // SAFETY: pinned above, and nothing of them was lent.
            unsafe { self.region.end_write(own, Outcome::Unchanged) };
        }
        let accepted = self.exported.accept().map(drop);
        self.settle_own();
        shown.and(pinned).and(accepted).and(pushed)
    }

    /// Does something while all other ranks do, and none does anything else.
    fn between_barriers<R>(
        &self,
        work: impl FnOnce() -> Result<R, RegionError>,
    ) -> Result<R, RegionError> {
        let began = self.job.transport().barrier();
        let done = began.map_err(Into::into).and_then(|()| work());
        // Whoever fails must not leave the others waiting.
        self.job.transport().barrier()?;
        done
    }

    /// Forgets what was written in copies here since they were fetched or pushed: they hold
    /// nothing until they are fetched again.
    ///
    /// # Errors
    ///
    /// [`Access`](RegionError::Access), if `access` means bytes that are not there.
    pub fn discard(&mut self, access: &Access<'_>) -> Result<(), RegionError> {
        let written = self.written_copies(Pages::new(&self.select(access)?));
        let written = Pages::new(&written);
        self.region.begin_write(written)?;
        // SAFETY: pinned just now, and nothing of them was lent.
        unsafe { self.region.end_write(written, Outcome::Failed) };
        Ok(())
    }

    /// Gives copies of others' pages up: they are gone after the next exchange.
    pub fn release(&mut self) {
        self.anchors.truncate(1);
    }

    fn select(&self, access: &Access<'_>) -> Result<Vec<u64>, RegionError> {
        let geometry = self.region.geometry();
        let mut words = vec![0; geometry.pages().div_ceil(64)];
        access.add_to(geometry, Pages::new_mut(&mut words))?;
        Ok(words)
    }

    /// Provides memory for copies of the pages.
    fn anchor(&mut self, access: &Access<'_>) -> Result<Vec<u64>, RegionError> {
        let wanted = self.select(access)?;
        let mut missing = wanted.clone();
        for anchor in &self.anchors {
            let kept = missing.iter_mut().zip(anchor.pages().words());
            kept.for_each(|(missing, kept)| *missing &= !kept);
        }
        if missing.iter().any(|&bits| bits != 0) {
            let missing = Access::Pages(Pages::new(&missing));
            let pages = missing.pages(self.region.geometry(), HostMemory)?;
            self.anchors.push(Anchor::new(Arc::clone(&self.region), pages)?);
        }
        Ok(wanted)
    }

    fn peers(&self) -> impl Iterator<Item = &MpiRegion> {
        self.peers.iter().flatten()
    }

    fn pull(&self, wanted: &Pages) -> Result<Copied, RegionError> {
        self.with_owners(wanted, |peer, pages| update(&*self.region, peer, pages, Options::new()))
    }

    fn send(&self, written: &Pages) -> Result<Copied, RegionError> {
        let sent = self.with_owners(written, |peer, pages| {
            let copied = update(peer, &*self.region, pages, Options::forced())?;
            peer.settle()?;
            Ok(copied)
        })?;
        self.region.take_dirty(Pages::new_mut(&mut written.words().to_vec()));
        Ok(sent)
    }

    /// Copies the pages of each other rank; all that can be.
    fn with_owners(
        &self,
        pages: &Pages,
        copy: impl Fn(&MpiRegion, &mut Pages) -> Result<Copied, RegionError>,
    ) -> Result<Copied, RegionError> {
        let mut sum = Ok(Copied::default());
        for peer in self.peers() {
            let mut theirs = both(pages, self.owners.of(peer.rank()));
            let copied = match theirs.iter().any(|&bits| bits != 0) {
                true => copy(peer, Pages::new_mut(&mut theirs)),
                false => Ok(Copied::default()),
            };
            sum = sum.and_then(|sum| Ok(add(sum, copied?)));
        }
        sum
    }

    fn written_copies(&self, wanted: &Pages) -> Vec<u64> {
        let array = self.region.pages();
        let own = self.owners.of(self.job.rank()).words();
        let is_written = |(group, bits): (usize, &u64)| bits & array.dirty(group) & !own[group];
        wanted.words().iter().enumerate().map(is_written).collect()
    }

    /// The copies that were written here and nowhere else.
    fn written(&self, wanted: &Pages) -> Result<Vec<u64>, RegionError> {
        let written = self.written_copies(wanted);
        let mut lost = vec![0; written.len()];
        for peer in self.peers() {
            peer.refresh()?;
            for (group, bits) in written.iter().enumerate() {
                lost[group] |= bits & peer.pages().dirty(group);
            }
        }
        let lost = Pages::new(&lost);
        lost.first()
            .map_or(Ok(written), |first| Err(RegionError::Overwrite { first, pages: lost.count() }))
    }

    /// Others have seen what this rank has written to its own pages.
    fn settle_own(&self) {
        let mut own = self.owners.of(self.job.rank()).words().to_vec();
        self.region.take_dirty(Pages::new_mut(&mut own));
    }
}

fn add(sum: Copied, more: Copied) -> Copied {
    Copied {
        pages: sum.pages + more.pages,
        skipped: sum.skipped + more.skipped,
        runs: sum.runs + more.runs,
        bytes: sum.bytes + more.bytes,
        by_temporary: sum.by_temporary + more.by_temporary,
    }
}
