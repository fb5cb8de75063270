//! A group in one vector register.

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_movemask_epi8, _mm_or_si128,
    _mm_set_epi64x, _mm_set1_epi8, _mm_shufflehi_epi16, _mm_unpackhi_epi64, _mm_unpacklo_epi8,
};
use core::ptr::NonNull;

use super::{TAG_AT, WORDS, occupied};
use crate::sync::atomic::AtomicUsize;

/// A set of lanes: a bit of each.
pub(super) type Mask = u32;

/// Bits of the mask that belong to a lane.
pub(super) const BITS: usize = 1;

/// All lanes.
pub(super) const ALL: Mask = 0xffff;

/// Loads the words of the group that starts `start` bytes behind `controls`, with Acquire.
///
/// # Safety
///
/// They are valid for reads and aligned, and written to atomically only.
#[inline(always)]
pub(super) unsafe fn load(controls: NonNull<AtomicUsize>, start: usize) -> [usize; WORDS] {
    let group: __m128i;
    // Two atomic loads would be put together in a register first. This one does what they
    // do: the processor loads each aligned word whole, and keeps its loads in order. And the
    // compiler keeps the program's, as it must take this for a store to anywhere.
    // SAFETY: valid for reads (contract).
    unsafe {
        asm!(
            "movdqu {group}, [{controls} + {start}]",
            group = out(xmm_reg) group,
            controls = in(reg) controls.as_ptr(),
            start = in(reg) start,
            options(nostack, preserves_flags),
        );
    }
    // SAFETY: the target has the instructions (the module's condition).
    let high = unsafe { _mm_unpackhi_epi64(group, group) };
    // SAFETY: as above.
    let word = |vector| unsafe { _mm_cvtsi128_si64(vector) }.cast_unsigned() as usize;
    [word(group), word(high)]
}

/// The lanes that hold an entry whose hash has the same tag as `hash`.
#[inline]
pub(super) fn alike(words: [usize; WORDS], hash: u64) -> Mask {
    // The tag is taken out of the hash by what puts it in all lanes.
    const { assert!(TAG_AT == 40) };
    // SAFETY: the target has the instructions (the module's condition).
    let hash = unsafe { _mm_cvtsi64_si128(hash.cast_signed()) };
    // SAFETY: as above. Each byte is there twice: as a lane of sixteen bits.
    let twice = unsafe { _mm_unpacklo_epi8(hash, hash) };
    // SAFETY: as above. The sixth of them is in all four of the upper half.
    let upper = unsafe { _mm_shufflehi_epi16::<0b01_01_01_01>(twice) };
    // SAFETY: as above.
    let tags = unsafe { _mm_unpackhi_epi64(upper, upper) };
    // SAFETY: as above.
    let high_bits = unsafe { _mm_set1_epi8(occupied(0).cast_signed()) };
    // SAFETY: as above.
    mask(unsafe { _mm_cmpeq_epi8(vector(words), _mm_or_si128(tags, high_bits)) })
}

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
