//! Elements that are spread over all ranks.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use anymem_core::region::{
    Access, Anchor, Blocks, Copied, DefaultRegion, Geometry, Options, Outcome, Pages, Region,
    RegionError, Settings, update,
};
use bytemuck::Pod;

use super::Distribution;
use super::bytes::{fill, read_bytes, write_bytes};
use super::owners::{Owners, both};
use crate::{ArenaMemory, Exported, Handle, Job, MpiRegion, TransportError};

/// The pages of a buffer that this rank has, its own ones and copies of others'.
pub type LocalRegion = DefaultRegion<ArenaMemory, ArenaMemory>;

/// What a [`RankBuffer`] is to be like; the same on all ranks.
#[derive(Debug, Clone, Copy)]
pub struct BufferOptions<'a> {
    /// Bytes of a page: what is moved at once, and has one owner. A power of two.
    pub page: usize,
    /// Who has which pages.
    pub distribution: Distribution<'a>,
    /// How pages are put into blocks of the arena.
    pub blocks: Blocks,
}

impl Default for BufferOptions<'_> {
    /// Pages of 4 KiB, 64 of them a block, and a piece of the buffer for each rank.
    fn default() -> Self {
        Self { page: 4096, distribution: Distribution::Block, blocks: Blocks::Of(64) }
    }
}

/// An array of `T` over all ranks of a job.
///
/// Each page of it has one owner, whose arena it is in; a rank has copies of others' pages
/// where it asked for them. Indices are those of the whole array on every rank.
///
/// Ranks work on what they have, and then exchange it together:
/// [`fetch`](Self::fetch) and [`halo`](Self::halo) get what others have changed since,
/// [`push`](Self::push) gives the owners what was changed in copies. All ranks have to call
/// these, in the same order; each says what it needs, which may be nothing. They borrow the
/// buffer exclusively, so that nobody uses it meanwhile. Where one fails on a rank, the
/// others' calls end nevertheless.
///
/// ```
/// use anymem_mpi::{BufferOptions, Job, RankBuffer, open};
/// use anymem_core::region::Access;
///
/// let job = Job::new(open(4 << 20)?)?;
/// let mut buffer = RankBuffer::<f64>::create(&job, 10_000, BufferOptions::default())?;
/// for own in buffer.own_ranges() {
///     buffer.write(own.start, &vec![f64::from(job.rank()); own.len()])?;
/// }
/// buffer.fetch(&Access::All)?;
/// let mut last = [0.0];
/// buffer.read(9_999, &mut last)?;
/// assert_eq!(last, [f64::from(job.ranks() - 1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RankBuffer<T: Pod> {
    len: usize,
    owners: Owners,
    /// What stands for the other ranks' regions; nothing for this one's.
    peers: Vec<Option<MpiRegion>>,
    exported: Exported<LocalRegion>,
    /// Its own pages, and then the copies.
    anchors: Vec<Anchor<Arc<LocalRegion>, ArenaMemory>>,
    region: Arc<LocalRegion>,
    job: Arc<Job>,
    _elements: PhantomData<fn() -> T>,
}

impl<T: Pod> fmt::Debug for RankBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RankBuffer({} elements, {:?})", self.len, self.job)
    }
}

impl<T: Pod> RankBuffer<T> {
    /// `len` elements, all of whose bytes are zero. All ranks have to call it.
    ///
    /// # Errors
    ///
    /// An arena has no room, on any rank; pages are no power of two or their owners no ranks;
    /// the transport failed.
    pub fn create(
        job: &Arc<Job>,
        len: usize,
        options: BufferOptions<'_>,
    ) -> Result<Self, RegionError> {
        let made = Made::new::<T>(job, len, options);
        // A rank that has nothing to show must not leave the others waiting.
        let mine =
            made.as_ref().map_or([0; Handle::BYTES], |made| made.exported.handle().to_bytes());
        let mut all = vec![0; Handle::BYTES * job.ranks() as usize];
        job.transport().all_gather(&mine, &mut all)?;
        let handles = all.chunks_exact(Handle::BYTES).map(Handle::from_bytes);
        let peers = handles.enumerate().map(|(rank, handle)| peer(job, rank as u32, handle));
        let peers = peers.collect::<Result<Vec<_>, _>>();
        let is_made = job.agree(made.is_ok() && peers.is_ok())?;
        let Made { owners, exported, anchor, region } = made?;
        let (peers, job, anchors) = (peers?, Arc::clone(job), vec![anchor]);
        if !is_made {
            let (rank, code) = (job.rank(), TransportError::REFUSED);
            return Err(RegionError::Transport { rank, code });
        }
        Ok(Self { len, owners, peers, exported, anchors, region, job, _elements: PhantomData })
    }

    /// How many elements there are, on all ranks together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// The pages that are here: own ones and copies. Accessors of the region are another way
    /// to use them.
    #[must_use]
    pub fn region(&self) -> &Arc<LocalRegion> {
        &self.region
    }

    /// The pages that `rank` has.
    #[must_use]
    pub fn pages_of(&self, rank: u32) -> &Pages {
        self.owners.of(rank)
    }

    /// The rank that has the first byte of an element.
    #[must_use]
    pub fn owner_of(&self, index: usize) -> Option<u32> {
        self.owners.owner(self.region.geometry().page_of(index.checked_mul(size_of::<T>())?))
    }

