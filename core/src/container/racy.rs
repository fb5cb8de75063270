//! Reading what somebody else may be writing, and writing what may be read.
//!
//! Every access is atomic, a piece at a time: pieces of a value may be older than
//! others, or of something else altogether. What was read is to be used only after
//! the reader has made sure that nobody wrote ([`Snapshot::holds`]).
//!
//! [`Snapshot::holds`]: crate::sync::Snapshot::holds

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use crate::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

const WORD: usize = size_of::<usize>();

/// What is loaded and stored at once.
trait Piece: Copy {
    /// Loads the one at `from`.
    ///
    /// # Safety
    ///
    /// Valid for reads and aligned, and written to atomically only.
    unsafe fn load(from: *mut Self) -> Self;

    /// Stores this at `to`.
    ///
    /// # Safety
    ///
    /// Valid for writes and aligned, and read atomically only.
    unsafe fn store(self, to: *mut Self);
}

macro_rules! pieces {
    ($($int:ty: $atomic:ty),+) => {$(
        impl Piece for $int {
            #[inline(always)]
            unsafe fn load(from: *mut Self) -> Self {
                // SAFETY: passed on from the caller.
                unsafe { <$atomic>::from_ptr(from) }.load(Ordering::Relaxed)
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut Self) {
                // SAFETY: passed on from the caller.
                unsafe { <$atomic>::from_ptr(to) }.store(self, Ordering::Relaxed);
            }
        }
    )+};
}

pieces!(u8: AtomicU8, u16: AtomicU16, u32: AtomicU32, usize: AtomicUsize);

/// Loads `len` bytes in pieces.
///
/// # Safety
///
/// Those at `from` are as [`Piece::load`] wants them, and there is room at `to`.
#[inline(always)]
unsafe fn load_pieces<P: Piece>(len: usize, from: *mut P, to: *mut P) {
    for index in 0..len / size_of::<P>() {
        // SAFETY: one of the pieces that are there (contract).
        let piece = unsafe { P::load(from.wrapping_add(index)) };
        // SAFETY: there is room (contract).
        unsafe { to.wrapping_add(index).write_unaligned(piece) };
    }
}

/// Stores `len` bytes in pieces.
///
/// # Safety
///
/// Those at `to` are as [`Piece::store`] wants them, and those at `from` are the
/// caller's own.
#[inline(always)]
unsafe fn store_pieces<P: Piece>(len: usize, from: *mut P, to: *mut P) {
    for index in 0..len / size_of::<P>() {
        // SAFETY: the caller's own (contract). Bytes between the fields of a value
        // are whatever they are, and nobody looks at them.
        let piece = unsafe { from.wrapping_add(index).read_unaligned() };
        // SAFETY: one of the pieces that are there (contract).
        unsafe { piece.store(to.wrapping_add(index)) };
    }
}

/// Copies the value at `from`, which may be written to meanwhile.
///
/// # Safety
///
/// `from` is valid for reads and aligned, and written to with [`store`] only while
/// others may read.
#[inline]
pub(super) unsafe fn load<T>(from: NonNull<T>) -> MaybeUninit<T> {
    let mut copy = MaybeUninit::<T>::uninit();
    let (len, from, to) = (size_of::<T>(), from.as_ptr(), copy.as_mut_ptr());
    match align_of::<T>() {
        // SAFETY: here and below, as is promised, and in pieces as large as the
        // alignment or smaller.
        1 => unsafe { load_pieces::<u8>(len, from.cast(), to.cast()) },
        // SAFETY: as above.
        2 => unsafe { load_pieces::<u16>(len, from.cast(), to.cast()) },
        // SAFETY: as above.
        4 => unsafe { load_pieces::<u32>(len, from.cast(), to.cast()) },
        // SAFETY: as above.
        _ => unsafe { load_pieces::<usize>(len, from.cast(), to.cast()) },
    }
    copy
}

