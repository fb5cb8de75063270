//! Free blocks by size: which bin a size belongs to, and which bins have blocks.

/// Bins for each doubling of the size, as a power of two.
const SUB_BITS: u32 = 3;
const SUBS: u32 = 1 << SUB_BITS;
const WORD: u32 = usize::BITS;
/// Enough for sizes of 31 bits.
const BINS: u32 = 256;
const WORDS: usize = (BINS / WORD) as usize;

/// The bin of blocks of `n` granules, which is not 0.
#[inline]
pub(super) fn bin_of(n: u32) -> u32 {
    let shift = (n | (SUBS - 1)).ilog2().saturating_sub(SUB_BITS);
    (shift << SUB_BITS) + (n >> shift)
}

/// The first bin all of whose blocks have `n` granules or more.
#[inline]
pub(super) fn bin_for(n: u32) -> u32 {
    let shift = (n | (SUBS - 1)).ilog2().saturating_sub(SUB_BITS);
    bin_of(n + ((1 << shift) - 1))
}

/// Which bins have blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occupied {
    words: [usize; WORDS],
    /// The words that are not 0.
    summary: u32,
}

impl Occupied {
    pub(super) const NONE: Self = Self { words: [0; WORDS], summary: 0 };

    /// The first bin from `bin` on that has blocks.
    #[inline]
    pub(super) fn at_least(&self, bin: u32) -> Option<u32> {
        let group = bin / WORD;
        let word = self.words.get(group as usize)? & (!0 << (bin % WORD));
        if word != 0 {
            return Some(group * WORD + word.trailing_zeros());
        }
        let later = self.summary & (!0 << (group + 1));
        let group = later.trailing_zeros();
        let word = self.words.get(group as usize)?;
        Some(group * WORD + word.trailing_zeros())
    }

    #[inline]
    pub(super) fn set(&mut self, bin: u32) {
        if let Some(word) = self.words.get_mut((bin / WORD) as usize) {
            *word |= 1 << (bin % WORD);
            self.summary |= 1 << (bin / WORD);
        }
    }

    #[inline]
    pub(super) fn clear(&mut self, bin: u32) {
        if let Some(word) = self.words.get_mut((bin / WORD) as usize) {
            *word &= !(1 << (bin % WORD));
            if *word == 0 {
                self.summary &= !(1 << (bin / WORD));
            }
        }
    }
}
