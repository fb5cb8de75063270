//! Core's heaps as pools: one span of the provider, blocks by address.

mod by_address;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use anymem_core::allocator::{AllocError, FreeError, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::backend::Backend;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::Context;

use self::by_address::ByAddress;
use super::{Pool, PoolError, PoolStats, Tracked};
use crate::attached::{Attached, HeapKind};
use crate::backend::ProviderBackend;
use crate::provider::{Provider, ProviderError};
use crate::size::IntoSize;
use crate::thread::PthreadModel;

/// The recommended pool where the CPU can touch the memory: a heap slot for each thread.
pub type ThreadLocalPool = HeapPool<ThreadLocalAllocator<ProviderBackend, PthreadModel>>;

/// The pool that needs no slots; slower with many threads.
pub type ScalablePagePool = HeapPool<ScalablePageAllocator<ProviderBackend, PthreadModel>>;

/// A heap of core in one span of a provider.
///
/// The span is as long as the pool can become; what is not used of it takes no memory
/// where the provider's spans take none before they are written. What stands before or
/// behind a block is another block: all that is known of them stands at the span's front.
/// A block that is freed twice, and an address where none starts, is refused.
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::Size;
/// use anymem::pool::{Pool, ThreadLocalPool, Tracked};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = ThreadLocalPool::new(memory, Size::mib(64))?;
/// let block = pool.allocate(Layout::new::<[u64; 10]>())?;
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
pub struct HeapPool<A: PoolHeap> {
    heap: Box<Attached<A>>,
    memory: Tracked,
    name: String,
}

/// How a [`HeapPool`] is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeapPoolOptions {
    name: Option<String>,
    config: Config,
}

impl Default for HeapPoolOptions {
    fn default() -> Self {
        // Nobody looks it up by its id.
        Self { name: None, config: Config::new(AllocatorId::new(0, 0)) }
    }
}

impl HeapPoolOptions {
    /// Everything chosen to suit the pool's size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the pool is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// How many threads can have a heap slot at a time; the others take turns without.
    #[must_use]
    pub fn slots(self, slots: usize) -> Self {
        Self { config: self.config.slots(slots), ..self }
    }

    /// How long freed memory is kept before the provider is told to purge it; zero for as
    /// long as the pool lives.
    #[must_use]
    pub fn decay(self, time: core::time::Duration) -> Self {
        Self { config: self.config.decay(time), ..self }
    }
}

impl<A: PoolHeap> HeapPool<A> {
    /// A pool in a span of `size` bytes of `memory`.
    ///
    /// # Errors
    ///
    /// The CPU cannot touch the provider's memory, or it has no such span;
    /// [`PoolError::BadSetting`] if it is too small for a heap.
    pub fn new(memory: Tracked, size: impl IntoSize) -> Result<Self, PoolError> {
        Self::with_options(memory, size, HeapPoolOptions::default())
    }

    /// The same, made as `options` say.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_options(
        memory: Tracked,
        size: impl IntoSize,
        options: HeapPoolOptions,
    ) -> Result<Self, PoolError> {
        let bad =
            |value: String, why: String| PoolError::BadSetting { setting: "size", value, why };
        let size = size.into_size().map_err(|error| bad("that".to_owned(), error.to_string()))?;
        let backend = ProviderBackend::new(Arc::new(memory.clone()), size)?;
        let heap = A::make(backend, &options.config)
            .map_err(|error| bad(size.to_string(), error.to_string()))?;
        let heap = Box::new(Attached::new(heap));
        // SAFETY: it stays where it is until it is dropped.
        unsafe { heap.enroll() };
        Ok(Self { heap, memory, name: options.name.unwrap_or_else(|| A::NAME.to_owned()) })
    }

    fn context(&self) -> Context {
        self.heap.context(Context::DEFAULT)
    }

    fn backend(&self) -> &ProviderBackend {
        self.heap.allocator().span_of_pool()
    }

    // These are told apart, for errors are so large that the good cases would take twice as
    // long.

    #[inline(never)]
    fn allocate_slow(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let heap = self.heap.allocator();
        heap.take(self.context(), layout, false).map_err(|error| self.cannot(error))
    }

    /// # Safety
    ///
    /// As for [`free`](Pool::free).
    #[inline(never)]
    unsafe fn free_slow(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        // SAFETY: passed on from the caller.
        let freed = unsafe { self.heap.allocator().put(self.context(), block) };
        freed.map_err(|error| self.not_freed(block, error))
    }

    /// The error for a request that the heap could not meet.
    #[cold]
    fn cannot(&self, error: AllocError) -> PoolError {
        match error {
            AllocError::Full { requested } => {
                PoolError::Limit { requested, limit: self.backend().len() }
            }
            AllocError::TooLarge { requested } => PoolError::TooLarge { requested },
            AllocError::NoSpace(error) => PoolError::Provider(ProviderError::NoMemory {
                provider: self.provider().name().to_owned(),
                requested: error.len,
                code: error.code,
            }),
            error => PoolError::Heap(error),
        }
    }

    #[cold]
    fn not_freed(&self, block: NonNull<u8>, error: FreeError) -> PoolError {
        match error {
            FreeError::Overflow { .. } | FreeError::ReadOnly => PoolError::Heap(error.into()),
            _ => PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() },
        }
    }
}

