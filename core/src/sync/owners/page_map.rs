//! From the number of a page to a word, in three steps.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::Ordering;

use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

/// An arena that has a root table, more tables when they are asked for, and records.
pub trait Tables: Arena {
    /// The word of the root table with this number, which is in range.
    fn root(&self, index: usize) -> &<Self::A as Atomics>::Word;

    /// `words` words that are zero and stay for as long as the arena; `None` if there
    /// is no memory.
    fn table(&self, words: usize) -> Option<Offset>;

    /// Where the record of the region with this number is: [`RECORD`](super::RECORD)
    /// words. There is one for every region that was ever written.
    fn record(&self, region: usize) -> Offset;
}

/// From the number of a page to the word that is set for it, 0 where none is.
///
/// The lowest `LOW` bits of the number say which word of a table of pages it is, the
/// next `MIDDLE` bits which word of a table of units, and `TOP` bits which word of the
/// root. Where all pages of a unit have one word it stands in the table of units, so
/// large ranges are set in few steps and take little memory.
///
/// # Protocol
///
/// Words are odd and links even, so one load tells them apart. A table is filled before
/// it is linked, and stays linked for ever: a reader never finds one that is used for
/// something else, and needs no lock. Who sets words holds one.
pub struct PageMap<'t, T: Tables, const TOP: u32, const MIDDLE: u32, const LOW: u32> {
    tables: &'t T,
}

/// The word of a unit that pages are to be set in, and which pages these are.
struct Unit {
    pages: Range<usize>,
    is_whole: bool,
}

