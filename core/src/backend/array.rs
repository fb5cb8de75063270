//! Memory that the caller already has.

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::Backend;

/// A borrowed span of bytes: a static array, a boot loader's free range, a
/// window into something larger.
///
/// `ALIGN` is the alignment of the base and thereby the largest slab size that
/// a heap here may have; the bytes before the first aligned address stay
/// unused.
///
/// ```
/// use anymem_core::backend::{ArrayBackend, Backend};
/// let mut memory = vec![0_u8; 1 << 20];
/// let backend = ArrayBackend::<4096>::new(&mut memory);
/// assert!(backend.len() > (1 << 20) - 4096);
/// ```
pub struct ArrayBackend<'a, const ALIGN: usize = 65536> {
    base: NonNull<u8>,
    len: usize,
    _memory: PhantomData<&'a mut [u8]>,
}

// SAFETY: the span is borrowed exclusively for `'a`; the backend only tells
// where it is.
unsafe impl<const ALIGN: usize> Send for ArrayBackend<'_, ALIGN> {}
// SAFETY: as for `Send`.
unsafe impl<const ALIGN: usize> Sync for ArrayBackend<'_, ALIGN> {}

impl<'a, const ALIGN: usize> ArrayBackend<'a, ALIGN> {
    const VALID: () = assert!(ALIGN.is_power_of_two() && ALIGN >= 16, "a power of two from 16 up");

    /// The part of `memory` that starts at a multiple of `ALIGN`.
    #[must_use]
    pub fn new(memory: &'a mut [u8]) -> Self {
        let len = memory.len();
        // SAFETY: the slice is valid for `len` bytes for `'a`, exclusively.
        unsafe { Self::from_raw(NonNull::from(memory).cast(), len) }
    }

    /// As [`new`](Self::new), for memory that was never written.
    #[must_use]
    pub fn new_uninit(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        let len = memory.len();
        // SAFETY: the slice is valid for `len` bytes for `'a`, exclusively; a
        // heap writes its metadata before it reads them.
        unsafe { Self::from_raw(NonNull::from(memory).cast(), len) }
    }

    /// The part of `start..start + len` that begins at a multiple of `ALIGN`.
    ///
    /// # Safety
    ///
    /// The bytes are readable and writable for `'a` and nobody else uses them,
    /// except as the same heap.
    #[must_use]
    pub unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Self {
        const { Self::VALID }
        let skip = start.align_offset(ALIGN).min(len);
        // SAFETY: `skip <= len`, so this is inside the span or one past it.
        let base = unsafe { start.add(skip) };
        Self { base, len: len - skip, _memory: PhantomData }
    }
}

// SAFETY: the span is borrowed for `'a`, which outlives the backend; its base
// was aligned in `from_raw`; there is nothing to commit.
unsafe impl<const ALIGN: usize> Backend for ArrayBackend<'_, ALIGN> {
    const ALIGN: usize = ALIGN;

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

impl<const ALIGN: usize> fmt::Debug for ArrayBackend<'_, ALIGN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArrayBackend({:p}, {} bytes)", self.base, self.len)
    }
}
