//! A group in words, for machines whose vectors are not known here.

use core::array::from_fn;
use core::ptr::NonNull;

use super::{WORDS, occupied, tag};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A set of lanes: the highest bit of each.
#[cfg(target_pointer_width = "64")]
pub(super) type Mask = u128;
/// A set of lanes: the highest bit of each.
#[cfg(not(target_pointer_width = "64"))]
pub(super) type Mask = u64;

/// Bits of the mask that belong to a lane.
pub(super) const BITS: usize = 8;

/// All lanes.
pub(super) const ALL: Mask = ONES << 7;

/// A byte of 1 in every lane.
const ONES: Mask = Mask::MAX / 0xff;

/// Loads the words of the group that starts `start` bytes behind `controls`, with Acquire.
///
/// # Safety
///
/// They are valid for reads and aligned, and written to atomically only.
#[inline(always)]
pub(super) unsafe fn load(controls: NonNull<AtomicUsize>, start: usize) -> [usize; WORDS] {
    // SAFETY: here and below, valid for reads (contract).
    let first = unsafe { controls.byte_add(start) };
    from_fn(|index| {
        // SAFETY: as above; any bits are an `AtomicUsize`.
        unsafe { first.add(index).as_ref() }.load(Ordering::Acquire)
    })
}

/// The lanes that hold an entry whose hash has the same tag as `hash`, and perhaps some of
/// others, as [`near`].
#[inline]
pub(super) const fn alike(words: [usize; WORDS], hash: u64) -> Mask {
    near(words, occupied(tag(hash)))
}

/// The lanes whose byte is `byte`.
#[inline]
pub(super) const fn equal_to(words: [usize; WORDS], byte: u8) -> Mask {
    let x = differences(words, byte);
    // A lane of `x` is 0 exactly where neither its low bits carry into its high
    // one nor that is set already.
    !((x & !ALL).wrapping_add(!ALL) | x) & ALL
}

/// The lanes whose byte is `byte`, and above one of these perhaps some whose byte
/// is `byte ^ 1`, for what is borrowed from them.
#[inline]
pub(super) const fn near(words: [usize; WORDS], byte: u8) -> Mask {
    let x = differences(words, byte);
    x.wrapping_sub(ONES) & !x & ALL
}

/// The lanes whose highest bit is set.
#[inline]
pub(super) const fn highs([low, high]: [usize; WORDS]) -> Mask {
    (low as Mask | (high as Mask) << usize::BITS) & ALL
}

/// What every lane differs from `byte` by.
const fn differences([low, high]: [usize; WORDS], byte: u8) -> Mask {
    (low as Mask | (high as Mask) << usize::BITS) ^ (ONES * byte as Mask)
}