impl<A: PoolHeap> fmt::Debug for HeapPool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeapPool({:?}, {} bytes)", self.name, self.backend().len())
    }
}

// SAFETY: every block is the heap's, which keeps the contract; the span stays its own
// until it is dropped.
unsafe impl<A: PoolHeap> Pool for HeapPool<A> {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> &dyn Provider {
        &self.memory
    }

    fn memory(&self) -> Option<&Tracked> {
        Some(&self.memory)
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let heap = self.heap.allocator();
        // SAFETY: the calling thread's own slot.
        match self.heap.own_slot().and_then(|slot| unsafe { heap.take_at_hand(slot, layout) }) {
            Some(block) => Ok(block),
            None => self.allocate_slow(layout),
        }
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let heap = self.heap.allocator();
        heap.take(self.context(), layout, true).map_err(|error| self.cannot(error))
    }

    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        // A block's own size leads to its class again.
        let layout = Layout::from_size_align(self.usable_size(block)?, GRAIN)
            .map_err(|_| PoolError::TooLarge { requested: new_size })?;
        let heap = self.heap.allocator();
        let at = heap.offset_of(block).ok_or_else(|| self.not_freed(block, FreeError::Outside))?;
        // SAFETY: passed on from the caller.
        let moved = unsafe { heap.reallocate(self.context(), at, layout, new_size) };
        let moved = moved.and_then(|at| heap.resolve(at, new_size).ok_or(AllocError::Corrupt));
        moved.map_err(|error| self.cannot(error))
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let heap = self.heap.allocator();
        // SAFETY: the calling thread's own slot, and passed on from the caller.
        if self.heap.own_slot().is_some_and(|slot| unsafe { heap.put_at_hand(slot, block) }) {
            return Ok(());
        }
        // SAFETY: passed on from the caller.
        unsafe { self.free_slow(block) }
    }

    unsafe fn free_sized(&self, block: NonNull<u8>, layout: Layout) -> Result<(), PoolError> {
        // SAFETY: passed on from the caller.
        let freed = unsafe { self.heap.allocator().free_ptr(self.context(), block, layout) };
        freed.map_err(|error| self.not_freed(block, error))
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        let heap = self.heap.allocator();
        let size = heap.offset_of(block).and_then(|at| heap.usable_size_of(at));
        size.ok_or_else(|| self.not_freed(block, FreeError::NotABlock))
    }

    /// Has the provider purge the pages that no block needs, all of them if there are more
    /// than `keep` bytes; the span stays the pool's.
    fn trim(&self, keep: usize) -> usize {
        let stats = self.heap.allocator().stats();
        if stats.committed.saturating_sub(stats.live) <= keep {
            return 0;
        }
        self.heap.allocator().give_back(self.context())
    }

    fn stats(&self) -> PoolStats {
        let stats = self.heap.allocator().stats();
        PoolStats { used: stats.live, reserved: stats.reserved, blocks: stats.live_blocks }
    }
}

/// What every block is aligned to.
const GRAIN: usize = align_of::<libc::max_align_t>();

/// A heap of core that can be a pool.
pub trait PoolHeap: HeapKind + ByAddress {}

impl<A: HeapKind + ByAddress> PoolHeap for A {}
