//! The ranks of a job, and the heaps that they have in their arenas.

use std::fmt;
use std::num::NonZeroU32;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use anymem::thread::PthreadModel;
use anymem_core::allocator::{HeapMemory, ScalablePageAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::memory::MemoryId;
use anymem_core::offset::AllocatorId;
use anymem_core::region::RegionId;
use anymem_core::segment::Config;

use crate::transport::{ARENA_ALIGN, AnyTransport, TransportError};

/// Slabs are pages of arenas, for no more is sure of how other processes map them.
const SHIFT: u32 = ARENA_ALIGN.trailing_zeros();

/// A rank's arena as a heap of anymem, which all ranks of a host can share. Arenas are aligned,
/// so offsets in the heap are offsets in the arena.
pub(crate) type Heap = HeapMemory<ArenaAllocator>;

type ArenaAllocator =
    ScalablePageAllocator<ArrayBackend<'static, ARENA_ALIGN>, PthreadModel, SHIFT>;

/// The ranks of a job, of which each has a heap in its arena.
///
/// ```
/// use anymem_mpi::{ArenaMemory, Job, open};
/// use anymem_core::memory::Memory;
/// use std::alloc::Layout;
///
/// let job = Job::new(open(4 << 20)?)?;
/// let memory = ArenaMemory::new(&job);
/// let layout = Layout::new::<[u64; 16]>();
/// let block = memory.allocate(layout)?;
/// // SAFETY: just allocated so.
/// unsafe { memory.free(block, layout) };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Job {
    // The heaps are in the arenas, so they go first.
    heaps: Vec<OnceLock<Option<Heap>>>,
    transport: AnyTransport,
    arena: NonNull<[u8]>,
    number: u64,
    regions: AtomicU32,
    /// Counts the flushes that failed, of which one thread alone was told.
    failures: AtomicU32,
}

// SAFETY: the arena is the transport's, which may be used from any thread; who uses its bytes
// vouches for it.
unsafe impl Send for Job {}
// SAFETY: as for `Send`.
unsafe impl Sync for Job {}

static JOBS: AtomicU64 = AtomicU64::new(0);

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job(rank {} of {}, {})", self.rank(), self.ranks(), self.transport.kind())
    }
}

impl Job {
    /// The ranks of `transport`; what is in the arenas is lost. All ranks have to call it.
    ///
    /// # Errors
    ///
    /// An arena is too small for a heap, on any rank, or the transport failed.
    pub fn new(transport: AnyTransport) -> Result<Arc<Self>, TransportError> {
        let arena = transport.arena();
        let config = Config::new(AllocatorId::new(0, transport.rank()));
        let own = ArenaAllocator::create(backend(arena), PthreadModel, &config).ok();
        let job = Self {
            heaps: (0..transport.ranks()).map(|_| OnceLock::new()).collect(),
            transport,
            arena,
            number: JOBS.fetch_add(1, Ordering::Relaxed),
            regions: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        };
        let made = job.agree(own.is_some());
        let rank = job.rank() as usize;
        let _ = job.heaps[rank].set(own.map(HeapMemory::new));
        if made? { Ok(Arc::new(job)) } else { Err(TransportError::OutOfMemory(arena.len())) }
    }

    /// The rank of this process.
    #[must_use]
    pub fn rank(&self) -> u32 {
        self.transport.rank()
    }

    /// How many ranks there are.
    #[must_use]
    pub fn ranks(&self) -> u32 {
        self.transport.ranks()
    }

    /// What moves bytes between them.
    #[must_use]
    pub fn transport(&self) -> &AnyTransport {
        &self.transport
    }

    /// A number for a region, which no other of the job has.
    ///
    /// # Errors
    ///
    /// There are no more: 2³² among all ranks.
    pub fn region_id(&self) -> Result<RegionId, TransportError> {
        let count = self.regions.fetch_add(1, Ordering::Relaxed);
        let number =
            count.checked_mul(self.ranks()).and_then(|first| first.checked_add(self.rank() + 1));
        let number = number.and_then(NonZeroU32::new);
        number.map(RegionId::new).ok_or(TransportError::OutOfMemory(count as usize))
    }

    /// Whether all ranks say yes. All of them have to call it.
    ///
    /// # Errors
    ///
    /// The transport failed.
    pub fn agree(&self, yes: bool) -> Result<bool, TransportError> {
        let mut all = vec![0; self.ranks() as usize];
        self.transport.all_gather(&[u8::from(yes)], &mut all)?;
        Ok(all.iter().all(|&each| each == 1))
    }

    /// Waits until all that was posted to `rank` is done.
    pub(crate) fn flush(&self, rank: u32) -> Result<(), TransportError> {
        self.transport.flush(rank).inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// How many flushes have failed: what was posted to any rank may not be done.
    pub(crate) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The arena of this rank.
    #[inline]
    pub(crate) fn arena(&self) -> NonNull<[u8]> {
        self.arena
    }

    /// The number of `rank`'s memory.
    pub(crate) fn memory_id(&self, rank: u32) -> MemoryId {
        MemoryId { kind: "rank", instance: self.number << 32 | u64::from(rank) }
    }

    /// The heap in the arena of `rank`, if this process can reach it by itself.
    pub(crate) fn heap(&self, rank: u32) -> Option<&Heap> {
        let attach = || {
            let arena = self.transport.shared(rank)?;
            ArenaAllocator::attach(backend(arena), PthreadModel).ok().map(HeapMemory::new)
        };
        self.heaps.get(rank as usize)?.get_or_init(attach).as_ref()
    }
}

/// The arena, as long as its transport lives, which outlives the heaps.
fn backend(arena: NonNull<[u8]>) -> ArrayBackend<'static, ARENA_ALIGN> {
    // SAFETY: arenas are there as long as their transport, which is dropped after the heaps of
    // the job; nothing but heaps uses the bytes, except through blocks of them.
    unsafe { ArrayBackend::from_raw(arena.cast(), arena.len()) }
}
