//! What a page says of its owner, in one word.

/// What a page says of its owner.
///
/// | bits of 64 | bits of 32 | field |
/// |---|---|---|
/// | 0 | 0 | 1: this is an entry, and no link to a table |
/// | 1–8 | 1–7 | the lane: which blocks the page is cut into; 0 for none |
/// | 9–24 | 8–13 | the key: whose the page is; not 0 |
/// | 25–63 | 14–31 | the number of the region that the page is in |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry(usize);

const IS_ENTRY: usize = 1;
const LANE_BITS: u32 = if usize::BITS == 64 { 8 } else { 7 };
const KEY_BITS: u32 = if usize::BITS == 64 { 16 } else { 6 };
const KEY_SHIFT: u32 = 1 + LANE_BITS;
const REGION_SHIFT: u32 = KEY_SHIFT + KEY_BITS;

impl Entry {
    /// The largest lane.
    pub const LANES: usize = (1 << LANE_BITS) - 1;

    /// The largest key.
    pub const KEYS: usize = (1 << KEY_BITS) - 1;

    /// The largest number of a region.
    pub const REGIONS: usize = usize::MAX >> REGION_SHIFT;

    /// The entry of a page of `region`; what is too large for its field is cut.
    #[must_use]
    pub const fn new(region: usize, key: usize, lane: usize) -> Self {
        let (region, key, lane) = (region & Self::REGIONS, key & Self::KEYS, lane & Self::LANES);
        Self(region << REGION_SHIFT | key << KEY_SHIFT | lane << 1 | IS_ENTRY)
    }

    /// What a page says that has no owner: its key is 0.
    pub const NOBODYS: Self = Self(0);

    /// What the word of a page that a map gives says: the entry that it is, or
    /// [`NOBODYS`](Self::NOBODYS) if it is 0.
    #[must_use]
    #[inline(always)]
    pub const fn of_page(word: usize) -> Self {
        Self(word)
    }

    /// The entry that `word` is, if it is one.
    #[must_use]
    #[inline]
    pub const fn from_word(word: usize) -> Option<Self> {
        if word & IS_ENTRY == 0 { None } else { Some(Self(word)) }
    }

    /// The word that it is.
    #[must_use]
    #[inline]
    pub const fn word(self) -> usize {
        self.0
    }

    /// Which blocks the page is cut into; 0 for none.
    #[must_use]
    #[inline]
    pub const fn lane(self) -> usize {
        self.0 >> 1 & Self::LANES
    }

    /// Whose the page is.
    #[must_use]
    #[inline]
    pub const fn key(self) -> usize {
        self.0 >> KEY_SHIFT & Self::KEYS
    }

    /// The number of the region that the page is in.
    #[must_use]
    #[inline]
    pub const fn region(self) -> usize {
        self.0 >> REGION_SHIFT
    }

    /// The same page, cut into other blocks.
    #[must_use]
    pub const fn with_lane(self, lane: usize) -> Self {
        Self::new(self.region(), self.key(), lane)
    }
}
