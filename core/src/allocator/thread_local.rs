//! The default allocator: a heap slot per thread.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use super::exchange::{Exchange, exchange_unrecorded};
use super::local_heap::LocalHeap;
use super::{AllocError, Allocator, Broken, FreeError, ScalablePageAllocator, Stats, TlsFull};
use crate::backend::Backend;
use crate::offset::{AllocatorId, Offset};
use crate::segment::{AttachError, Config, CreateError, Geometry, Roots, Segment};
use crate::thread::{Bare, Context, Owner, ThreadModel};

/// Allocates through heap slots that keep free blocks at hand (hermes-shm:
/// `ThreadLocalAllocator`).
///
/// A thread claims a slot with [`create_tls`](Allocator::create_tls) and passes
/// the context to each call, or works through a [`LocalHeap`]. Any thread of
/// any process may free any block. Calls with [`Context::DEFAULT`] are served
/// without a slot, as [`ScalablePageAllocator`] does it; adapters with
/// thread-local storage find the calling thread's slot themselves.
///
/// Double frees are seen when a block leaves the freeing thread's magazine, and
/// are counted in [`Stats::double_frees`]; a block freed twice in quick
/// succession may have been handed out twice by then.
///
/// ```
/// use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::offset::AllocatorId;
/// use anymem_core::segment::Config;
/// use anymem_core::thread::Bare;
/// use core::alloc::Layout;
///
/// let mut memory = vec![0_u8; 4 << 20];
/// let heap: ThreadLocalAllocator<_> = ThreadLocalAllocator::create(
///     ArrayBackend::<65536>::new(&mut memory),
///     Bare,
///     &Config::new(AllocatorId::new(0, 2)),
/// )?;
/// let context = heap.create_tls()?;
/// let layout = Layout::new::<u64>();
/// let block = heap.allocate(context, layout)?;
/// // SAFETY: the block was just allocated with that layout, and the context
/// // is not used any more afterwards.
/// unsafe {
///     heap.free(context, block, layout)?;
///     heap.free_tls(context);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ThreadLocalAllocator<B, T = Bare, const SHIFT: u32 = 16> {
    pages: ScalablePageAllocator<B, T, SHIFT>,
}

