//! Where the bytes of a segment come from.
//!
//! A backend supplies one contiguous span that the CPU can address. UMF calls
//! it a memory provider. [`ArrayBackend`] is memory the caller already has;
//! adapters add `mmap`, POSIX shared memory, memfd and more.

mod array;

pub use array::ArrayBackend;

use core::fmt;
use core::ptr::NonNull;

use crate::offset::Offset;
use crate::thread::Owner;

/// Space that was asked of a backend and is not there.
///
/// A full file system, a full `/dev/shm` or a memory limit shows up here, as a
/// value and before the bytes are touched, never as a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitError {
    /// Where the space was to be.
    pub at: Offset,
    /// How many bytes were asked for.
    pub len: usize,
    /// The system's error number, 0 if it gave none.
    pub code: i32,
    /// Whether there will never be space: somebody cut the segment's file off.
    ///
    /// Whatever was behind the new end is lost, and touching it ends the
    /// process by SIGBUS.
    pub gone: bool,
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.gone {
            return write!(
                f,
                "the segment's file was cut off, {} bytes at {} cannot be had: save what can be \
                 read, and make the heap anew",
                self.len, self.at
            );
        }
        write!(
            f,
            "no space for {} bytes at {} (system error {}): free space where the segment lives, \
             or free blocks",
            self.len, self.at, self.code
        )
    }
}

impl core::error::Error for CommitError {}

/// Supplies one span of bytes.
///
/// # Safety
///
/// - `base()..base() + len()` stays mapped and readable, and writable unless
///   [`read_only`](Self::read_only), at the same address for as long as the
///   backend lives, also while the backend itself is moved.
/// - `base()` is aligned to [`ALIGN`](Self::ALIGN).
/// - Whoever else accesses the span keeps to the segment's protocols.
/// - After `commit` has returned `Ok`, the range can be written without fault.
pub unsafe trait Backend: Send + Sync {
    /// Alignment of the base in bytes: a power of two, at least the slab size
    /// of the heap that is to live here.
    const ALIGN: usize;

    /// The first byte.
    fn base(&self) -> NonNull<u8>;

    /// Length in bytes.
    fn len(&self) -> usize;

    /// Whether the span has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether bytes that nobody has written yet read as zero.
    fn zeroed(&self) -> bool;

    /// Whether only reading is allowed.
    fn read_only(&self) -> bool {
        false
    }

    /// Whether other processes may see the span.
    fn shared(&self) -> bool {
        false
    }

    /// Whether heaps that are made here have to be [resident](crate::segment::Config::resident):
    /// whether a device uses the pages, too, and would not see other ones in their place.
    fn resident(&self) -> bool {
        false
    }

    /// Takes note that most of `len` bytes at `at` will soon be written: the
    /// backend may prepare larger pages for them.
    fn expect(&self, at: Offset, len: usize) {
        let _ = (at, len);
    }

    /// Makes sure that there is space behind `len` bytes at `at`.
    ///
    /// Idempotent; what was written there stays.
    ///
    /// # Errors
    ///
    /// There is no space.
    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        let _ = (at, len);
        Ok(())
    }

    /// Gives the space behind `len` bytes at `at` back to the system.
    ///
    /// Returns whether it did; if so the bytes read as zero afterwards and must
    /// be committed again before they are written. Both numbers are multiples
    /// of the slab size.
    fn decommit(&self, at: Offset, len: usize) -> bool {
        let _ = (at, len);
        false
    }

    /// Moves what `len` bytes at `from` hold to `to` without copying it.
    ///
    /// Returns whether it did; if so the bytes at `from` read as zero
    /// afterwards. If not, both are as they were. The caller alone uses both
    /// ranges, which do not overlap; all numbers are multiples of the slab size.
    fn relocate(&self, from: Offset, to: Offset, len: usize) -> bool {
        let _ = (from, to, len);
        false
    }

    /// Bytes of the smallest piece that [`guard`](Self::guard) can take, a power
    /// of two; 0 if it can't take any.
    fn guard_size(&self) -> usize {
        0
    }

    /// Makes `len` bytes at `at` inaccessible, so that whoever touches them dies
    /// by a signal; whether it did. Both numbers are multiples of
    /// [`guard_size`](Self::guard_size).
    ///
    /// Only for spans that no other process has: what protects them does so in
    /// the calling process alone. Another could free what is guarded here, and
    /// use it for something that is then not to be read here.
    fn guard(&self, at: Offset, len: usize) -> bool {
        let _ = (at, len);
        false
    }

    /// Makes all of `len` bytes at `at` accessible again, whether they were or
    /// not; whether they are now. What was written there stays.
    fn unguard(&self, at: Offset, len: usize) -> bool {
        let _ = (at, len);
        false
    }

    /// Whether the system knows that `owner` has the memory open, by a lock that
    /// goes with the process, say.
    ///
    /// Asked about owners other than the caller that the thread model takes for
    /// dead: it knows processes by ids, which mean little elsewhere. Yes when in
    /// doubt; no where the backend knows nothing about its users.
    fn is_held_by(&self, owner: Owner) -> bool {
        let _ = owner;
        false
    }
}
