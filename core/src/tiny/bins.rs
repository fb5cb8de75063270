//! Which bin a free block belongs to: four for each doubling of the size.

/// As many as a word of 64 bits tells apart.
pub(super) const BINS: u32 = 64;

/// Blocks of fewer granules have a bin for each size.
const EXACT: u32 = 16;

/// The bin of blocks of `len` granules; the last one also has all that are larger.
#[inline]
pub(super) fn bin_of(len: u32) -> u32 {
    // The logarithm, written such that it is one instruction.
    let log = 31 ^ (len | 4).leading_zeros();
    let coarse = 4 * (log - 1) + (len >> (log - 2));
    if len < EXACT { len } else { coarse.min(BINS - 1) }
}

#[cfg(test)]
mod tests {
    use super::{BINS, bin_of};

    #[test]
    fn bins_ascend_with_the_size_and_are_all_used() {
        let mut last = bin_of(1);
        for len in 2..100_000 {
            let bin = bin_of(len);
            assert!(bin == last || bin == last + 1, "{len}: {bin} after {last}");
            last = bin;
        }
        assert_eq!(last, BINS - 1);
        assert_eq!(bin_of(u32::MAX), BINS - 1);
    }
}
