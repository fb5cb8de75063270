//! Allocators: what hands out blocks of a backend.
//!
//! | type | for | threads |
//! |---|---|---|
//! | [`ThreadLocalAllocator`] | the default: a heap slot per thread | any, also of other processes |
//! | [`ScalablePageAllocator`] | interrupt handlers, kernels, no thread-local storage | any, also of other processes |
//! | [`LentSlots`] | the first, for kernels and user-level threads: slots lent for a call | any, also of other processes |
//! | `LinkedListAllocator` | heaps of a few KiB (feature `linked-list`) | any, of one process |

mod allowance;
mod backing;
mod batch;
mod check;
mod check_hints;
mod collect;
mod contents;
mod error;
mod exchange;
mod fault;
mod flush;
mod guest;
mod hardening;
mod heap_memory;
mod large;
mod lent_slots;
#[cfg(feature = "linked-list")]
mod linked_list;
mod live;
mod local_heap;
mod own_blocks;
mod reclaim;
mod refill;
pub mod registry;
mod scalable_page;
mod shared;
mod slot;
mod space;
mod stats;
mod stock;
mod survey;
mod thread_local;
mod unsized_block;
mod walk;

pub use error::{AllocError, Broken, FreeError, TlsFull};
pub use exchange::Exchange;
pub use fault::{Fault, Rule};
pub use heap_memory::{HeapAddress, HeapMemory};
pub use lent_slots::LentSlots;
#[cfg(feature = "linked-list")]
pub use linked_list::LinkedListAllocator;
pub use live::LiveBlock;
pub use local_heap::LocalHeap;
pub use registry::Registration;
pub use scalable_page::ScalablePageAllocator;
pub use stats::{ClassStats, Stats};
pub use survey::{Slab, SlabUse, SlotUse};
pub use thread_local::ThreadLocalAllocator;
pub use walk::CachedBlock;

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use crate::offset::{AllocatorId, AtomicOffsetPtr, FullPtr, Offset, OffsetPtr, ShmPtr};
use crate::thread::{Context, ThreadModel};

/// Hands out blocks of memory, by offset and by pointer.
///
/// Any size and any power-of-two alignment may be asked for; zero bytes get a
/// block of their own. Failures are values; nothing here panics or unwinds.
///
/// # Safety
///
/// A block that was handed out stays valid, and is handed out to nobody else,
/// until it is freed. It is as large and as aligned as was asked for, in this
/// process; in others it is aligned to the base alignment of their mapping at
/// most.
pub unsafe trait Allocator: Send + Sync {
    /// The id that names this allocator in every process.
    fn id(&self) -> AllocatorId;

    /// Whether this process may only read the heap.
    fn read_only(&self) -> bool {
        false
    }

    /// How this process's threads wait, and who it is: what locks in the heap
    /// need.
    fn thread_model(&self) -> &dyn ThreadModel;

    /// Claims a heap slot for the calling thread (hermes-shm: `CreateTls`).
    ///
    /// An allocator without slots answers [`Context::DEFAULT`].
    ///
    /// # Errors
    ///
    /// Every slot is held by a living thread.
    fn create_tls(&self) -> Result<Context, TlsFull>;

    /// Gives a heap slot back; what it cached stays in the heap.
    ///
    /// # Safety
    ///
    /// No copy of `context` is used afterwards, nor a `LocalHeap` made of it.
    unsafe fn free_tls(&self, context: Context);

    /// Allocates a block.
    ///
    /// # Errors
    ///
    /// There is no room, or the request can never be met; see [`AllocError`].
    fn allocate(&self, context: Context, layout: Layout) -> Result<Offset, AllocError>;

