//! A global allocator for kernels: without locks, for processors and interrupt handlers.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::AddError;
use super::resize::reallocate;
use crate::allocator::{Allocator, Broken, LentSlots, Stats, ThreadLocalAllocator};
use crate::backend::Backend;
use crate::offset::{AllocatorId, Offset};
use crate::segment::Config;
use crate::sync::Deposit;
use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::thread::{Context, PerCpu};
use crate::tiny::TooSmall;

/// A lock-free heap in regions that are added one by one, with free blocks at hand for up
/// to `CPUS` processors.
///
/// - Whoever is interrupted in the midst of a call, or taken off its processor, stops
///   nobody: interrupt handlers and other processors allocate and free meanwhile, any
///   block of anybody.
/// - Each processor keeps free blocks of its own ([`LentSlots`]). Which one it is, a
///   function tells; a wrong answer costs time, nothing else. So preemption may stay on.
/// - Before a call fails, what the processors keep is given back and tried again. So it
///   takes time in proportion to the memory, some 50 instructions for each slab; in heaps of
///   hundreds of MiB have larger slabs.
/// - It returns null where there is no room, and never panics. A block that no region has
///   is not freed; one that is freed twice is seen and left alone, unless it was handed out
///   anew in between.
///
/// Kernels that want [page frames](crate::frames), too, take its regions from these.
///
/// # The slab size
///
/// `SHIFT` is its binary logarithm. Blocks of a slab or less have up to an eighth of waste,
/// larger ones take whole slabs. Metadata take, in each region:
///
/// | `SHIFT` | | and for each processor | so a region has |
/// |---|---|---|---|
/// | 12 | 4 % | 2 KiB | 128 KiB or more |
/// | 14 | 3 % | 7 KiB | 512 KiB or more |
/// | 16 | 3 % | 18 KiB | 2 MiB or more |
///
/// Small programs with one processor do better with a [`RegionAlloc`](super::RegionAlloc).
///
/// ```
/// use anymem_core::global::KernelAlloc;
/// use core::alloc::{GlobalAlloc, Layout};
/// use core::ptr::NonNull;
///
/// fn cpu() -> usize {
///     0 // Here a kernel reads what its processor has, such as `gs` or `tpidr_el1`.
/// }
///
/// // In a kernel this is its `#[global_allocator]`.
/// static HEAP: KernelAlloc<8, 12> = KernelAlloc::new(cpu);
///
/// // The boot loader tells where memory is.
/// let memory = NonNull::from(Box::leak(vec![0_u8; 1 << 20].into_boxed_slice()));
/// // SAFETY: nobody else uses it, for ever.
/// unsafe { HEAP.add(memory)? };
///
/// let layout = Layout::new::<[u64; 10]>();
/// // SAFETY: the layout has a size; the block is freed with the same one.
/// unsafe {
///     let block = HEAP.alloc(layout);
///     assert!(!block.is_null());
///     HEAP.dealloc(block, layout);
/// }
/// let stats = HEAP.stats();
/// assert_eq!((stats.live_blocks, stats.free()), (0, stats.capacity));
/// assert_eq!(HEAP.check(), Ok(()));
/// # Ok::<(), anymem_core::global::AddError>(())
/// ```
pub struct KernelAlloc<const CPUS: usize = 1, const SHIFT: u32 = 16, const REGIONS: usize = 8> {
    cpu: fn() -> usize,
    /// The region where the last block was found: below `REGIONS`. A hint.
    latest: AtomicUsize,
    regions: [Region<CPUS, SHIFT>; REGIONS],
}

type Heap<const CPUS: usize, const SHIFT: u32> =
    LentSlots<ThreadLocalAllocator<Span<SHIFT>, PerCpu<fn() -> usize, 0>, SHIFT>, CPUS>;

/// A place for a heap, which is filled once.
struct Region<const CPUS: usize, const SHIFT: u32> {
    /// The word of the [`Deposit`] that `heap` is.
    state: AtomicU32,
    /// Initialised once it is there.
    heap: UnsafeCell<MaybeUninit<Heap<CPUS, SHIFT>>>,
}

// SAFETY: the heap is written by whoever began to fill the place, and only read after that
// was ended; it is `Sync` itself.
unsafe impl<const CPUS: usize, const SHIFT: u32> Sync for Region<CPUS, SHIFT> {}

