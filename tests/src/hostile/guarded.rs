//! Bytes that may be anything, between pages that nobody may touch.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use anymem_core::backend::ArrayBackend;

/// Bytes of each of the two guards: what a wrong index reaches is likely there.
const GUARD: usize = 1 << 20;

/// The backend of a hostile heap, whose slabs have 4 KiB.
pub type Backend = ArrayBackend<'static, 4096>;

/// Bytes between two ranges of pages that nobody may touch: an access before
/// or behind them ends the process. Children that are forked share them. They are
/// never unmapped.
#[derive(Debug, Clone, Copy)]
pub struct Guarded {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the bytes are reached through atomics, or by one thread.
unsafe impl Send for Guarded {}
// SAFETY: as above.
unsafe impl Sync for Guarded {}

impl Guarded {
    /// So many bytes, a multiple of the page size, all zero.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let all = len + 2 * GUARD;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: asks for new memory, and opens the middle of it.
        let start = unsafe {
            let start = libc::mmap(std::ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            let start = start.cast::<u8>().add(GUARD);
            let open = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(start.cast(), len, open), 0);
            start
        };
        Self { start: NonNull::new(start).expect("mapped"), len }
    }

    /// Where they start.
    #[must_use]
    pub fn base(&self) -> NonNull<u8> {
        self.start
    }

    /// How many there are.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there are some")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// A backend of the first `len` bytes.
    #[must_use]
    pub fn backend(&self, len: usize) -> Backend {
        assert!(len <= self.len);
        // SAFETY: the bytes live for ever; all accesses are those of one heap,
        // and the damage that is tried.
        unsafe { ArrayBackend::from_raw(self.start, len) }
    }

    /// The byte at `at`.
    #[must_use]
    pub fn byte(&self, at: usize) -> &AtomicU8 {
        assert!(at < self.len);
        // SAFETY: inside, and any byte is an atomic one.
        unsafe { &*self.start.as_ptr().add(at).cast::<AtomicU8>() }
    }

    /// The machine word at `at`, a multiple of its size.
    #[must_use]
    pub fn word(&self, at: usize) -> &AtomicUsize {
        assert!(at.is_multiple_of(size_of::<usize>()) && at < self.len);
        // SAFETY: inside and aligned, as the start is to a page; any bytes are
        // an atomic word.
        unsafe { &*self.start.as_ptr().add(at).cast::<AtomicUsize>() }
    }

    /// The number in the `len` bytes at `at`, at most 8.
    #[must_use]
    pub fn number(&self, at: usize, len: usize) -> u64 {
        let mut bytes = [0; 8];
        for (index, byte) in bytes.iter_mut().take(len).enumerate() {
            *byte = self.byte(at + index).load(Ordering::Relaxed);
        }
        u64::from_le_bytes(bytes)
    }

    /// Writes the `len` low bytes of a number, at most 8.
    pub fn set_number(&self, at: usize, len: usize, value: u64) {
        for (index, byte) in value.to_le_bytes().into_iter().take(len).enumerate() {
            self.byte(at + index).store(byte, Ordering::Relaxed);
        }
    }

    /// A copy of all bytes.
    #[must_use]
    pub fn image(&self) -> Vec<u8> {
        (0..self.len).map(|at| self.byte(at).load(Ordering::Relaxed)).collect()
    }

    /// Makes all bytes what they were.
    pub fn restore(&self, image: &[u8]) {
        assert_eq!(image.len(), self.len);
        // SAFETY: both are that long, and nobody else uses them now.
        unsafe { self.start.as_ptr().copy_from_nonoverlapping(image.as_ptr(), self.len) };
    }
}