    /// Allocates a block whose `layout.size()` bytes are zero.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        allocate_and_zero(self, context, layout)
    }

    /// Makes a block larger or smaller, in place where that is possible.
    ///
    /// The first `min(layout.size(), new_size)` bytes are kept. On an error the
    /// old block is untouched and still the caller's.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    ///
    /// # Safety
    ///
    /// `at` is a live block of this allocator that was asked for with `layout`.
    unsafe fn reallocate(
        &self,
        context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { move_block(self, context, at, layout, new_size) }
    }

    /// Allocates a block that is likely to [grow](Self::grow): where it can, if there
    /// is such a place.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    fn allocate_growing(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.allocate(context, layout)
    }

    /// Makes a block larger where it stands; whether it could.
    ///
    /// A death leaves the block as it was, or larger. Allocators that have no way to do
    /// it say no.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this allocator that was asked for with `layout`, and
    /// `new_size`, which is its size from then on, is not less.
    unsafe fn grow(&self, context: Context, at: Offset, layout: Layout, new_size: usize) -> bool {
        let _ = (context, at, layout, new_size);
        false
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// What was wrong with the block, if that could be seen: the heap is as if
    /// the call had not been made. Not every misuse can be seen at once; see
    /// the allocator's own documentation.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this allocator that was asked for with `layout`,
    /// and is not used afterwards.
    unsafe fn free(&self, context: Context, at: Offset, layout: Layout) -> Result<(), FreeError>;

    /// Puts a new block in the place of an old one such that a death at any
    /// instruction loses neither.
    ///
    /// Allocates a block, calls `fill` with its address, stores its offset to
    /// the word at `exchange.link`, and frees the old block. Once a dead
    /// caller's slot was [recovered](Self::recover), either all of that was done
    /// or nothing: no block is lost, none is freed that is linked. Without a new
    /// block the link becomes null (and the tag); `fill` is not called then.
    ///
    /// Only heaps with slots promise that; in others a death loses the block
    /// that it had in hand. The same goes where all slots are taken.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate); the link and the old block are as they
    /// were then. [`AllocError::Outside`] if the link is not a word of the heap,
    /// [`AllocError::Nested`] if `fill` calls this.
    ///
    /// # Safety
    ///
    /// - The old block is live, was asked for with that layout, and is named by
    ///   the link only.
    /// - [`Exchange::word`], if it is given, is the address of that word, and valid
    ///   for a store.
    /// - Nobody else stores to the link until the call returns or, after the
    ///   caller's death, until a call of [`recover`](Self::recover) returned.
    unsafe fn exchange(
        &self,
        context: Context,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { exchange::exchange_unrecorded(self, context, exchange, fill) }
    }

    /// Allocates a block that `link` names as soon as `fill` has filled it: a
    /// death leaves it linked or free.
    ///
    /// ```
    /// use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
    /// use anymem_core::backend::ArrayBackend;
    /// use anymem_core::offset::{AllocatorId, AtomicOffsetPtr, OffsetPtr};
    /// use anymem_core::segment::Config;
    /// use anymem_core::thread::{Bare, Context};
    /// use core::alloc::Layout;
    /// use core::sync::atomic::Ordering;
    ///
    /// let mut memory = vec![0_u8; 4 << 20];
    /// let heap: ThreadLocalAllocator<_> = ThreadLocalAllocator::create(
    ///     ArrayBackend::<65536>::new(&mut memory),
    ///     Bare,
    ///     &Config::new(AllocatorId::new(0, 3)),
    /// )?;
    /// let layout = Layout::new::<AtomicOffsetPtr<u64>>();
    /// let head = heap.allocate_ptr(Context::DEFAULT, layout)?.ptr.cast();
    /// // SAFETY: just allocated with that layout; nobody else knows of it.
    /// unsafe {
    ///     head.write(AtomicOffsetPtr::<u64>::new(OffsetPtr::NULL));
    ///     let head = head.as_ref();
    ///     let layout = Layout::new::<u64>();
    ///     heap.allocate_into(Context::DEFAULT, head, layout, |block| block.write(42))?;
    ///     let at = head.load(Ordering::Relaxed).offset();
    ///     assert_eq!(heap.resolve(at, 8).unwrap().cast::<u64>().read(), 42);
    ///     heap.free_from(Context::DEFAULT, head, layout)?;
    ///     assert!(head.load(Ordering::Relaxed).is_null());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Safety
    ///
    /// As for [`exchange`](Self::exchange), of which it is one. What `link`
    /// named before is forgotten.
    unsafe fn allocate_into<T>(
        &self,
        context: Context,
        link: &AtomicOffsetPtr<T>,
        layout: Layout,
        mut fill: impl FnMut(NonNull<T>),
    ) -> Result<OffsetPtr<T>, AllocError>
    where
        Self: Sized,
    {
        let link = exchange::offset_of_link(self, link)?;
        let exchange = Exchange { link, word: None, old: None, new: Some(layout), tag: 0 };
        // SAFETY: passed on from the caller.
        let at = unsafe { self.exchange(context, &exchange, &mut |block| fill(block.cast())) }?;
        Ok(OffsetPtr::new(at))
    }

    /// Allocates a block that takes the place of the one that `link` names,
    /// which is freed: a death leaves the one or the other, and no third.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Safety
    ///
    /// As for [`exchange`](Self::exchange); `old` is the layout that the named
    /// block was asked for with.
    unsafe fn replace<T>(
        &self,
        context: Context,
        link: &AtomicOffsetPtr<T>,
        old: Layout,
        new: Layout,
        mut fill: impl FnMut(NonNull<T>),
    ) -> Result<OffsetPtr<T>, AllocError>
    where
        Self: Sized,
    {
        let old = (link.load(Ordering::Acquire).offset(), old);
        let link = exchange::offset_of_link(self, link)?;
        let exchange = Exchange { link, word: None, old: Some(old), new: Some(new), tag: 0 };
        // SAFETY: passed on from the caller.
        let at = unsafe { self.exchange(context, &exchange, &mut |block| fill(block.cast())) }?;
        Ok(OffsetPtr::new(at))
    }

    /// Frees the block that `link` names, which becomes null: a death leaves it
    /// linked or free.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Safety
    ///
    /// As for [`replace`](Self::replace).
    unsafe fn free_from<T>(
        &self,
        context: Context,
        link: &AtomicOffsetPtr<T>,
        old: Layout,
    ) -> Result<(), AllocError>
    where
        Self: Sized,
    {
        let old = (link.load(Ordering::Acquire).offset(), old);
        let link = exchange::offset_of_link(self, link)?;
        let exchange = Exchange { link, word: None, old: Some(old), new: None, tag: 0 };
        // SAFETY: passed on from the caller.
        unsafe { self.exchange(context, &exchange, &mut |_| {}) }.map(|_| ())
    }

    /// Takes back what dead processes held; how many slots they had.
    ///
    /// Whoever takes over what a dead process was changing calls this first.
    /// Allocators without slots have nothing to take back.
    fn recover(&self) -> usize {
        0
    }

    /// How many bytes at `at` the caller may use: `layout.size()` or more.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this allocator that was asked for with `layout`.
    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize;

    /// How many bytes at `at` may be used, for a caller that does not know the
    /// layout; `None` where no block starts, or if this allocator cannot tell.
    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        let _ = at;
        None
    }

    /// The address in this process of `size` bytes at `at`, or `None` where
    /// they are not all inside this allocator's span.
    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>>;

    /// The offset of an address, or `None` if it is outside this allocator's
    /// span.
    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset>;

    /// Counts what the heap holds, by walking it.
    ///
    /// Exact while nobody allocates; otherwise each number was true at some
    /// moment of the walk.
    fn stats(&self) -> Stats;

    /// Allocates a block and resolves it.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    fn allocate_ptr(&self, context: Context, layout: Layout) -> Result<FullPtr<u8>, AllocError> {
        let at = self.allocate(context, layout)?;
        let ptr = self.resolve(at, layout.size()).ok_or(AllocError::Corrupt)?;
        Ok(FullPtr::new(ptr, ShmPtr::new(self.id(), at)))
    }

    /// Frees the block at an address.
    ///
    /// # Errors
    ///
    /// As [`free`](Self::free), and [`FreeError::Outside`].
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    unsafe fn free_ptr(
        &self,
        context: Context,
        ptr: NonNull<u8>,
        layout: Layout,
    ) -> Result<(), FreeError> {
        let at = self.offset_of(ptr).ok_or(FreeError::Outside)?;
        // SAFETY: passed on from the caller.
        unsafe { self.free(context, at, layout) }
    }
}

