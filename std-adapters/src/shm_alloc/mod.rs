//! A whole program's heap in a segment.
//!
//! # How it finds the calling thread's slot
//!
//! Each thread keeps a [`LocalHeap`](anymem_core::allocator::LocalHeap) in a
//! thread-local variable that needs neither initialiser nor destructor, with
//! the address of the heap it belongs to: two loads and a comparison tell that
//! it may be used. Everything else is the slow way: the first
//! allocation of the process makes the segment, the first of a thread claims a
//! slot, and where no slot is left calls go without one.
//!
//! In an observed heap no thread finds its slot in the fast way: all calls go the
//! slow way, which tells the observer. So it costs nothing where nobody asks.
//!
//! # What is not in the segment
//!
//! Making the segment and claiming slots may themselves allocate. Such blocks,
//! and all blocks if no segment could be made at all, come from the system's
//! allocator; a block's address tells whose it is.

mod global;
mod local;
mod made;
mod model;
mod observer;
#[cfg(unix)]
#[path = "posix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use core::fmt;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::path::PathBuf;
use std::time::Duration;

use anymem_core::allocator::{Allocator, Stats};
use anymem_core::container::{ShmSafe, ShmSlice, SliceError};
use anymem_core::offset::{AllocatorId, FullPtr, Offset, ShmPtr};
use anymem_core::segment::Config;

pub use self::local::{ThreadHeap, ThreadHeapPlace};
pub use self::made::ProcessHeap;
use self::made::{Made, Place, Plan};
pub use self::model::ProcessModel;
pub use self::observer::Observer;
use self::observer::Wanted;
use crate::Size;
use crate::error::HeapError;
use crate::observe::{Counts, HeapProfile};
use crate::thread::fork;

/// Bytes that are reserved if nothing else is said; what is not used costs
/// address space only.
const RESERVE: usize = if usize::BITS == 64 { 64 << 30 } else { 512 << 20 };

const UNTRIED: u32 = 0;
const STARTING: u32 = 1;
const DONE: u32 = 2;

/// A global allocator whose heap is a segment.
///
/// Any `Box`, `Vec` or `String` of the program then lives at an offset that
/// other processes can resolve, and its plain-data contents can be read in
/// place.
///
/// ```
/// use anymem::ShmAlloc;
///
/// #[global_allocator]
/// static HEAP: ShmAlloc = ShmAlloc::memfd();
///
/// let numbers = vec![1_u64, 2, 3];
/// let there = HEAP.full_ptr(&numbers[0]).expect("the vector is in the segment");
/// // What another process needs: the memory file, the offset, and the length.
/// // `slice` puts the latter two into something that can be sent.
/// assert!(HEAP.memory_file().is_some());
/// assert!(!there.shm.is_null());
/// ```
///
/// # Threads and forks
///
/// Threads may come and go; a slot that a thread gave back serves the next one.
/// A forked child claims slots of its own. With a private heap the child has a
/// copy of everything, as with any allocator. A heap that is shared stays
/// *one*: the child sees its parent's values in place, not copies, and must not
/// change or drop them; starting another program is fine. Among these values are
/// those of `std` itself: its table of threads is such a map, so a child with a
/// shared heap must not use `std::thread` to start any (`pthread_create` will
/// do), nor let `std` end the process (`_exit` will).
///
/// # Failures
///
/// A heap that is exhausted answers null, as every global allocator does. If
/// the segment cannot be made as asked, a private one is made instead, so that
/// the program runs; [`status`](Self::status) tells.
///
/// With the feature `secure`, a block that is freed twice or was written past its
/// end has the process print one line on the standard error output and abort when
/// it is freed or resized: a global allocator has no error to answer.
pub struct ShmAlloc {
    plan: Plan,
    state: AtomicU32,
    /// Null until the segment is made; never freed.
    made: AtomicPtr<Made>,
    /// The same for the fast ways; stays null in an observed heap.
    at_hand: AtomicPtr<Made>,
}

impl fmt::Debug for ShmAlloc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShmAlloc({:?}, {})", self.plan.place, self.plan.id)
    }
}

impl ShmAlloc {
    /// A heap of this process alone.
    #[must_use]
    pub const fn new() -> Self {
        Self::at(Place::Private)
    }

    /// A heap in a memory file without a name, sealed against shrinking.
    #[must_use]
    pub const fn memfd() -> Self {
        Self::at(Place::Memfd)
    }

