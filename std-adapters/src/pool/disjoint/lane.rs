//! The sizes that a disjoint pool cuts slabs into.
//!
//! Up to 64 bytes there is a lane for every 16, and above four for each doubling: what a
//! block has more than was asked for is a fifth of it at most. Lanes have numbers from 1
//! on; 0 is none.
//!
//! Every multiple of a power of two is, when rounded up to a lane, still one. So blocks
//! are as aligned as their size was rounded, if the slab is.

/// The most that a lane's blocks can have: 2 GiB, or 512 MiB where addresses are short.
pub(super) const LARGEST: usize = 1 << if usize::BITS == 64 { 31 } else { 29 };

/// How many lanes there are.
pub(super) const COUNT: usize = of(LARGEST);

/// Bytes that all sizes are multiples of.
pub(super) const GRAIN: usize = 16;

/// Up to this many bytes the lane stands in a table.
pub(super) const SMALL: usize = 1024;

/// By the number of grains. Longer than needed, so that an index is in range once it is
/// masked.
static OF_SMALL: [u8; (SMALL / GRAIN + 1).next_power_of_two()] = {
    let mut table = [1; (SMALL / GRAIN + 1).next_power_of_two()];
    let mut grains = 1;
    while grains <= SMALL / GRAIN {
        table[grains] = of(grains * GRAIN) as u8;
        grains += 1;
    }
    table
};

/// The lane of blocks of `size` bytes, a multiple of [`GRAIN`] up to [`SMALL`].
#[inline(always)]
pub(super) fn of_small(size: usize) -> usize {
    OF_SMALL[(size / GRAIN) & (OF_SMALL.len() - 1)] as usize
}

/// The lane of blocks of `size` bytes, up to [`LARGEST`].
#[inline]
pub(super) const fn of(size: usize) -> usize {
    let last = if size == 0 { 0 } else { size - 1 };
    if last < 64 {
        return last / GRAIN + 1;
    }
    let doubling = usize::BITS - 1 - last.leading_zeros();
    let quarter = last >> (doubling - 2) & 3;
    4 * (doubling as usize - 5) + quarter + 1
}

/// How many bytes the blocks of a lane have.
pub(super) const fn size(lane: usize) -> usize {
    if lane <= 4 {
        return lane * GRAIN;
    }
    let (doubling, quarter) = ((lane - 5) / 4 + 6, (lane - 5) % 4);
    (5 + quarter) << (doubling - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_as_large_as_asked_for_and_hardly_larger() {
        for size in (0..5000).chain((12..31).flat_map(|k| [(1 << k) - 1, 1 << k, (1 << k) + 1])) {
            let lane = of(size);
            assert!((1..=COUNT).contains(&lane), "{size}");
            assert!(super::size(lane) >= size, "{size}");
            assert!(lane == 1 || super::size(lane - 1) < size, "{size} fits a smaller lane");
        }
        assert_eq!(size(COUNT), LARGEST);
        assert!((0..=64).all(|grains| of_small(grains * 16) == of(grains * 16)));
    }

    #[test]
    fn a_size_that_was_rounded_for_an_alignment_keeps_it() {
        for align in (0..16).map(|log| 1_usize << log) {
            for multiple in 1..200 {
                assert_eq!(size(of(multiple * align)) % align, 0, "{multiple} × {align}");
            }
        }
    }
}
