//! An allocator as this process uses it: known by its id, with a heap slot for
//! each thread.

mod claimed;
mod kinds;
pub(crate) mod slots;

use core::alloc::Layout;
use core::fmt;
use core::ptr::{self, NonNull};
use std::sync::OnceLock;

use anymem_core::allocator::registry::{self, RegisterError, Registration};
use anymem_core::allocator::{AllocError, Allocator, Exchange, FreeError, Stats, TlsFull};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::{Context, ThreadModel};

use self::claimed::Claimed;
use self::slots::{Holder, Instance, Lookup};

/// An allocator that a process can attach.
pub trait HeapKind: Allocator + 'static {
    /// Whether threads do better with slots of their own.
    fn has_slots(&self) -> bool;

    /// The bytes that offsets refer to; `None` for an allocator whose offsets
    /// mean something else, and which values cannot find by its id.
    fn span(&self) -> Option<(NonNull<u8>, usize)>;
}

/// An attached allocator, for which [`Context::DEFAULT`] means the calling
/// thread's own slot.
///
/// - A thread claims a slot when it first uses the heap, and gives it back when
///   it ends. The process's last thread gives it back when the process exits.
/// - Where all slots are taken, those of dead processes are taken back; if that
///   is not enough, the call goes the slower way without a slot, and the thread
///   tries again later.
/// - A forked child's threads claim slots of their own. A context that was
///   [claimed by hand](Allocator::create_tls) must not be used in it.
pub struct Attached<A: HeapKind> {
    heap: A,
    /// What its contexts name it by.
    base: *const u8,
    has_slots: bool,
    instance: Instance,
    claimed: Claimed,
    registration: OnceLock<Registration>,
}

// SAFETY: `base` is only compared and handed on; everything else is `Send`.
unsafe impl<A: HeapKind> Send for Attached<A> {}
// SAFETY: as for `Send`; an allocator is `Sync`.
unsafe impl<A: HeapKind> Sync for Attached<A> {}

impl<A: HeapKind> Attached<A> {
    /// Wraps `heap`, which no value can find yet.
    pub(crate) fn new(heap: A) -> Self {
        let has_slots = heap.has_slots();
        let instance = slots::reserve();
        let base = heap.span().map_or(ptr::null(), |(base, _)| base.as_ptr().cast_const());
        let (claimed, registration) = (Claimed::new(), OnceLock::new());
        Self { heap, base, has_slots, instance, claimed, registration }
    }

    /// Makes the heap known by its id.
    ///
    /// # Errors
    ///
    /// The id is taken, or too many heaps are attached.
    ///
    /// # Safety
    ///
    /// - `self` is not moved from here on until it is dropped.
    /// - When it is dropped, nothing found through the heap's id is in use.
    pub(crate) unsafe fn announce(&self) -> Result<(), RegisterError> {
        // SAFETY: `self` stays where it is until `drop`.
        unsafe { self.enroll() };
        let Some((base, len)) = self.heap.span() else { return Ok(()) };
        // SAFETY: the heap stays valid until `drop`, which removes the
        // registration, and beyond that nothing found through it is in use.
        let registration =
            self.registration.get_or_init(|| unsafe { Registration::new(self, base, len) });
        // SAFETY: as above.
        unsafe { registry::register(NonNull::from(registration)) }
    }

    /// Has threads give their slots back when they end, without making the heap known.
    ///
    /// # Safety
    ///
    /// `self` is not moved from here on until it is dropped.
    pub(crate) unsafe fn enroll(&self) {
        // SAFETY: `self` stays where it is until `drop`, which withdraws it.
        unsafe { slots::enroll(self.instance, self) };
    }

    /// The allocator itself, for which [`Context::DEFAULT`] means no slot.
    #[must_use]
    pub fn allocator(&self) -> &A {
        &self.heap
    }

    /// The context to use: the one given if it names a slot of this heap, or
    /// the calling thread's own.
    #[inline]
    pub(crate) fn context(&self, given: Context) -> Context {
        if given.slot_of(self.base).is_some() {
            return given;
        }
        match slots::mine(self.instance) {
            // SAFETY: `slots` only knows slots that this thread claimed of this
            // heap and has not given back.
            Some(slot) => unsafe { Context::of_slot(self.base, slot) },
            None => self.find_or_claim(),
        }
    }