    /// A heap in the segment `name`, which other processes open with
    /// [`SharedHeap::open`](crate::SharedHeap::open).
    ///
    /// The segment must not exist yet, and stays until it is unlinked.
    ///
    /// `{pid}` in the name stands for the id of the process that makes the
    /// segment, so that a program can run several times at once. Every run then
    /// leaves a segment of its own, whose name [`name`](Self::name) tells: who
    /// does not unlink it will, some day, have a process of the same id find
    /// the name taken. All of them have one [allocator id](Self::with_id), so a
    /// process opens one as a `SharedHeap` at a time.
    ///
    /// ```
    /// use anymem::{SharedHeap, ShmAlloc};
    ///
    /// #[global_allocator]
    /// static HEAP: ShmAlloc = ShmAlloc::named("example.{pid}");
    ///
    /// let name = HEAP.name().expect("the first allocation has made it");
    /// assert_eq!(name, format!("example.{}", std::process::id()));
    /// SharedHeap::unlink(name)?;
    /// # Ok::<(), anymem::HeapError>(())
    /// ```
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self::at(Place::Named(name))
    }

    const fn at(place: Place) -> Self {
        Self {
            plan: Plan {
                place,
                size: RESERVE,
                id: AllocatorId::new(0, 0),
                decay: Config::DECAY,
                observe: Wanted::NOTHING,
            },
            state: AtomicU32::new(UNTRIED),
            made: AtomicPtr::new(ptr::null_mut()),
            at_hand: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The same with `bytes` reserved; 64 GiB is the default, 512 MiB on 32-bit
    /// systems, or less where the system does not give so much.
    #[must_use]
    pub const fn with_size(self, bytes: usize) -> Self {
        Self { plan: Plan { size: bytes, ..self.plan }, ..self }
    }

    /// The same with the allocator id `id`; 0.0 is the default.
    #[must_use]
    pub const fn with_id(self, id: AllocatorId) -> Self {
        Self { plan: Plan { id, ..self.plan }, ..self }
    }

    /// The same with free memory going back to the system after `time`, to the
    /// millisecond; zero for not before [`trim`](Self::trim). A second is the
    /// default. It goes when somebody frees, by who does.
    #[must_use]
    pub const fn with_decay(self, time: Duration) -> Self {
        Self { plan: Plan { decay: time, ..self.plan }, ..self }
    }

    /// The same with every block [counted](Self::counts), which makes each call
    /// slower.
    ///
    /// ```
    /// use anymem::ShmAlloc;
    ///
    /// #[global_allocator]
    /// static HEAP: ShmAlloc = ShmAlloc::new().with_counts();
    ///
    /// let before = HEAP.counts().expect("they are counted");
    /// drop(vec![0_u8; 1 << 20]);
    /// let after = HEAP.counts().expect("they are counted");
    /// assert_eq!(after.large.freed, before.large.freed + 1);
    /// assert_eq!(after.large_bytes.live, before.large_bytes.live);
    /// assert!(after.bytes.peak >= 1 << 20);
    /// ```
    #[must_use]
    pub const fn with_counts(self) -> Self {
        let observe = Wanted { counts: true, ..self.plan.observe };
        Self { plan: Plan { observe, ..self.plan }, ..self }
    }

    /// The same with a [profile](Self::profile) made of a sample of all blocks:
    /// of one byte in `rate` the block that it is part of; 512 KiB is usual, and
    /// 1 takes every block.
    #[must_use]
    pub const fn with_profile(self, rate: usize) -> Self {
        let observe = Wanted { profile: Some(rate), ..self.plan.observe };
        Self { plan: Plan { observe, ..self.plan }, ..self }
    }

    /// Makes the segment now, as `other` would make its own; for programs that
    /// know only when they run what they want. Without effect if it is made
    /// already.
    ///
    /// ```
    /// use anymem::ShmAlloc;
    ///
    /// static HEAP: ShmAlloc = ShmAlloc::new();
    /// HEAP.make_like(&ShmAlloc::memfd().with_size(8 << 20));
    /// assert_eq!(HEAP.status(), Ok(()));
    /// assert_eq!(HEAP.stats().reserved, 8 << 20);
    /// assert!(HEAP.memory_file().is_some());
    /// ```
    pub fn make_like(&self, other: &Self) {
        if self.state.load(Ordering::Acquire) != DONE {
            self.start(Plan { id: self.plan.id, ..other.plan });
        }
    }

    /// The heap's allocator id.
    #[must_use]
    pub const fn id(&self) -> AllocatorId {
        self.plan.id
    }

    /// Why the heap is not where it was asked to be; `Ok` if it is.
    ///
    /// # Errors
    ///
    /// What the backend said when the segment was to be made.
    pub fn status(&self) -> Result<(), HeapError> {
        match self.made() {
            Some(Made { error: None, .. }) => Ok(()),
            Some(Made { error: Some(error), .. }) => Err(error.clone()),
            None => Err(HeapError::NoAddressSpace { size: Size::from(self.plan.size) }),
        }
    }

    /// The offset of an address, or `None` if it is not in the segment.
    #[must_use]
    pub fn offset_of<T: ?Sized>(&self, place: *const T) -> Option<Offset> {
        self.made()?.heap.offset_of(NonNull::new(place.cast_mut().cast())?)
    }

    /// The pointer to a value that means the same in every process, or `None`
    /// if the value is not in the segment (on the stack, say, or a static).
    ///
    /// Another process may only read plain data through it, as long as the
    /// value lives and nobody changes it.
    #[must_use]
    pub fn full_ptr<T>(&self, value: &T) -> Option<FullPtr<T>> {
        let at = self.offset_of(value)?;
        Some(FullPtr::new(NonNull::from(value), ShmPtr::new(self.plan.id, at)))
    }

    /// As [`full_ptr`](Self::full_ptr), for the elements of a slice: of a
    /// `Vec`, a boxed slice, or the bytes of a `String`.
    #[must_use]
    pub fn full_slice<T>(&self, values: &[T]) -> Option<(FullPtr<T>, usize)> {
        Some((self.full_ptr(values.first()?)?, values.len()))
    }

    /// A view of `values`, which are in the heap, to be sent to other processes:
    /// of a `Vec`, a boxed slice, or the bytes of a `String`.
    ///
    /// It owns nothing; who keeps the values, and for how long, is told by
    /// [`ShmSlice`].
    ///
    /// # Errors
    ///
    /// [`SliceError::NotInHeap`] if they are elsewhere (on the stack, say, or a
    /// static, or in a heap that could not be made); [`SliceError::TooLarge`].
    pub fn slice<T: ShmSafe>(&self, values: &[T]) -> Result<ShmSlice<T>, SliceError> {
        let heap = self.heap().ok_or(SliceError::NotInHeap { heap: self.id() })?;
        ShmSlice::of(values, heap)
    }

    /// The path by which other processes can open a memory file heap for as
    /// long as this process lives: `/proc/PID/fd/N`.
    #[must_use]
    pub fn memory_file(&self) -> Option<PathBuf> {
        Some(self.made()?.file?.path())
    }

    /// The name by which other processes can open the heap; `None` if it has
    /// none, or could not be made under it.
    ///
    /// A forked child keeps its parent's heap, and its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.made()?.name.as_deref()
    }

    /// Counts what the heap holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.made().map_or(Stats::EMPTY, |made| made.heap.stats())
    }

    /// What became of all blocks since the heap was made, by size class; `None`
    /// unless it was made [to count them](Self::with_counts).
    ///
    /// A forked child counts on from its parent's numbers, which are its own
    /// blocks too.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        Some(self.made()?.seen.as_ref()?.counts.as_ref()?.read())
    }

    /// Where the program allocates; `None` unless the heap was made
    /// [to tell](Self::with_profile), and in a forked child if it is shared.
    #[must_use]
    pub fn profile(&self) -> Option<&HeapProfile> {
        self.made()?.seen.as_ref()?.profile()
    }

    /// Who is to be told of blocks that are allocated and freed by other calls
    /// than those of the global allocator; `None` if the heap is not observed.
    #[must_use]
    pub fn observer(&self) -> Option<Observer> {
        let Made { heap, seen, .. } = self.made()?;
        Some(Observer { heap, seen: seen.as_ref()? })
    }

    /// Gives back what nobody uses; how many bytes the system got.
    pub fn trim(&self) -> usize {
        self.made().map_or(0, |made| made.heap.trim(local::context(made)))
    }

    /// The heap, for calls that the global allocator's interface has not;
    /// [`Context::DEFAULT`](anymem_core::thread::Context::DEFAULT) means no
    /// slot here.
    #[must_use]
    pub fn heap(&self) -> Option<&'static ProcessHeap> {
        self.made().map(|made| &made.heap)
    }

    /// Gives the calling thread a heap slot, if there is one for it, and
    /// `place` the way into the heap; whether it could.
    ///
    /// For callers that have a faster thread-local place than this crate can
    /// use everywhere. It is emptied when the thread ends, and in a forked child
    /// if the heap is shared; a thread that ends is not given a slot any more.
    ///
    /// # Safety
    ///
    /// - `place` is the calling thread's own, and stays valid until it ends.
    /// - A [`ThreadHeap`] found there is used by this thread alone, and not
    ///   beyond the call in which it was found.
    pub unsafe fn bind_at(&self, place: NonNull<ThreadHeapPlace>) -> bool {
        // SAFETY: passed on from the caller.
        self.made().is_some_and(|made| unsafe { local::bind_at(made, place) })
    }

    /// The segment, made at the first call; `None` if it cannot be made, or is
    /// being made by the caller.
    fn made(&self) -> Option<&'static Made> {
        // Acquire: pairs with the Release in `start`; publishes what it points
        // to.
        // SAFETY: a pointer that is not null comes from `Box::leak`.
        let made = unsafe { self.made.load(Ordering::Acquire).as_ref() };
        if made.is_none() && self.state.load(Ordering::Acquire) != DONE {
            return self.start(self.plan);
        }
        made
    }

    #[cold]
    fn start(&self, plan: Plan) -> Option<&'static Made> {
        let _aside = local::Aside::enter()?;
        let _hold = fork::hold();
        let (from, to) = (UNTRIED, STARTING);
        if self.state.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            if let Some(made) = Made::new(plan) {
                let made = Box::leak(Box::new(made));
                if made.seen.is_none() {
                    // Relaxed: who is bound to it has seen what it points to.
                    self.at_hand.store(made, Ordering::Relaxed);
                }
                // Release: pairs with the Acquire in `made`.
                self.made.store(made, Ordering::Release);
            }
            self.state.store(DONE, Ordering::Release);
        }
        while self.state.load(Ordering::Acquire) == STARTING {
            std::thread::yield_now();
        }
        self.made()
    }
}

impl Default for ShmAlloc {
    fn default() -> Self {
        Self::new()
    }
}
