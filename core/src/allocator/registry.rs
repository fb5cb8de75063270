//! Which heaps this process has attached, by allocator id.
//!
//! A value that lives in a segment stores the id of its heap; whichever process
//! uses the value finds the heap here. The table is a fixed array of [`Seat`]s
//! that name the [`Registration`]s, which the attaching code owns: look-ups are
//! wait-free and take a few instructions, and nothing is allocated.
//!
//! A registration may be freed as soon as its own heap is no longer used, while
//! others are being looked for. So what a look-up must know to tell one heap
//! from another is in the seat: a registration is only followed once it is known
//! to be the one that is looked for.
//!
//! Probing starts at the id's hash and ends at a seat that nobody ever had.

use core::array;
use core::fmt;
use core::hint;
use core::ptr::{self, NonNull};

use super::Allocator;
use crate::offset::{AllocatorId, FullPtr, ShmPtr};
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use crate::sync::{NoSeat, Seat, Seats};

/// How many heaps one process can have attached at a time: 1024, or 128 on
/// 32-bit machines with neither Unix nor Windows, where memory is scarce.
///
/// The table takes 40 bytes for each, 24 on 32-bit machines.
pub const CAPACITY: usize =
    if cfg!(all(target_pointer_width = "32", not(any(unix, windows)))) { 128 } else { 1024 };

/// A heap that values may be resolved in.
pub struct Registration {
    id: AllocatorId,
    base: NonNull<u8>,
    len: usize,
    read_only: bool,
    heap: *const dyn Allocator,
}

// SAFETY: `heap` points to an `Allocator`, which is `Sync`, and outlives the
// registration (the contract of `new`); the rest is plain data.
unsafe impl Sync for Registration {}
// SAFETY: as for `Sync`.
unsafe impl Send for Registration {}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({} at {:p}, {} bytes)", self.id, self.base, self.len)
    }
}

impl Registration {
    /// Alignment of a heap's first byte, at least: so places whose offsets are
    /// multiples of it are aligned.
    pub const ALIGN: usize = 64;

    /// Describes `heap`, whose span is `base..base + len`.
    ///
    /// # Safety
    ///
    /// `base` is a multiple of [`ALIGN`](Self::ALIGN). `heap` and its span stay valid until the registration is
    /// [removed](unregister), and for as long as anything found through it is
    /// in use.
    pub unsafe fn new(heap: &(dyn Allocator + 'static), base: NonNull<u8>, len: usize) -> Self {
        let (id, read_only) = (heap.id(), heap.read_only());
        Self { id, base, len, read_only, heap: ptr::from_ref(heap) }
    }

    /// The heap's id.
    #[must_use]
    #[inline]
    pub fn id(&self) -> AllocatorId {
        self.id
    }

    /// Whether this process may only read the heap.
    #[must_use]
    #[inline]
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// The heap.
    #[must_use]
    #[inline]
    pub fn heap(&self) -> &dyn Allocator {
        // SAFETY: valid for as long as the registration is (contract of `new`).
        unsafe { &*self.heap }
    }

    /// The address in this process of `size` bytes `at` bytes into the heap, or
    /// `None` where they are not all inside.
    #[must_use]
    #[inline]
    pub fn resolve(&self, at: usize, size: usize) -> Option<NonNull<u8>> {
        let (start, rest) = self.rest(at)?;
        (size <= rest).then_some(start)
    }

    /// The address in this process of what is `at` bytes into the heap, and how many
    /// bytes there are from there to its end.
    #[inline]
    pub(crate) fn rest(&self, at: usize) -> Option<(NonNull<u8>, usize)> {
        let rest = self.len.checked_sub(at)?;
        // SAFETY: `at` is within the heap's span or its end, checked above.
        Some((unsafe { self.base.add(at) }, rest))
    }

    /// Whether `ptr` is inside the heap's span.
    #[must_use]
    #[inline]
    pub fn contains(&self, ptr: *const u8) -> bool {
        is_within(ptr, self.base.addr().get(), self.len)
    }
}

fn is_within(ptr: *const u8, base: usize, len: usize) -> bool {
    ptr.addr().wrapping_sub(base) < len
}

/// Why a heap was not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterError {
    /// A heap of the same id is attached already.
    IdTaken(AllocatorId),
    /// [`CAPACITY`] heaps are attached.
    Full,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdTaken(id) => write!(
                f,
                "allocator id {id} is attached in this process already: detach that heap, or \
                 create this one with another id"
            ),
            Self::Full => write!(f, "{CAPACITY} heaps are attached: detach one first"),
        }
    }
}

impl core::error::Error for RegisterError {}

/// Where a registration is, and what its heap is told from others by.
struct Known {
    registration: AtomicPtr<Registration>,
    base: AtomicUsize,
    len: AtomicUsize,
}

impl Known {
    const fn new() -> Self {
        let (base, len) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { registration: AtomicPtr::new(ptr::null_mut()), base, len }
    }