    /// The calling thread's own slot, if it is found at the first look.
    #[cfg(unix)]
    #[inline]
    pub(crate) fn own_slot(&self) -> Option<u32> {
        slots::mine(self.instance)
    }

    #[cold]
    fn find_or_claim(&self) -> Context {
        if !self.has_slots {
            return Context::DEFAULT;
        }
        match slots::look_up(self.instance) {
            // SAFETY: as in `context`.
            Lookup::Slot(slot) => unsafe { Context::of_slot(self.base, slot) },
            Lookup::None => Context::DEFAULT,
            Lookup::Unknown => self.claim(),
        }
    }

    /// Claims a slot for the calling thread, or notes that there is none.
    fn claim(&self) -> Context {
        if !slots::expect_exit() {
            return Context::DEFAULT;
        }
        let context = self.heap.create_tls().unwrap_or(Context::DEFAULT);
        if let Some(slot) = context.slot_of(self.base) {
            self.claimed.add(slot);
        }
        slots::put(self.instance, context.slot_of(self.base));
        context
    }
}

impl<A: HeapKind> Holder for Attached<A> {
    unsafe fn release(&self, slot: u32) {
        if self.claimed.remove(slot) {
            // SAFETY: the slot was claimed by this process and not given back,
            // and its thread uses it no longer (contract).
            unsafe { self.heap.free_tls(Context::of_slot(self.base, slot)) };
        }
    }

    fn forget_slots(&self) {
        self.claimed.clear();
    }
}

impl<A: HeapKind> Drop for Attached<A> {
    fn drop(&mut self) {
        if let Some(registration) = self.registration.get() {
            registry::unregister(NonNull::from(registration));
        }
        slots::withdraw(self.instance);
        while let Some(slot) = self.claimed.any() {
            // SAFETY: nobody uses the heap any more, so no thread its slot.
            unsafe { self.release(slot) };
        }
    }
}

impl<A: HeapKind> fmt::Debug for Attached<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attached({})", self.heap.id())
    }
}

// SAFETY: every block is the inner allocator's, which keeps the contract.
unsafe impl<A: HeapKind> Allocator for Attached<A> {
    fn id(&self) -> AllocatorId {
        self.heap.id()
    }

    fn read_only(&self) -> bool {
        self.heap.read_only()
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        self.heap.thread_model()
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        let context = self.heap.create_tls()?;
        if let Some(slot) = context.slot_of(self.base) {
            self.claimed.add(slot);
        }
        Ok(context)
    }

    unsafe fn free_tls(&self, context: Context) {
        if let Some(slot) = context.slot_of(self.base) {
            // SAFETY: the caller holds the slot and uses it no longer.
            unsafe { self.release(slot) };
        }
    }

    #[inline]
    fn allocate(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate(self.context(context), layout)
    }

    #[inline]
    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate_zeroed(self.context(context), layout)
    }

    #[inline]
    unsafe fn reallocate(
        &self,
        context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.reallocate(self.context(context), at, layout, new_size) }
    }

    fn allocate_growing(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate_growing(self.context(context), layout)
    }

    unsafe fn grow(&self, context: Context, at: Offset, layout: Layout, new_size: usize) -> bool {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.grow(self.context(context), at, layout, new_size) }
    }

    #[inline]
    unsafe fn free(&self, context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.free(self.context(context), at, layout) }
    }

    unsafe fn exchange(
        &self,
        context: Context,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.exchange(self.context(context), exchange, fill) }
    }

    fn recover(&self) -> usize {
        self.heap.recover()
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        self.heap.usable_size_of(at)
    }

    #[inline]
    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.usable_size(at, layout) }
    }

    #[inline]
    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        self.heap.resolve(at, size)
    }

    #[inline]
    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        self.heap.offset_of(ptr)
    }

    fn stats(&self) -> Stats {
        self.heap.stats()
    }
}