impl<'t, T: Tables, const TOP: u32, const MIDDLE: u32, const LOW: u32>
    PageMap<'t, T, TOP, MIDDLE, LOW>
{
    /// Bits of the number of a page.
    pub const BITS: u32 = TOP + MIDDLE + LOW;

    /// Words of the root.
    pub const ROOT: usize = 1 << TOP;

    const UNIT: usize = 1 << LOW;

    /// The map that hangs on the root of `tables`.
    #[must_use]
    #[inline]
    pub const fn new(tables: &'t T) -> Self {
        Self { tables }
    }

    /// The word of a page; 0 for a page that has none. Higher bits of its number than
    /// [`BITS`](Self::BITS) are not looked at.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, page: usize) -> usize {
        // Acquire: pairs with the Release in `reserve_unit`.
        let table = self.tables.root(Self::root_index(page)).load(Ordering::Acquire);
        if table == 0 {
            return 0;
        }
        // Acquire: pairs with the Release in `set` and `split`; publishes what the word
        // names.
        let word = self.at(table, Self::unit_index(page)).load(Ordering::Acquire);
        if word & 1 == 1 {
            return word;
        }
        if word == 0 {
            return 0;
        }
        self.at(word, page & (Self::UNIT - 1)).load(Ordering::Acquire)
    }

    /// Where the word of a page stands, if there is a place for it.
    ///
    /// The word may be a link by the time it is read.
    #[must_use]
    #[inline(always)]
    pub fn place(&self, page: usize) -> Option<&'t <T::A as Atomics>::Word> {
        let unit = self.unit(page)?;
        // Acquire: pairs with the Release in `split`; publishes the table.
        let word = unit.load(Ordering::Acquire);
        if word & 1 == 1 || word == 0 {
            return Some(unit);
        }
        Some(self.at(word, page & (Self::UNIT - 1)))
    }

    /// Makes the tables for all of `pages`, so that [`set`](Self::set) can be called;
    /// whether there was memory for them. The caller holds the lock.
    #[must_use]
    pub fn reserve(&self, pages: Range<usize>) -> bool {
        units::<LOW>(pages).all(|unit| self.reserve_unit(&unit).is_some())
    }

    /// Sets the words of `pages`, which were [reserved](Self::reserve), to what `change`
    /// makes of what is there: an odd number, or 0. The caller holds the lock.
    pub fn set(&self, pages: Range<usize>, mut change: impl FnMut(usize) -> usize) {
        self.each(pages, |place| {
            // Release: pairs with the Acquire in `get`; publishes what the word names.
            place.store(change(place.load(Ordering::Relaxed)), Ordering::Release);
        });
    }

    /// The one word that all of `pages` have; `None` if they differ. The caller holds
    /// the lock.
    #[must_use]
    pub fn common(&self, pages: Range<usize>) -> Option<usize> {
        let first = self.get(pages.start);
        let mut is_common = true;
        for unit in units::<LOW>(pages) {
            match self.unit(unit.pages.start) {
                None => is_common &= first == 0,
                Some(_) => self.each(unit.pages, |place| {
                    is_common &= place.load(Ordering::Relaxed) == first;
                }),
            }
        }
        is_common.then_some(first)
    }

    /// Calls `call` with the places of `pages`, once for a unit that is no table.
    fn each(&self, pages: Range<usize>, mut call: impl FnMut(&<T::A as Atomics>::Word)) {
        for unit in units::<LOW>(pages) {
            let Some(word) = self.unit(unit.pages.start) else { continue };
            match word.load(Ordering::Relaxed) {
                link if link & 1 == 0 && link != 0 => {
                    unit.pages.for_each(|page| call(self.at(link, page & (Self::UNIT - 1))));
                }
                _ => call(word),
            }
        }
    }

    fn reserve_unit(&self, unit: &Unit) -> Option<()> {
        let page = unit.pages.start;
        let root = self.tables.root(Self::root_index(page));
        if root.load(Ordering::Relaxed) == 0 {
            let table = self.tables.table(1 << MIDDLE)?;
            // Release: pairs with the Acquire in `unit`; publishes the zeroes.
            root.store(table.get(), Ordering::Release);
        }
        let word = self.unit(page)?;
        let found = word.load(Ordering::Relaxed);
        let is_table = found & 1 == 0 && found != 0;
        if unit.is_whole || is_table { Some(()) } else { self.split(word, found) }
    }

    /// Gives each page of a unit a word of its own.
    fn split(&self, unit: &<T::A as Atomics>::Word, word: usize) -> Option<()> {
        let table = self.tables.table(Self::UNIT)?.get();
        (0..Self::UNIT).for_each(|page| self.at(table, page).store(word, Ordering::Relaxed));
        // Release: pairs with the Acquire in `place`; publishes the words.
        unit.store(table, Ordering::Release);
        Some(())
    }

    #[inline(always)]
    fn unit(&self, page: usize) -> Option<&'t <T::A as Atomics>::Word> {
        // Acquire: pairs with the Release in `reserve_unit`.
        let table = self.tables.root(Self::root_index(page)).load(Ordering::Acquire);
        (table != 0).then(|| self.at(table, Self::unit_index(page)))
    }

    #[inline(always)]
    const fn root_index(page: usize) -> usize {
        page >> (MIDDLE + LOW) & (Self::ROOT - 1)
    }

    #[inline(always)]
    const fn unit_index(page: usize) -> usize {
        page >> LOW & ((1 << MIDDLE) - 1)
    }

    #[inline(always)]
    fn at(&self, table: usize, index: usize) -> &'t <T::A as Atomics>::Word {
        self.tables.word(Offset::new(table + index * size_of::<usize>()))
    }
}

/// The parts of `pages` that are in one unit each.
fn units<const LOW: u32>(pages: Range<usize>) -> impl Iterator<Item = Unit> {
    let size = 1_usize << LOW;
    let mut start = pages.start;
    core::iter::from_fn(move || {
        let next = (start | (size - 1)).wrapping_add(1);
        let end = if next == 0 { pages.end } else { next.min(pages.end) };
        let unit = Unit { is_whole: end.wrapping_sub(start) == size, pages: start..end };
        (start < pages.end).then(|| {
            start = end;
            unit
        })
    })
}

impl<T: Tables, const TOP: u32, const MIDDLE: u32, const LOW: u32> fmt::Debug
    for PageMap<'_, T, TOP, MIDDLE, LOW>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageMap({} bits)", Self::BITS)
    }
}
