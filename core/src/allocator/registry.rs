//! Which heaps this process has attached, by allocator id.
//!
//! A value that lives in a segment stores the id of its heap; whichever process
//! uses the value finds the heap here. The table is a fixed array of pointers
//! to [`Registration`]s that the attaching code owns: look-ups are wait-free
//! and take a few instructions, and nothing is allocated.
//!
//! # Protocol
//!
//! A cell goes null → pointer → gone → pointer …, by compare-exchange.
//! Probing starts at the id's hash and ends at a null cell, so a removed
//! registration leaves `gone` behind.

use core::fmt;
use core::ptr::{self, NonNull};

use super::Allocator;
use crate::offset::{AllocatorId, FullPtr, ShmPtr};
use crate::sync::atomic::{AtomicPtr, Ordering};

/// How many heaps one process can have attached at a time.
pub const CAPACITY: usize = 1024;

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

    #[inline]
    fn word(&self) -> u64 {
        word(self.id)
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
        ptr.addr().wrapping_sub(self.base.addr().get()) < self.len
    }
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

static TABLE: [AtomicPtr<Registration>; CAPACITY] =
    [const { AtomicPtr::new(ptr::null_mut()) }; CAPACITY];

/// Marks a cell whose registration was removed; never followed.
const GONE: *mut Registration = NonNull::<Registration>::dangling().as_ptr();

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
    let id = unsafe { registration.as_ref() }.id;
    loop {
        if find(id).is_some() {
            return Err(RegisterError::IdTaken(id));
        }
        let mut cells = probe(word(id));
        let vacant = cells.find(|cell| is_vacant(cell.load(Ordering::Relaxed)));
        let Some(cell) = vacant else { return Err(RegisterError::Full) };
        let seen = cell.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `find`; publishes the
        // registration.
        if is_vacant(seen)
            && cell
                .compare_exchange(seen, registration.as_ptr(), Ordering::Release, Ordering::Relaxed)
                .is_ok()
        {
            return Ok(());
        }
    }
}

/// Removes a registration; whether it was there.
pub fn unregister(registration: NonNull<Registration>) -> bool {
    TABLE.iter().any(|cell| {
        cell.compare_exchange(registration.as_ptr(), GONE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    })
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
    // Most of the time it is in the first cell.
    // Acquire: pairs with the Release in `register`.
    let found = TABLE[start(word)].load(Ordering::Acquire);
    if !is_vacant(found) {
        // SAFETY: as in `search`.
        let registration = unsafe { &*found };
        if registration.word() == word {
            return Some(registration);
        }
    }
    search(word)
}

/// As [`find`], wherever it is.
#[cold]
fn search(word: u64) -> Option<&'static Registration> {
    for cell in probe(word) {
        // Acquire: pairs with the Release in `register`.
        let found = cell.load(Ordering::Acquire);
        if found.is_null() {
            return None;
        }
        if found == GONE {
            continue;
        }
        // SAFETY: any other cell holds a registration that its registrant
        // keeps valid while anything found through it is in use.
        let registration = unsafe { &*found };
        if registration.word() == word {
            return Some(registration);
        }
    }
    None
}

/// The heap that `ptr` points into, if one does.
///
/// Looks at every attached heap; prefer [`find`].
#[must_use]
pub fn find_by_address(ptr: *const u8) -> Option<&'static Registration> {
    TABLE.iter().find_map(|cell| {
        let found = cell.load(Ordering::Acquire);
        if is_vacant(found) {
            return None;
        }
        // SAFETY: as in `find`.
        let registration = unsafe { &*found };
        registration.contains(ptr).then_some(registration)
    })
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

fn is_vacant(cell: *mut Registration) -> bool {
    cell.is_null() || cell == GONE
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

/// The cell where a heap is looked for first.
#[inline]
fn start(word: u64) -> usize {
    let hash = word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54;
    hash as usize % CAPACITY
}

/// The cells where a heap may be, in the order of the search.
fn probe(word: u64) -> impl Iterator<Item = &'static AtomicPtr<Registration>> {
    let start = start(word);
    TABLE[start..].iter().chain(&TABLE[..start])
}