impl<B, T, const SHIFT: u32> fmt::Debug for ThreadLocalAllocator<B, T, SHIFT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadLocalAllocator").finish_non_exhaustive()
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> ThreadLocalAllocator<B, T, SHIFT> {
    /// Formats `backend` as a heap; whatever was in it is lost.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create(backend: B, model: T, config: &Config) -> Result<Self, CreateError> {
        ScalablePageAllocator::create(backend, model, config).map(|pages| Self { pages })
    }

    /// Takes `backend` for a heap that somebody made.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(backend: B, model: T) -> Result<Self, AttachError> {
        ScalablePageAllocator::attach(backend, model).map(|pages| Self { pages })
    }

    /// The segment.
    #[must_use]
    pub fn segment(&self) -> &Segment<B, T, SHIFT> {
        self.pages.segment()
    }

    /// Where the bytes come from.
    #[must_use]
    pub fn backend(&self) -> &B {
        self.pages.backend()
    }

    /// The named roots.
    #[must_use]
    pub fn roots(&self) -> Roots<'_> {
        self.pages.roots()
    }

    /// Who holds heap slots, an entry a slot.
    pub fn owners(&self) -> impl Iterator<Item = Owner> + '_ {
        self.segment().holders()
    }

    /// The heap through the slot that `context` names; `None` if it names none.
    ///
    /// The contract of [`Context::of_slot`] makes this safe: the context cannot
    /// leave the thread that holds the slot.
    #[must_use]
    #[inline]
    pub fn local(&self, context: Context) -> Option<LocalHeap<'_, B, T, SHIFT>> {
        let space = self.pages.space();
        // SAFETY: the calling thread holds the slot (contract of
        // `Context::of_slot`), and a `LocalHeap` is only used within a call, or
        // by that same thread one call after the other.
        unsafe { LocalHeap::new(space, context.slot_of(space.bytes.base().as_ptr())? as usize) }
    }

    /// Keeps, in a forked child, the slot that the forking thread held.
    ///
    /// For heaps of private memory: the child has a copy of all of it, and of
    /// that thread.
    pub fn inherit(&self, context: Context) {
        if let Some(heap) = self.local(context) {
            self.pages.space().slots().inherit(heap.slot.number(), self.segment().model().owner());
        }
    }

    /// Takes the slots of dead processes back; how many.
    ///
    /// What they had cached becomes free, what they had begun is finished or
    /// taken back. Several processes may do this at once, and it may itself be
    /// cut short. Blocks that the dead had in use stay as they are.
    pub fn recover(&self) -> usize {
        if self.backend().read_only() {
            return 0;
        }
        self.pages.space().recover_guests();
        self.pages.space().slots().used().filter(|&slot| self.recover_slot(slot)).count()
    }

    fn recover_slot(&self, slot: usize) -> bool {
        let space = self.pages.space();
        if !space.claim_dead(slot) {
            return false;
        }
        // SAFETY: the slot was just claimed for this thread.
        if let Some(heap) = unsafe { LocalHeap::new(space, slot) } {
            heap.recover();
        }
        space.slots().release(slot);
        true
    }

    /// Gives everything back that nobody uses: what this thread's slot and the
    /// idle ones cached, emptied slabs, and the space behind free slabs to the
    /// system; how many bytes of that.
    ///
    /// Other threads' magazines stay as they are.
    pub fn trim(&self, context: Context) -> usize {
        let trimmed = self.with_slot(context, |heap| {
            heap.reclaim();
            self.pages.space().decommit_free(&heap.slot)
        });
        trimmed.unwrap_or_else(|| self.pages.trim())
    }

    pub(super) fn pages(&self) -> &ScalablePageAllocator<B, T, SHIFT> {
        &self.pages
    }

    /// Calls `call` with the heap through the slot that `context` names, or
    /// through one that is claimed for the call; `None` if none is idle.
    fn with_slot<R>(
        &self,
        context: Context,
        call: impl FnOnce(&LocalHeap<'_, B, T, SHIFT>) -> R,
    ) -> Option<R> {
        if let Some(heap) = self.local(context) {
            return Some(call(&heap));
        }
        let context = self.create_tls().ok()?;
        let done = self.local(context).map(|heap| call(&heap));
        // SAFETY: the context was claimed here, and nobody else has it.
        unsafe { self.free_tls(context) };
        done
    }

    /// Takes a block without a slot, if need be after looking everywhere for
    /// room.
    fn or_reclaimed(
        &self,
        context: Context,
        take: impl Fn() -> Result<Offset, AllocError>,
    ) -> Result<Offset, AllocError> {
        take().or_else(|error| {
            let AllocError::Full { .. } = error else { return Err(error) };
            if self.with_slot(context, |heap| heap.reclaim()).is_none() {
                self.recover();
            }
            take()
        })
    }

    /// Walks the heap and says what is broken.
    ///
    /// Meaningful while nobody allocates.
    ///
    /// # Errors
    ///
    /// The first rule found that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        self.pages.check()
    }

    /// Claims a slot, with space behind it.
    fn claim_slot(&self) -> Option<usize> {
        let (space, me) = (self.pages.space(), self.segment().model().owner());
        let geometry = self.segment().geometry();
        for slot in (0..geometry.slots()).filter(|&slot| space.slots().is_idle(slot)) {
            // None behind it is claimed either: see `SlotTable::held`.
            self.backend().commit(geometry.slot_start(slot), Geometry::<SHIFT>::SLOT).ok()?;
            if space.slots().claim_at(slot, me) {
                return Some(slot);
            }
        }
        None
    }
}