    /// The elements that begin in pages of this rank, as many at a time as follow one
    /// another.
    #[must_use]
    pub fn own_ranges(&self) -> Vec<Range<usize>> {
        let geometry = self.region.geometry();
        let element = |byte: usize| byte.div_ceil(size_of::<T>().max(1)).min(self.len);
        let runs = self.owners.of(self.job.rank()).runs().map(|run| geometry.bytes_of(run));
        runs.map(|bytes| element(bytes.start)..element(bytes.end)).collect()
    }

    /// Reads elements that are here, from `start` on.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if there are not as many.
    /// - [`Unallocated`](RegionError::Unallocated) or [`Invalid`](RegionError::Invalid), if
    ///   they are not here, or a copy of them failed: fetch them.
    pub fn read(&self, start: usize, elements: &mut [T]) -> Result<(), RegionError> {
        let at = self.byte_of(start)?;
        read_bytes(&*self.region, at, bytemuck::cast_slice_mut(elements))
    }

    /// Writes elements that are here, from `start` on.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but pages that are written as a whole need not be valid.
    pub fn write(&mut self, start: usize, elements: &[T]) -> Result<(), RegionError> {
        let at = self.byte_of(start)?;
        write_bytes(&*self.region, at, bytemuck::cast_slice(elements))
    }

    fn byte_of(&self, element: usize) -> Result<usize, RegionError> {
        let bytes = self.region.geometry().bytes();
        element.checked_mul(size_of::<T>()).ok_or(RegionError::Access { at: usize::MAX, bytes })
    }

    /// Gets pages from their owners, as far as what is here is older. All ranks have to call
    /// it.
    ///
    /// It waits for who writes pages here.
    ///
    /// # Errors
    ///
    /// - [`Overwrite`](RegionError::Overwrite), if copies were written here: push them first.
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
        shown.and(pinned).and(self.settle_own()).and(fetched)
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
            [own.start.saturating_sub(before)..own.start, own.end..end]
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
    ///   of the pages as well since the last exchange; none of this rank's is pushed then.
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
        shown.and(pinned).and(accepted).and(self.settle_own()).and(pushed)
    }

    /// Does something while all other ranks do, and none does anything else.
    fn between_barriers<R>(
        &self,
        work: impl FnOnce() -> Result<R, RegionError>,
    ) -> Result<R, RegionError> {
        self.job.transport().barrier()?;
        let done = work();
        // Whoever fails must not leave the others waiting.
        self.job.transport().barrier()?;
        done
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
            let memory = ArenaMemory::new(&self.job);
            let pages = missing.pages(self.region.geometry(), memory)?;
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
        clean(&self.region, written)?;
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

    /// The copies that were written here and nowhere else.
    fn written(&self, wanted: &Pages) -> Result<Vec<u64>, RegionError> {
        let array = self.region.pages();
        let own = self.owners.of(self.job.rank()).words();
        let is_written = |(group, bits): (usize, &u64)| bits & array.dirty(group) & !own[group];
        let written: Vec<u64> = wanted.words().iter().enumerate().map(is_written).collect();
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
    fn settle_own(&self) -> Result<(), RegionError> {
        let array = self.region.pages();
        let own = self.owners.of(self.job.rank()).words().iter().enumerate();
        let dirty: Vec<u64> = own.map(|(group, bits)| bits & array.dirty(group)).collect();
        clean(&self.region, Pages::new(&dirty))
    }
}

/// Takes back that pages were written, which keep what they hold.
fn clean(region: &LocalRegion, pages: &Pages) -> Result<(), RegionError> {
    region.begin_write(pages)?;
    // SAFETY: pinned just now, and nothing of them was lent.
    unsafe { region.end_write(pages, Outcome::Copied(region.pages())) };
    Ok(())
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

/// What stands for another rank's region.
fn peer(
    job: &Arc<Job>,
    rank: u32,
    handle: Option<Handle>,
) -> Result<Option<MpiRegion>, RegionError> {
    let code = TransportError::REFUSED;
    let handle = handle.ok_or(RegionError::Transport { rank, code })?;
    if rank == job.rank() {
        return Ok(None);
    }
    // SAFETY: all ranks have the buffer as long as any, but for those that fail; its pages
    // are used by others in exchanges only, which begin and end with barriers.
    unsafe { MpiRegion::open(job, handle) }.map(Some)
}

/// What a rank makes before the others are asked.
struct Made {
    owners: Owners,
    exported: Exported<LocalRegion>,
    anchor: Anchor<Arc<LocalRegion>, ArenaMemory>,
    region: Arc<LocalRegion>,
}

impl Made {
    fn new<T: Pod>(
        job: &Arc<Job>,
        len: usize,
        options: BufferOptions<'_>,
    ) -> Result<Self, RegionError> {
        let bytes = len.checked_mul(size_of::<T>());
        let geometry = bytes.and_then(|bytes| Geometry::new(bytes, options.page));
        let geometry = geometry.ok_or(RegionError::Unsupported)?;
        let owners = Owners::new(geometry, options.distribution, job.ranks())?;
        let memory = || ArenaMemory::new(job);
        let pause = std::thread::yield_now;
        let settings = Settings { id: job.region_id()?, geometry, blocks: options.blocks, pause };
        let region = Arc::new(DefaultRegion::new(settings, memory(), memory())?);
        let own = Access::Pages(owners.of(job.rank())).pages(geometry, memory())?;
        let anchor = Anchor::new(Arc::clone(&region), own)?;
        fill(&*region, anchor.pages(), 0)?;
        let exported = Exported::new(job, Arc::clone(&region))?;
        Ok(Self { owners, exported, anchor, region })
    }
}