/// Allocates a block and writes zeroes to it.
pub(crate) fn allocate_and_zero<A: Allocator + ?Sized>(
    allocator: &A,
    context: Context,
    layout: Layout,
) -> Result<Offset, AllocError> {
    let at = allocator.allocate(context, layout)?;
    let start = allocator.resolve(at, layout.size()).ok_or(AllocError::Corrupt)?;
    // SAFETY: the block was just handed out: `layout.size()` bytes at `start`,
    // which nobody else uses.
    unsafe { start.write_bytes(0, layout.size()) };
    Ok(at)
}

/// Reallocates by allocating anew, copying and freeing.
///
/// # Safety
///
/// As for [`Allocator::reallocate`].
pub(crate) unsafe fn move_block<A: Allocator + ?Sized>(
    allocator: &A,
    context: Context,
    at: Offset,
    layout: Layout,
    new_size: usize,
) -> Result<Offset, AllocError> {
    let new_layout = Layout::from_size_align(new_size, layout.align())
        .map_err(|_| AllocError::TooLarge { requested: new_size })?;
    let kept = layout.size().min(new_size);
    let from = allocator.resolve(at, kept).ok_or(AllocError::Corrupt)?;
    let new = allocator.allocate(context, new_layout)?;
    let to = allocator.resolve(new, kept).ok_or(AllocError::Corrupt)?;
    // SAFETY: both blocks hold at least `kept` bytes. In a damaged heap they may
    // overlap.
    unsafe { to.copy_from(from, kept) };
    // SAFETY: passed on from the caller; the contents have moved. A complaint
    // would be about the old block, which the caller vouched for.
    let _ = unsafe { allocator.free(context, at, layout) };
    Ok(new)
}