// SAFETY: a block in a magazine was taken out of its slab's bitmap before, and
// leaves the magazine when it is handed out; everything else is
// `ScalablePageAllocator`'s.
unsafe impl<B: Backend, T: ThreadModel, const SHIFT: u32> Allocator
    for ThreadLocalAllocator<B, T, SHIFT>
{
    fn id(&self) -> AllocatorId {
        self.pages.id()
    }

    fn read_only(&self) -> bool {
        self.backend().read_only()
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        self.segment()
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        let slots = self.segment().geometry().slots();
        if self.backend().read_only() {
            return Err(TlsFull { slots: 0 });
        }
        let claimed = self.claim_slot().or_else(|| {
            self.recover();
            self.claim_slot()
        });
        let slot = claimed.ok_or(TlsFull { slots })?;
        // SAFETY: the slot was just claimed for the calling thread, which the
        // context cannot leave.
        let context = unsafe { Context::of_slot(self.backend().base().as_ptr(), slot as u32) };
        if let Some(heap) = self.local(context) {
            heap.begin();
        }
        Ok(context)
    }

    unsafe fn free_tls(&self, context: Context) {
        if let Some(heap) = self.local(context) {
            heap.drain(false);
            self.pages.space().slots().release(heap.slot.number());
        }
    }

    #[inline]
    fn allocate(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        let Some(heap) = self.local(context) else {
            return self.or_reclaimed(context, || self.pages.allocate(context, layout));
        };
        let block = heap.allocate(layout)?;
        self.offset_of(block).ok_or(AllocError::Corrupt)
    }

    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        let Some(heap) = self.local(context) else {
            return self.or_reclaimed(context, || self.pages.allocate_zeroed(context, layout));
        };
        let block = heap.allocate_zeroed(layout)?;
        self.offset_of(block).ok_or(AllocError::Corrupt)
    }

    unsafe fn reallocate(
        &self,
        context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        let Some(heap) = self.local(context) else {
            // SAFETY: passed on from the caller.
            return unsafe { self.pages.reallocate(context, at, layout, new_size) };
        };
        let block = self.resolve(at, layout.size()).ok_or(AllocError::Corrupt)?;
        // SAFETY: passed on from the caller.
        let moved = unsafe { heap.reallocate(block, layout, new_size) }?;
        self.offset_of(moved).ok_or(AllocError::Corrupt)
    }

    fn allocate_growing(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        match self.with_slot(context, |heap| heap.allocate_slabs_to_grow(layout)).flatten() {
            Some(block) => self.offset_of(block).ok_or(AllocError::Corrupt),
            None => self.allocate(context, layout),
        }
    }

    unsafe fn grow(&self, context: Context, at: Offset, _layout: Layout, new_size: usize) -> bool {
        self.with_slot(context, |heap| heap.grow_span(at, new_size)).unwrap_or(false)
    }

    #[inline]
    unsafe fn free(&self, context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        let (Some(heap), Some(block)) = (self.local(context), self.resolve(at, 1)) else {
            // SAFETY: passed on from the caller.
            return unsafe { self.pages.free(context, at, layout) };
        };
        // SAFETY: passed on from the caller.
        unsafe { heap.free(block, layout) }
    }

    unsafe fn exchange(
        &self,
        context: Context,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        let done = self.with_slot(context, |heap| unsafe { heap.exchange(exchange, fill) });
        // SAFETY: passed on from the caller.
        done.unwrap_or_else(|| unsafe { exchange_unrecorded(self, context, exchange, fill) })
    }

    fn recover(&self) -> usize {
        Self::recover(self)
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        Self::usable_size_of(self, at)
    }

    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        // SAFETY: passed on from the caller.
        unsafe { self.pages.usable_size(at, layout) }
    }

    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        self.pages.resolve(at, size)
    }

    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        self.pages.offset_of(ptr)
    }

    fn stats(&self) -> Stats {
        self.pages.stats()
    }
}
