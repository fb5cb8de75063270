//! Elements that are spread over all ranks.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use anymem::memory::HostMemory;
use anymem_core::region::{
    Access, Anchor, Blocks, DefaultRegion, Page, Pages, Region, RegionError, Run,
};
use bytemuck::Pod;

use super::Distribution;
use super::made::{Made, peer};
use super::owners::Owners;
use crate::{ArenaMemory, Exported, Handle, Job, MpiRegion, TransportError};

/// The pages of a buffer that this rank has, its own ones and copies of others'.
pub type LocalRegion = DefaultRegion<ArenaMemory, HostMemory>;

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
    pub(super) len: usize,
    pub(super) owners: Owners,
    /// What stands for the other ranks' regions; nothing for this one's.
    pub(super) peers: Vec<Option<MpiRegion>>,
    pub(super) exported: Exported<LocalRegion>,
    /// Its own pages, and then the copies.
    pub(super) anchors: Vec<Anchor<Arc<LocalRegion>, HostMemory>>,
    pub(super) region: Arc<LocalRegion>,
    pub(super) job: Arc<Job>,
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
        let bytes = self.bytes_of(start, elements.len())?;
        self.region.read(&Access::Ranges(&[bytes]))?.read(start, elements)
    }

    /// Writes elements that are here, from `start` on.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but pages that are written as a whole need not be valid.
    pub fn write(&mut self, start: usize, elements: &[T]) -> Result<(), RegionError> {
        let bytes = self.bytes_of(start, elements.len())?;
        self.check_rest(&bytes)?;
        self.region.write(&Access::Ranges(&[bytes]))?.write(start, elements)
    }

    /// Pages of which only a part is written have to hold something in the rest.
    fn check_rest(&self, bytes: &Range<usize>) -> Result<(), RegionError> {
        let geometry = self.region.geometry();
        let first_and_last = [bytes.start, bytes.end.saturating_sub(1)];
        for page in first_and_last.map(|byte| geometry.page_of(byte)) {
            let all = geometry.bytes_of(Run { first: page, len: 1 });
            let is_part = bytes.start > all.start || bytes.end < all.end;
            let page = self.region.pages().page(page).filter(|_| is_part && !bytes.is_empty());
            if let Some(page) = page.filter(|page| page.is_allocated() && !page.is_valid()) {
                let region = self.region.id();
                return Err(RegionError::Invalid { region, first: page.index(), pages: 1 });
            }
        }
        Ok(())
    }

    fn bytes_of(&self, start: usize, len: usize) -> Result<Range<usize>, RegionError> {
        let bytes = self.region.geometry().bytes();
        let range = || {
            let end = start.checked_add(len)?.checked_mul(size_of::<T>())?;
            Some(start * size_of::<T>()..end)
        };
        range().ok_or(RegionError::Access { at: usize::MAX, bytes })
    }
}
