//! Offsets that know what they point to.
//!
//! | type | bytes (64-bit) | holds | use |
//! |---|---|---|---|
//! | [`OffsetPtr<T>`] | 8 | offset | inside one segment |
//! | [`AtomicOffsetPtr<T>`] | 8 | offset, atomically | links that several threads change |
//! | [`ShmPtr<T>`] | 16 | allocator id + offset | across segments, in messages |
//! | [`FullPtr<T>`] | 24 | address + `ShmPtr` | in this process, already resolved |

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::{AllocatorId, Offset};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// An offset to a `T` in the segment that holds it.
#[repr(transparent)]
pub struct OffsetPtr<T> {
    at: Offset,
    _to: PhantomData<*const T>,
}

// SAFETY: an offset is a plain number; following it needs a base and `unsafe`.
unsafe impl<T> Send for OffsetPtr<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for OffsetPtr<T> {}

impl<T> OffsetPtr<T> {
    /// Points to nothing.
    pub const NULL: Self = Self::new(Offset::NULL);

    /// Points to the `T` at `at`.
    #[must_use]
    #[inline]
    pub const fn new(at: Offset) -> Self {
        Self { at, _to: PhantomData }
    }

    /// Where it points.
    #[must_use]
    #[inline]
    pub const fn offset(self) -> Offset {
        self.at
    }

    /// Whether it points to nothing.
    #[must_use]
    #[inline]
    pub const fn is_null(self) -> bool {
        self.at.is_null()
    }

    /// The same place, seen as a `U`.
    #[must_use]
    #[inline]
    pub const fn cast<U>(self) -> OffsetPtr<U> {
        OffsetPtr::new(self.at)
    }
}

impl<T> Clone for OffsetPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OffsetPtr<T> {}

impl<T> PartialEq for OffsetPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T> Eq for OffsetPtr<T> {}

impl<T> fmt::Debug for OffsetPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

/// An [`OffsetPtr<T>`] that threads and processes change atomically.
#[repr(transparent)]
pub struct AtomicOffsetPtr<T> {
    at: AtomicUsize,
    _to: PhantomData<*const T>,
}

// SAFETY: an atomic number; following it needs a base and `unsafe`.
unsafe impl<T> Send for AtomicOffsetPtr<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for AtomicOffsetPtr<T> {}

impl<T> AtomicOffsetPtr<T> {
    /// Starts out as `ptr`.
    #[must_use]
    pub const fn new(ptr: OffsetPtr<T>) -> Self {
        Self { at: AtomicUsize::new(ptr.offset().get()), _to: PhantomData }
    }

    /// Loads the pointer.
    #[must_use]
    #[inline]
    pub fn load(&self, order: Ordering) -> OffsetPtr<T> {
        OffsetPtr::new(Offset::new(self.at.load(order)))
    }

    /// Stores `ptr`.
    #[inline]
    pub fn store(&self, ptr: OffsetPtr<T>, order: Ordering) {
        self.at.store(ptr.offset().get(), order);
    }

    /// Stores `ptr` and returns what was there.
    #[inline]
    pub fn swap(&self, ptr: OffsetPtr<T>, order: Ordering) -> OffsetPtr<T> {
        OffsetPtr::new(Offset::new(self.at.swap(ptr.offset().get(), order)))
    }

    /// Stores `new` if the pointer is `current`.
    ///
    /// # Errors
    ///
    /// The pointer found, if it was another.
    #[inline]
    pub fn compare_exchange(
        &self,
        current: OffsetPtr<T>,
        new: OffsetPtr<T>,
        success: Ordering,
        failure: Ordering,
    ) -> Result<OffsetPtr<T>, OffsetPtr<T>> {
        let typed = |at| OffsetPtr::new(Offset::new(at));
        self.at
            .compare_exchange(current.offset().get(), new.offset().get(), success, failure)
            .map(typed)
            .map_err(typed)
    }
}

impl<T> Default for AtomicOffsetPtr<T> {
    fn default() -> Self {
        Self::new(OffsetPtr::NULL)
    }
}

impl<T> fmt::Debug for AtomicOffsetPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Relaxed).fmt(f)
    }
}

/// An offset qualified with the allocator it belongs to.
///
/// This is what one process sends to another: 16 bytes that mean the same
/// everywhere.
pub struct ShmPtr<T> {
    /// The allocator whose segment holds the `T`.
    pub allocator: AllocatorId,
    /// Where in that segment.
    pub ptr: OffsetPtr<T>,
}

impl<T> ShmPtr<T> {
    /// Points to nothing in no allocator.
    pub const NULL: Self = Self { allocator: AllocatorId::NULL, ptr: OffsetPtr::NULL };

    /// The `T` at `at` in the segment of `allocator`.
    #[must_use]
    pub const fn new(allocator: AllocatorId, at: Offset) -> Self {
        Self { allocator, ptr: OffsetPtr::new(at) }
    }

    /// Whether it points to nothing.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.ptr.is_null()
    }
}

impl<T> Clone for ShmPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ShmPtr<T> {}

impl<T> PartialEq for ShmPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.allocator == other.allocator && self.ptr == other.ptr
    }
}

impl<T> Eq for ShmPtr<T> {}

impl<T> fmt::Debug for ShmPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.allocator, self.ptr)
    }
}

/// A [`ShmPtr<T>`] together with its address in this process.
///
/// Resolving costs a look-up; whoever uses a pointer often keeps the full one.
/// The address must not be stored where another process reads it: send
/// [`shm`](Self::shm).
pub struct FullPtr<T> {
    /// The address in this process.
    pub ptr: NonNull<T>,
    /// The same place for everyone.
    pub shm: ShmPtr<T>,
}

impl<T> FullPtr<T> {
    /// The `T` at `ptr`, which is `shm` in this process.
    #[must_use]
    pub const fn new(ptr: NonNull<T>, shm: ShmPtr<T>) -> Self {
        Self { ptr, shm }
    }

    /// The same place, seen as a `U`.
    #[must_use]
    pub const fn cast<U>(self) -> FullPtr<U> {
        FullPtr {
            ptr: self.ptr.cast(),
            shm: ShmPtr { allocator: self.shm.allocator, ptr: self.shm.ptr.cast() },
        }
    }
}

impl<T> Clone for FullPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FullPtr<T> {}

impl<T> PartialEq for FullPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.ptr == other.ptr && self.shm == other.shm
    }
}

impl<T> Eq for FullPtr<T> {}

impl<T> fmt::Debug for FullPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:p}={:?}", self.ptr, self.shm)
    }
}