/// Moves `value` to `to`, which may be read meanwhile.
///
/// # Safety
///
/// `to` is valid for reads and writes and aligned, and nobody else writes there.
#[inline]
pub(super) unsafe fn store<T>(to: NonNull<T>, value: T) {
    let mut value = ManuallyDrop::new(value);
    let (len, from, to) = (size_of::<T>(), &raw mut value, to.as_ptr());
    match align_of::<T>() {
        // SAFETY: as in `load`.
        1 => unsafe { store_pieces::<u8>(len, from.cast(), to.cast()) },
        // SAFETY: as above.
        2 => unsafe { store_pieces::<u16>(len, from.cast(), to.cast()) },
        // SAFETY: as above.
        4 => unsafe { store_pieces::<u32>(len, from.cast(), to.cast()) },
        // SAFETY: as above.
        _ => unsafe { store_pieces::<usize>(len, from.cast(), to.cast()) },
    }
}

/// Copies bytes that may be written to meanwhile.
///
/// # Safety
///
/// `from` is aligned to a word and valid for reads of as many bytes as `to` has.
pub(super) unsafe fn copy_bytes(from: NonNull<u8>, to: &mut [u8]) {
    let (words, rest) = to.split_at_mut(to.len() / WORD * WORD);
    // SAFETY: passed on from the caller.
    unsafe { load_pieces::<usize>(words.len(), from.as_ptr().cast(), words.as_mut_ptr().cast()) };
    // SAFETY: within what is valid (contract).
    let end = unsafe { from.add(words.len()) };
    // SAFETY: as above.
    unsafe { load_pieces::<u8>(rest.len(), end.as_ptr(), rest.as_mut_ptr()) };
}

/// Whether bytes that may be written to meanwhile are those of `expected`.
///
/// # Safety
///
/// `from` is aligned to a word and valid for reads of as many bytes as `expected`
/// has.
pub(super) unsafe fn bytes_equal(from: NonNull<u8>, expected: &[u8]) -> bool {
    let mut copy = [0; 8 * WORD];
    expected.chunks(copy.len()).enumerate().all(|(index, chunk)| {
        let Some(copy) = copy.get_mut(..chunk.len()) else { return false };
        // SAFETY: within what is valid (contract).
        let from = unsafe { from.add(index * (8 * WORD)) };
        // SAFETY: as above; the chunks before are some words long.
        unsafe { copy_bytes(from, copy) };
        copy == chunk
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves<T: Copy + PartialEq + core::fmt::Debug>(value: T) {
        let mut place = MaybeUninit::<T>::uninit();
        let at = NonNull::from(&mut place).cast::<T>();
        // SAFETY: room for a value, of which nobody else knows.
        unsafe { store(at, value) };
        // SAFETY: as above; a whole value.
        assert_eq!(unsafe { load(at).assume_init() }, value);
    }

    #[test]
    fn values_of_any_alignment_move() {
        moves(());
        moves([1_u8, 2, 3, 4, 5, 6, 7, 8, 9]);
        moves([1_u16, 2, 3]);
        moves(7_u32);
        moves((1_u64, 2_u64));
        moves(u128::MAX - 5);
        moves([u64::MAX; 5]);
    }

    #[test]
    fn bytes_of_any_number_are_compared() {
        let words = core::array::from_fn::<usize, 40, _>(|index| index * 77 + 1);
        let from = NonNull::from(&words).cast::<u8>();
        let mut copy = [0; size_of::<[usize; 40]>()];
        for len in [0, 1, 7, 8, 9, 63, 64, 65, 100, copy.len()] {
            // SAFETY: the words are that long, and nobody writes to them.
            unsafe { copy_bytes(from, &mut copy[..len]) };
            // SAFETY: as above.
            assert!(unsafe { bytes_equal(from, &copy[..len]) }, "{len} bytes");
            if let Some(last) = copy[..len].last_mut() {
                *last ^= 1;
                // SAFETY: as above.
                assert!(!unsafe { bytes_equal(from, &copy[..len]) }, "{len} bytes");
            }
        }
    }
}