    fn note(&self, registration: &Registration) {
        self.registration.store(ptr::from_ref(registration).cast_mut(), Ordering::Relaxed);
        self.base.store(registration.base.addr().get(), Ordering::Relaxed);
        self.len.store(registration.len, Ordering::Relaxed);
    }

    #[inline]
    fn registration(&self) -> *mut Registration {
        self.registration.load(Ordering::Relaxed)
    }

    fn contains(&self, ptr: *const u8) -> bool {
        is_within(ptr, self.base.load(Ordering::Relaxed), self.len.load(Ordering::Relaxed))
    }
}

/// How many words an id is.
const ID: usize = size_of::<u64>() / size_of::<usize>();

type Place = Seat<Known, ID>;

static TABLE: [Place; CAPACITY] =
    [const { Seat::new(AtomicUsize::new(0), [const { AtomicUsize::new(0) }; ID], Known::new()) };
        CAPACITY];

/// Registers a heap.
///
/// # Errors
///
/// The id is taken or the table is full.
///
/// # Safety
///
/// `registration` stays valid until [`unregister`] is called with it and for as
/// long as anything found through it is in use.
pub unsafe fn register(registration: NonNull<Registration>) -> Result<(), RegisterError> {
    // SAFETY: valid by the contract above.
    let registration = unsafe { registration.as_ref() };
    let word = word(registration.id);
    probe(word).take(name(word), |known| known.note(registration)).map_err(|why| match why {
        NoSeat::NameTaken => RegisterError::IdTaken(registration.id),
        NoSeat::Full => RegisterError::Full,
    })
}

/// Removes a registration; whether it was there.
pub fn unregister(registration: NonNull<Registration>) -> bool {
    let is_it = |known: &Known| known.registration() == registration.as_ptr();
    TABLE.iter().any(|place| place.leave(is_it))
}

/// The heap with the id `id`, if this process has it attached.
#[must_use]
#[inline]
pub fn find(id: AllocatorId) -> Option<&'static Registration> {
    find_word(word(id))
}

/// As [`find`], with the id as one number.
#[inline]
pub(crate) fn find_word(word: u64) -> Option<&'static Registration> {
    // Most of the time it is in the first place.
    match TABLE[start(word)].look(name(word), Known::registration) {
        // SAFETY: as in `search`.
        Some(found) => Some(unsafe { follow(found) }),
        None => search(word),
    }
}

/// As [`find`], wherever it is.
#[cold]
fn search(word: u64) -> Option<&'static Registration> {
    let found = probe(word).find(name(word), Known::registration)?;
    // SAFETY: it is the registration of this id, which its registrant keeps valid
    // while anything found through it is in use.
    Some(unsafe { follow(found) })
}

/// The registration whose address a look-up found.
///
/// # Safety
///
/// `found` is what the holder of a seat wrote, and he keeps it valid meanwhile.
#[inline]
unsafe fn follow(found: *mut Registration) -> &'static Registration {
    // SAFETY: what is valid is not null. Saying so saves callers the question.
    unsafe { hint::assert_unchecked(!found.is_null()) };
    // SAFETY: valid by the contract above.
    unsafe { &*found }
}

/// The heap that `ptr` points into, if one does.
///
/// Looks at every attached heap; prefer [`find`].
#[must_use]
pub fn find_by_address(ptr: *const u8) -> Option<&'static Registration> {
    let found = TABLE
        .iter()
        .find_map(|place| place.peek(|known| known.contains(ptr).then(|| known.registration())))?;
    // SAFETY: as in `search`, for the heap that has this address.
    Some(unsafe { follow(found) })
}

/// The address in this process of what `shm` points to.
///
/// `None` if the heap is not attached or the `T` does not lie inside it, is not
/// aligned there, or the pointer is null.
#[must_use]
pub fn resolve<T>(shm: ShmPtr<T>) -> Option<FullPtr<T>> {
    if shm.is_null() {
        return None;
    }
    let at = shm.ptr.offset().get();
    let ptr = find(shm.allocator)?.resolve(at, size_of::<T>())?.cast::<T>();
    ptr.is_aligned().then_some(FullPtr::new(ptr, shm))
}

/// Both numbers of an id, as most machines load them at once.
#[inline]
pub(crate) fn word(id: AllocatorId) -> u64 {
    u64::from(id.minor) << 32 | u64::from(id.major)
}

/// The id that [`word`] was made of.
#[cfg(feature = "containers")]
pub(crate) fn id_of(word: u64) -> AllocatorId {
    AllocatorId::new(word as u32, (word >> 32) as u32)
}

/// The name of a heap's seat.
#[inline]
fn name(word: u64) -> [usize; ID] {
    array::from_fn(|at| (word >> (at * usize::BITS as usize)) as usize)
}

/// Where a heap is looked for first.
#[inline]
fn start(word: u64) -> usize {
    let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    hash as usize % CAPACITY
}

/// Where a heap may be, in the order of the search.
fn probe(word: u64) -> Seats<impl Iterator<Item = &'static Place> + Clone> {
    let start = start(word);
    Seats::new(TABLE[start..].iter().chain(&TABLE[..start]))
}
