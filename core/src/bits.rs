//! Bits of many words, as one row: bit `i % 64` of word `i / 64` is bit `i`.

use core::ops::Range;

/// The first bit from `from` on that is set, or that is clear; the number of bits if there
/// is none.
pub(crate) fn position_of(words: &[u64], set: bool, from: usize) -> usize {
    let flip = if set { 0 } else { !0 };
    let mut mask = !0 << (from % 64);
    for (group, word) in words.iter().enumerate().skip(from / 64) {
        let found = (word ^ flip) & mask;
        if found != 0 {
            return group * 64 + found.trailing_zeros() as usize;
        }
        mask = !0;
    }
    words.len() * 64
}

/// Sets or clears the bits of `range`, all of which there are.
pub(crate) fn assign(words: &mut [u64], range: Range<usize>, set: bool) {
    if range.is_empty() {
        return;
    }
    let groups = range.start / 64..range.end.div_ceil(64);
    for (group, word) in words.iter_mut().enumerate().take(groups.end).skip(groups.start) {
        let first = range.start.saturating_sub(group * 64);
        let last = (range.end - group * 64).min(64);
        let mask = (!0 >> (64 - (last - first))) << first;
        if set { *word |= mask } else { *word &= !mask }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{assign, position_of};

    proptest! {
        #[test]
        fn a_range_is_what_is_set(start in 0_usize..190, len in 1_usize..190) {
            let end = (start + len).min(192);
            let mut words = [0; 3];
            assign(&mut words, start..start, true);
            prop_assert_eq!(words, [0; 3]);
            assign(&mut words, start..end, true);
            let bit = |i: usize| words[i / 64] >> (i % 64) & 1 != 0;
            prop_assert!((0..192).all(|i| bit(i) == (start..end).contains(&i)));
            prop_assert_eq!(position_of(&words, true, 0), start);
            prop_assert_eq!(position_of(&words, false, start), end);
            assign(&mut words, start..end, false);
            prop_assert_eq!(words, [0; 3]);
            prop_assert_eq!(position_of(&words, true, 0), 192);
        }
    }
}
