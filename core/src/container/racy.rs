//! Reading what somebody else may be writing, and writing what may be read.
//!
//! Every access is atomic, a piece at a time: pieces of a value may be older than
//! others, or of something else altogether. What was read is to be used only after
//! the reader has made sure that nobody wrote ([`Snapshot::holds`]).
//!
//! [`Snapshot::holds`]: crate::sync::Snapshot::holds

use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering};

const WORD: usize = size_of::<usize>();

/// Copies `$len` bytes in pieces of type `$int`, by `$one(from, to)`.
macro_rules! pieces {
    ($int:ty, $len:expr, $from:expr, $to:expr, $one:expr) => {
        for index in 0..$len / size_of::<$int>() {
            // SAFETY: the piece is one of those that both ends have.
            let (from, to) =
                unsafe { ($from.cast::<$int>().add(index), $to.cast::<$int>().add(index)) };
            $one(from, to);
        }
    };
}

macro_rules! loads {
    ($atomic:ty, $int:ty, $len:expr, $from:expr, $to:expr) => {
        pieces!($int, $len, $from, $to, |from: *mut $int, to: *mut $int| {
            // SAFETY: valid and aligned (contract of the caller), and only ever
            // accessed atomically while others may write.
            let piece = unsafe { <$atomic>::from_ptr(from) }.load(Ordering::Relaxed);
            // SAFETY: room of the caller's own.
            unsafe { to.write_unaligned(piece) };
        })
    };
}

macro_rules! stores {
    ($atomic:ty, $int:ty, $len:expr, $from:expr, $to:expr) => {
        pieces!($int, $len, $from, $to, |from: *mut $int, to: *mut $int| {
            // SAFETY: the caller's own value. (Bytes between its fields are
            // whatever they are, and nobody looks at them.)
            let piece = unsafe { from.read_unaligned() };
            // SAFETY: as for loads.
            unsafe { <$atomic>::from_ptr(to) }.store(piece, Ordering::Relaxed);
        })
    };
}

/// The pieces that the values of a type are made of.
macro_rules! by_alignment {
    ($what:ident, $type:ty, $from:expr, $to:expr) => {{
        let len = size_of::<$type>();
        match align_of::<$type>() {
            1 => $what!(AtomicU8, u8, len, $from, $to),
            2 => $what!(AtomicU16, u16, len, $from, $to),
            4 => $what!(AtomicU32, u32, len, $from, $to),
            _ => $what!(AtomicUsize, usize, len, $from, $to),
        }
    }};
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
    by_alignment!(loads, T, from.as_ptr(), copy.as_mut_ptr());
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
    by_alignment!(stores, T, &raw mut value, to.as_ptr());
}

/// Copies bytes that may be written to meanwhile.
///
/// # Safety
///
/// `from` is aligned to a word and valid for reads of as many bytes as `to` has.
pub(super) unsafe fn copy_bytes(from: NonNull<u8>, to: &mut [u8]) {
    let (words, rest) = to.split_at_mut(to.len() / WORD * WORD);
    loads!(AtomicUsize, usize, words.len(), from.as_ptr(), words.as_mut_ptr());
    // SAFETY: within what is valid (contract).
    let end = unsafe { from.add(words.len()) };
    loads!(AtomicU8, u8, rest.len(), end.as_ptr(), rest.as_mut_ptr());
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
        // SAFETY: within what is valid (contract); a chunk is some words long.
        unsafe { copy_bytes(from.add(index * (8 * WORD)), copy) };
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
