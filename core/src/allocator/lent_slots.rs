//! Heap slots for callers that have none of their own: lent for the time of a call.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::fmt;
use core::hint::spin_loop;
use core::ptr::NonNull;

use super::{AllocError, Allocator, Exchange, FreeError, Stats, TlsFull};
use crate::offset::{AllocatorId, Offset};
use crate::sync::atomic::AtomicU32;
use crate::sync::{SpinGuard, SpinLock};
use crate::thread::{Context, Owner, ThreadModel};

/// How many places a caller looks at before it goes without a slot.
const TRIES: usize = 4;

/// How many calls a place serves without a slot before it tries again to claim one.
const PATIENCE: u32 = 1024;

/// An allocator that keeps up to `PLACES` heap slots and lends one to each call with
/// [`Context::DEFAULT`].
///
/// For whoever cannot say that a slot is one thread's: kernels, whose code is interrupted
/// and moved between processors, and user-level threads, which are many and move between
/// the system's threads. It needs no thread-local storage, and nobody has to say that a
/// thread ends.
///
/// - A caller begins to look at the place that its [whereabouts] name, so callers that run
///   at the same time mostly find one each. Have as many places as there are processors,
///   or threads that run user-level threads.
/// - Nobody waits: who finds a few places lent goes on without a slot, as
///   [`ScalablePageAllocator`](super::ScalablePageAllocator) does. So it may be called in
///   the midst of one of its own calls, by an interrupt handler say, and a caller that is
///   stopped there stops nobody.
/// - A place claims its slot when it is used for the first time. Where all slots are taken,
///   it tries again later.
/// - A forked child claims slots of its own. A place that was lent at that moment stays
///   lent in the child.
///
/// It adds one compare-exchange and one store to each call, of a cache line that mostly one
/// processor uses. A context from [`create_tls`](Allocator::create_tls) goes without these.
///
/// [whereabouts]: ThreadModel::whereabouts
///
/// ```
/// use anymem_core::allocator::{Allocator, LentSlots, ThreadLocalAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::offset::AllocatorId;
/// use anymem_core::segment::Config;
/// use anymem_core::thread::{Bare, Context};
/// use core::alloc::Layout;
///
/// let mut memory = vec![0_u8; 4 << 20];
/// let heap: ThreadLocalAllocator<_> = ThreadLocalAllocator::create(
///     ArrayBackend::<65536>::new(&mut memory),
///     Bare,
///     &Config::new(AllocatorId::new(0, 4)),
/// )?;
/// let heap = LentSlots::<_, 2>::new(heap);
/// let layout = Layout::new::<u64>();
/// let block = heap.allocate(Context::DEFAULT, layout)?;
/// // SAFETY: the block was just allocated with that layout.
/// unsafe { heap.free(Context::DEFAULT, block, layout)? };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LentSlots<A: Allocator, const PLACES: usize = 64> {
    heap: A,
    places: [Place; PLACES],
}

/// What is lent, in a cache line of its own.
#[repr(align(64))]
struct Place {
    lock: AtomicU32,
    /// Whoever has the lock has this.
    slot: UnsafeCell<Lent>,
}

// SAFETY: the slot is used under the lock only. A context may not leave its thread because
// one slot is one thread's at a time; so it is here, for its user has the lock.
unsafe impl Sync for Place {}
// SAFETY: as for `Sync`.
unsafe impl Send for Place {}

/// What a place has.
struct Lent {
    /// `None` before a slot was claimed, and if there was none.
    context: Option<Context>,
    /// The process that claimed it: in a forked child it is the parent's.
    claimer: Owner,
    /// How many calls go without a slot before one is claimed.
    patience: u32,
}

/// A context to use, until this is dropped.
struct Loan<'a> {
    context: Context,
    _place: Option<SpinGuard<'a>>,
}

impl Loan<'_> {
    /// A context that nobody needs back.
    fn of(context: Context) -> Self {
        Self { context, _place: None }
    }
}

impl Lent {
    const NONE: Self = Self { context: None, claimer: Owner::BARE, patience: 0 };

    /// The context to use, claimed if it is time to.
    #[inline]
    fn context<A: Allocator>(&mut self, heap: &A) -> Context {
        match self.context {
            Some(context) if self.claimer == heap.thread_model().owner() => context,
            _ => self.claim(heap),
        }
    }

