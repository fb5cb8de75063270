//! A group in one vector register.

use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8,
};

use super::WORDS;

/// A set of lanes: a bit of each.
pub(super) type Mask = u32;

/// Bits of the mask that belong to a lane.
pub(super) const BITS: usize = 1;

/// All lanes.
pub(super) const ALL: Mask = 0xffff;

/// The lanes whose byte is `byte`.
#[inline]
pub(super) fn equal_to(words: [usize; WORDS], byte: u8) -> Mask {
    // SAFETY: the target has the instructions (the module's condition).
    let bytes = unsafe { _mm_set1_epi8(byte.cast_signed()) };
    // SAFETY: as above.
    mask(unsafe { _mm_cmpeq_epi8(vector(words), bytes) })
}

/// The lanes whose byte is `byte`.
#[inline]
pub(super) fn near(words: [usize; WORDS], byte: u8) -> Mask {
    equal_to(words, byte)
}

/// The lanes whose highest bit is set.
#[inline]
pub(super) fn highs(words: [usize; WORDS]) -> Mask {
    mask(vector(words))
}

#[inline]
fn vector([low, high]: [usize; WORDS]) -> __m128i {
    // SAFETY: as above.
    unsafe { _mm_set_epi64x(high.cast_signed() as i64, low.cast_signed() as i64) }
}

#[inline]
fn mask(vector: __m128i) -> Mask {
    // SAFETY: as above.
    unsafe { _mm_movemask_epi8(vector) }.cast_unsigned()
}
