//! What there is to know about regions, read without a lock.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::Ordering;

use super::{Entry, PageMap, Tables};
use crate::sync::{AtomicInt, Atomics, Versions};

/// Words of a record that are its user's.
pub const FIELDS: usize = 7;

/// Words of a record: its version, and the [`FIELDS`].
pub const RECORD: usize = FIELDS + 1;

/// Regions of pages: a map that says which one a page is in, and a record of each.
///
/// # Protocol
///
/// A record is written before the pages of its region name it. Once they do not any
/// more its version advances, and then it may be written anew. A reader looks at the
/// page, reads the record, and then asks whether the version and the page are what they
/// were ([`Versions`], where the page is the link). Records are never anything else
/// than records, so what a reader finds in between may be another region's, but is no
/// stray memory.
pub struct Regions<'t, T: Tables, const TOP: u32, const MIDDLE: u32, const LOW: u32> {
    tables: &'t T,
}

impl<'t, T: Tables, const TOP: u32, const MIDDLE: u32, const LOW: u32>
    Regions<'t, T, TOP, MIDDLE, LOW>
{
    /// The regions of the map on the root of `tables`.
    #[must_use]
    #[inline]
    pub const fn new(tables: &'t T) -> Self {
        Self { tables }
    }

    /// Which region a page is in.
    #[must_use]
    #[inline]
    pub const fn pages(&self) -> PageMap<'t, T, TOP, MIDDLE, LOW> {
        PageMap::new(self.tables)
    }

    /// What a page and the record of its region say, both at one moment; `None` if the
    /// page is in no region.
    #[must_use]
    pub fn find(&self, page: usize) -> Option<(Entry, [usize; FIELDS])> {
        loop {
            let place = self.pages().place(page)?;
            // Acquire: pairs with the Release in `PageMap::set`; publishes the record.
            let word = place.load(Ordering::Acquire);
            if word == 0 {
                return None;
            }
            if let Some(entry) = Entry::from_word(word)
                && let Some(fields) = self.read(entry, place)
            {
                return Some((entry, fields));
            }
            T::A::spin_hint();
        }
    }

    /// Writes the record of a region that no page names. The caller holds the lock.
    pub fn write(&self, region: usize, fields: [usize; FIELDS]) {
        for (index, field) in fields.into_iter().enumerate() {
            self.field(region, index).store(field, Ordering::Relaxed);
        }
    }

    /// One field of a region's record.
    ///
    /// The region must be one that stays meanwhile.
    #[must_use]
    #[inline]
    pub fn field(&self, region: usize, index: usize) -> &'t <T::A as Atomics>::Word {
        self.word(region, 1 + index)
    }

    /// Lets the pages of a region, which are `pages`, be what `back` makes of them, and
    /// gives its record away. The caller holds the lock.
    pub fn retire(&self, region: usize, pages: Range<usize>, back: impl FnMut(usize) -> usize) {
        let place = self.word(region, 0);
        Versions::<T::A>::new(place, place).retire(|| self.pages().set(pages, back));
    }

    fn read(&self, entry: Entry, place: &<T::A as Atomics>::Word) -> Option<[usize; FIELDS]> {
        let region = entry.region();
        let snapshot = Versions::<T::A>::new(self.word(region, 0), place).snapshot();
        if snapshot.link() != entry.word() {
            return None;
        }
        let fields =
            core::array::from_fn(|index| self.field(region, index).load(Ordering::Relaxed));
        snapshot.holds().then_some(fields)
    }

    #[inline]
    fn word(&self, region: usize, index: usize) -> &'t <T::A as Atomics>::Word {
        self.tables.word(self.tables.record(region).add(index * size_of::<usize>()))
    }
}

impl<T: Tables, const TOP: u32, const MIDDLE: u32, const LOW: u32> fmt::Debug
    for Regions<'_, T, TOP, MIDDLE, LOW>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regions({} bits)", TOP + MIDDLE + LOW)
    }
}