impl<const CPUS: usize, const SHIFT: u32> Region<CPUS, SHIFT> {
    const fn new() -> Self {
        Self { state: AtomicU32::new(0), heap: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    #[inline]
    fn state(&self) -> Deposit<'_> {
        Deposit::new(&self.state)
    }

    /// Fills the place, or leaves it empty.
    ///
    /// # Safety
    ///
    /// The caller began to, and does this once.
    unsafe fn fill(&self, heap: Option<Heap<CPUS, SHIFT>>) {
        let filled = heap.is_some();
        if let Some(heap) = heap {
            // SAFETY: the caller began to fill the place, so nobody else looks.
            unsafe { (*self.heap.get()).write(heap) };
        }
        self.state().end(filled);
    }

    #[inline]
    fn heap(&self) -> Option<&Heap<CPUS, SHIFT>> {
        // SAFETY: it is there, so it is initialised and stays as it is.
        self.state().is_there().then(|| unsafe { (*self.heap.get()).assume_init_ref() })
    }
}

impl<const CPUS: usize, const SHIFT: u32, const REGIONS: usize> KernelAlloc<CPUS, SHIFT, REGIONS> {
    const VALID: () = assert!(CPUS < Config::MOST_SLOTS && REGIONS > 0, "too many or too few");

    /// An allocator with no memory, for processors that `cpu` tells apart by their
    /// numbers.
    ///
    /// It is called wherever something is allocated or freed, so it does not do so itself.
    #[must_use]
    pub const fn new(cpu: fn() -> usize) -> Self {
        let () = Self::VALID;
        Self { cpu, latest: AtomicUsize::new(0), regions: [const { Region::new() }; REGIONS] }
    }

    /// Adds memory, which may be anywhere; also while others allocate.
    ///
    /// # Errors
    ///
    /// The region is too small, or there are too many.
    ///
    /// # Safety
    ///
    /// `memory` is valid for reads and writes as long as this allocator or a block of it is
    /// used, and nobody else uses it.
    pub unsafe fn add(&self, memory: NonNull<[u8]>) -> Result<(), AddError> {
        let taken = self.regions.iter().enumerate().find(|(_, region)| region.state().begin());
        let (number, region) = taken.ok_or(AddError::TooMany { regions: REGIONS })?;
        // SAFETY: passed on from the caller.
        let span = unsafe { Span::new(memory) };
        // One slot more than is lent: for who looks for memory where none is left.
        let config =
            Config::new(AllocatorId::new(0, number as u32 + 1)).slots(CPUS + 1).resident(true);
        let heap = ThreadLocalAllocator::create(span, PerCpu::new(self.cpu), &config).ok();
        let made = heap.is_some();
        // SAFETY: the place was just taken, by `begin`.
        unsafe { region.fill(heap.map(LentSlots::new)) };
        if made { Ok(()) } else { Err(AddError::TooSmall(TooSmall { len: memory.len() })) }
    }

    /// What all regions hold together, as for each of [them](Self::region_stats).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::EMPTY;
        self.region_stats().for_each(|region| sum += &region);
        sum
    }