    #[cold]
    fn claim<A: Allocator>(&mut self, heap: &A) -> Context {
        self.context = None;
        self.claimer = heap.thread_model().owner();
        if self.patience > 0 {
            self.patience -= 1;
            return Context::DEFAULT;
        }
        self.context = heap.create_tls().ok();
        self.patience = if self.context.is_none() { PATIENCE } else { 0 };
        self.context.unwrap_or_default()
    }

    /// Gives the slot back; whether there was one.
    fn release<A: Allocator>(&mut self, heap: &A) -> bool {
        let Self { context, claimer, .. } = core::mem::replace(self, Self::NONE);
        match context {
            Some(context) if claimer == heap.thread_model().owner() => {
                // SAFETY: the context was claimed here and is not used any more: whoever
                // is lent it has the lock, which the caller has now.
                unsafe { heap.free_tls(context) };
                context.names_slot()
            }
            _ => false,
        }
    }
}

impl Place {
    const fn new() -> Self {
        Self { lock: AtomicU32::new(0), slot: UnsafeCell::new(Lent::NONE) }
    }

    /// Calls `call` with what the place has, unless it is lent.
    #[inline]
    fn with<R>(&self, call: impl FnOnce(&mut Lent) -> R) -> Option<(R, SpinGuard<'_>)> {
        let guard = SpinLock::new(&self.lock, spin_loop).try_lock()?;
        // SAFETY: the lock was just taken, so nobody else has a reference.
        let lent = unsafe { &mut *self.slot.get() };
        Some((call(lent), guard))
    }
}

impl<A: Allocator, const PLACES: usize> LentSlots<A, PLACES> {
    const VALID: () = assert!(PLACES > 0, "slots are kept in one place at least");

    /// Lends the slots of `heap`.
    #[must_use]
    pub const fn new(heap: A) -> Self {
        let () = Self::VALID;
        Self { heap, places: [const { Place::new() }; PLACES] }
    }

    /// The allocator itself, for which [`Context::DEFAULT`] means no slot.
    #[must_use]
    pub fn allocator(&self) -> &A {
        &self.heap
    }

    /// Gives the slots back that are not lent at the moment, with what they had cached;
    /// how many.
    ///
    /// For when memory is short, or a processor is switched off. The next calls claim anew.
    pub fn release(&self) -> usize {
        let release =
            |place: &&Place| place.with(|lent| lent.release(&self.heap)).is_some_and(|it| it.0);
        self.places.iter().filter(release).count()
    }

    /// The context to use for a call that was given this one.
    #[inline]
    fn borrow(&self, given: Context) -> Loan<'_> {
        if given.names_slot() {
            return Loan::of(given);
        }
        let first = self.heap.thread_model().whereabouts();
        let mut places = (0..TRIES.min(PLACES)).map(|turn| first.wrapping_add(turn) % PLACES);
        let found =
            places.find_map(|place| self.places[place].with(|lent| lent.context(&self.heap)));
        match found {
            Some((context, guard)) => Loan { context, _place: Some(guard) },
            None => Loan::of(given),
        }
    }
}

impl<A: Allocator, const PLACES: usize> Drop for LentSlots<A, PLACES> {
    fn drop(&mut self) {
        self.release();
    }
}

impl<A: Allocator, const PLACES: usize> fmt::Debug for LentSlots<A, PLACES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LentSlots({}, {PLACES} places)", self.heap.id())
    }
}

// SAFETY: every block is the inner allocator's, which keeps the contract.
unsafe impl<A: Allocator, const PLACES: usize> Allocator for LentSlots<A, PLACES> {
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
        self.heap.create_tls()
    }

    unsafe fn free_tls(&self, context: Context) {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.free_tls(context) };
    }

    #[inline]
    fn allocate(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate(self.borrow(context).context, layout)
    }

    #[inline]
    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate_zeroed(self.borrow(context).context, layout)
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
        unsafe { self.heap.reallocate(self.borrow(context).context, at, layout, new_size) }
    }

    fn allocate_growing(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate_growing(self.borrow(context).context, layout)
    }

    unsafe fn grow(&self, context: Context, at: Offset, layout: Layout, new_size: usize) -> bool {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.grow(self.borrow(context).context, at, layout, new_size) }
    }

    #[inline]
    unsafe fn free(&self, context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.free(self.borrow(context).context, at, layout) }
    }

    unsafe fn exchange(
        &self,
        context: Context,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.exchange(self.borrow(context).context, exchange, fill) }
    }

    fn recover(&self) -> usize {
        self.heap.recover()
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        self.heap.usable_size_of(at)
    }

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