    /// What each region holds, in the order in which they were added.
    ///
    /// It takes no lock and changes nothing, so interrupt handlers may ask, and others
    /// allocate and free meanwhile. Then each number was true at some moment, but not all of
    /// them at the same one: they need not add up. What processors keep at hand counts as
    /// free.
    ///
    /// A [`Stats`] has some 3 KiB, of which a call puts two or three on the stack. It takes
    /// time in proportion to the slabs of the region.
    pub fn region_stats(&self) -> impl Iterator<Item = Stats> + '_ {
        self.heaps().map(Heap::stats)
    }

    /// Bytes that blocks can have altogether.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.region_stats().map(|region| region.capacity).sum()
    }

    /// Bytes of blocks in use, rounded up to their block sizes. Exact while nobody
    /// allocates.
    #[must_use]
    pub fn used(&self) -> usize {
        self.region_stats().map(|region| region.live).sum()
    }

    /// Walks all regions and says what is broken.
    ///
    /// Meaningful while nobody allocates.
    ///
    /// # Errors
    ///
    /// The first rule found that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        self.heaps().try_for_each(|heap| heap.allocator().check())
    }

    fn heaps(&self) -> impl Iterator<Item = &Heap<CPUS, SHIFT>> {
        self.regions.iter().filter_map(Region::heap)
    }

    /// The heap that has `block`, and where in it.
    #[inline]
    fn find(&self, block: NonNull<u8>) -> Option<(&Heap<CPUS, SHIFT>, Offset)> {
        self.heaps().find_map(|heap| Some((heap, heap.offset_of(block)?)))
    }

    /// Takes a block of some region.
    #[inline]
    fn take(&self, take: impl Fn(&Heap<CPUS, SHIFT>) -> Option<NonNull<u8>>) -> *mut u8 {
        let block = self.take_anywhere(&take).or_else(|| self.take_released(&take));
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    fn take_anywhere(
        &self,
        take: impl Fn(&Heap<CPUS, SHIFT>) -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        let latest = self.latest.load(Ordering::Relaxed);
        (0..REGIONS).map(|turn| (latest + turn) % REGIONS).find_map(|number| {
            let block = take(self.regions[number].heap()?)?;
            if number != latest {
                self.latest.store(number, Ordering::Relaxed);
            }
            Some(block)
        })
    }

    /// Tries again with what the processors kept.
    #[cold]
    fn take_released(
        &self,
        take: impl Fn(&Heap<CPUS, SHIFT>) -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        self.heaps().for_each(|heap| {
            heap.release();
        });
        self.take_anywhere(take)
    }
}

impl<const CPUS: usize, const SHIFT: u32, const REGIONS: usize> fmt::Debug
    for KernelAlloc<CPUS, SHIFT, REGIONS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KernelAlloc({} of {REGIONS} regions)", self.heaps().count())
    }
}

// SAFETY: the heaps hand out disjoint blocks of their regions, as large and as aligned as
// the layouts ask; none of them unwinds.
unsafe impl<const CPUS: usize, const SHIFT: u32, const REGIONS: usize> GlobalAlloc
    for KernelAlloc<CPUS, SHIFT, REGIONS>
{
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(|heap| heap.resolve(heap.allocate(Context::DEFAULT, layout).ok()?, layout.size()))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.take(|heap| {
            heap.resolve(heap.allocate_zeroed(Context::DEFAULT, layout).ok()?, layout.size())
        })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((heap, at)) = NonNull::new(block).and_then(|it| self.find(it)) else { return };
        // SAFETY: passed on from the caller. What it complains of, it has left alone.
        let _ = unsafe { heap.free(Context::DEFAULT, at, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(block) = NonNull::new(block) else { return ptr::null_mut() };
        let Some((heap, at)) = self.find(block) else { return ptr::null_mut() };
        // SAFETY: passed on from the caller.
        match unsafe { heap.reallocate(Context::DEFAULT, at, layout, new_size) } {
            Ok(at) => heap.resolve(at, new_size).map_or(ptr::null_mut(), NonNull::as_ptr),
            // SAFETY: passed on from the caller: the old block is as it was. Another region
            // may have room, or what processors keep.
            Err(_) => unsafe { reallocate(self, block, layout, new_size) },
        }
    }
}

/// Memory that lies where slabs of `1 << SHIFT` bytes may.
#[derive(Debug)]
struct Span<const SHIFT: u32> {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: whoever made it gave it the memory; it only tells where that is.
unsafe impl<const SHIFT: u32> Send for Span<SHIFT> {}
// SAFETY: as for `Send`.
unsafe impl<const SHIFT: u32> Sync for Span<SHIFT> {}

impl<const SHIFT: u32> Span<SHIFT> {
    /// The part of `memory` that starts at a multiple of the slab size.
    ///
    /// # Safety
    ///
    /// As for [`Backend`]: it stays valid, and nobody else uses it.
    unsafe fn new(memory: NonNull<[u8]>) -> Self {
        let start = memory.cast::<u8>();
        let skip = start.align_offset(1 << SHIFT).min(memory.len());
        // SAFETY: this is inside the memory, or its end.
        Self { base: unsafe { start.add(skip) }, len: memory.len() - skip }
    }
}

// SAFETY: the memory is the maker's, who vouched for it; its start was aligned; there is
// nothing to commit.
unsafe impl<const SHIFT: u32> Backend for Span<SHIFT> {
    const ALIGN: usize = 1 << SHIFT;

    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        false
    }
}
