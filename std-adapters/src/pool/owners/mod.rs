//! Whose an address is: a map from pages to regions, for the process or for one pool.
//!
//! # What it guarantees
//!
//! - [`entry`](OwnerMap::entry) is three loads, takes no lock and writes nothing.
//! - A region inside of another one hides it, to any depth; when it goes the outer one is
//!   there again.
//! - Tables and records take about a five-hundredth of the memory that was ever in a
//!   region.
//!
//! Writers take turns by one lock, the innermost of all: nothing is called under it.

mod number;
mod region;
mod tables;

pub(crate) use number::Number;
pub(crate) use region::Region;

use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

use anymem_core::sync::owners::{Entry, Regions};

use self::region::{BASE, NEXT_FREE, TAG};
use self::tables::{ADDRESS_BITS, LOW, MIDDLE, MappedTables, PAGE, PAGE_SHIFT, TOP};
use super::lock::Lock;
use crate::provider::Span;

/// What regions begin and end at.
pub(crate) const GRAIN: usize = PAGE;

static GLOBAL: OwnerMap =
    OwnerMap { tables: MappedTables::global(), writer: Lock::new(Free { made: 0, first: None }) };

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Which records nobody uses.
#[derive(Debug)]
struct Free {
    /// How many records there are.
    made: usize,
    /// The first of a list.
    first: Option<usize>,
}

/// Why a span cannot be a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotEntered {
    /// There is no memory for tables or records.
    NoMemory,
    /// It does not begin at a page, has none, or is where no address can be.
    NoPages,
    /// It is partly inside of a region and partly not.
    Straddles,
}

/// A map from addresses to regions.
pub(crate) struct OwnerMap {
    tables: MappedTables,
    writer: Lock<Free>,
}

/// Two regions that one will be cut into, or one that two will be joined to: all that
/// they need is there.
#[derive(Debug)]
pub(crate) struct Ready {
    records: [usize; 2],
}

impl OwnerMap {
    /// The map of the process.
    pub(crate) fn global() -> &'static Self {
        &GLOBAL
    }

    /// A map for one pool alone; `None` if there is no memory.
    pub(crate) fn private() -> Option<Self> {
        let writer = Lock::new(Free { made: 0, first: None });
        Some(Self { tables: MappedTables::private()?, writer })
    }

    /// What the page of an address says of its owner, whatever address it is.
    #[inline(always)]
    pub(crate) fn entry_of_any(&self, at: NonNull<u8>) -> Entry {
        if is_address(at.addr().get()) { self.entry(at) } else { Entry::NOBODYS }
    }

    /// What the page of an address that there can be says of its owner.
    #[inline(always)]
    pub(crate) fn entry(&self, at: NonNull<u8>) -> Entry {
        Entry::of_page(self.regions().pages().get(at.addr().get() >> PAGE_SHIFT))
    }

    /// The innermost region that an address is in.
    pub(crate) fn region(&self, at: NonNull<u8>) -> Option<Region> {
        let (_, fields) = self.regions().find(at.addr().get() >> PAGE_SHIFT)?;
        Region::from_fields(fields).filter(|region| region.span.contains(at))
    }

    /// The region of which a page was before another one hid it, if it is still there.
    pub(crate) fn behind(&self, entry: Entry, at: NonNull<u8>) -> Option<Region> {
        let _writing = self.writer.lock();
        let field = |index| self.regions().field(entry.region(), index).load(Ordering::Relaxed);
        let region = Region::from_fields(core::array::from_fn(field))?;
        region.span.contains(at).then_some(region)
    }

    /// What the pool has noted of a region that stays meanwhile.
    #[inline]
    pub(crate) fn tag(&self, entry: Entry) -> usize {
        self.regions().field(entry.region(), TAG).load(Ordering::Relaxed)
    }

    /// Makes `span` a region of `owner`, all cut into the blocks of `lane`.
    pub(crate) fn enter(
        &self,
        span: Span,
        owner: &Number,
        lane: usize,
        tag: usize,
    ) -> Result<(), NotEntered> {
        let pages = pages_of(span)?;
        let mut free = self.writer.lock();
        let map = self.regions().pages();
        let outer = map.common(pages.clone()).ok_or(NotEntered::Straddles)?;
        let record = self.take_record(&mut free).ok_or(NotEntered::NoMemory)?;
        if !map.reserve(pages.clone()) {
            self.give_record(&mut free, record);
            return Err(NotEntered::NoMemory);
        }
        let region = Region { span, owner: owner.get(), outer, tag, id: next_id() };
        self.regions().write(record, region.fields());
        let entry = Entry::new(record, owner.get(), lane);
        map.set(pages, |_| entry.word());
        Ok(())
    }

    /// Removes the region of `owner` that begins at `start`, and uncovers what it hid.
    pub(crate) fn leave(&self, start: NonNull<u8>, owner: &Number) -> Option<Region> {
        let mut free = self.writer.lock();
        let (record, region) = self.own(start, owner)?;
        let pages = pages_of(region.span).ok()?;
        self.regions().retire(record, pages, |word| back(word, record, region.outer));
        self.give_record(&mut free, record);
        Some(region)
    }

    /// Notes that `span`, which is inside of a region of `owner`, is cut into the blocks of
    /// `lane`, where no other region hides it.
    pub(crate) fn note(&self, span: Span, owner: &Number, lane: usize) {
        let _writing = self.writer.lock();
        let Ok(pages) = pages_of(span) else { return };
        let map = self.regions().pages();
        let is_own = |entry: &Entry| entry.key() == owner.get();
        if map.reserve(pages.clone()) {
            map.set(pages, |word| match Entry::from_word(word).filter(is_own) {
                Some(entry) => entry.with_lane(lane).word(),
                None => word,
            });
        }
    }

    /// Gets ready to cut a span in two or to join two; [`forget`](Self::forget) it if that
    /// is not done. `None` if there is no memory.
    pub(crate) fn prepare(&self, spans: [Span; 2]) -> Option<Ready> {
        let mut free = self.writer.lock();
        let first = self.take_record(&mut free)?;
        let second = self.take_record(&mut free);
        let records = [first, second.unwrap_or(first)];
        let has_tables = |span| pages_of(span).is_ok_and(|p| self.regions().pages().reserve(p));
        if second.is_some() && spans.into_iter().all(has_tables) {
            return Some(Ready { records });
        }
        self.give_record(&mut free, first);
        if let Some(second) = second {
            self.give_record(&mut free, second);
        }
        None
    }

    /// Gives back what was made ready.
    pub(crate) fn forget(&self, ready: Ready) {
        let mut free = self.writer.lock();
        ready.records.into_iter().for_each(|record| self.give_record(&mut free, record));
    }

    /// Puts regions for `new` in the place of those of `owner` that begin where `old` do;
    /// each page keeps its lane, and each region what stood in the old one.
    pub(crate) fn replace<const OLD: usize, const NEW: usize>(
        &self,
        ready: Ready,
        owner: &Number,
        old: [Span; OLD],
        new: [Span; NEW],
    ) {
        let mut free = self.writer.lock();
        let old = old.map(|span| self.own(span.start, owner));
        let Some((_, model)) = old.iter().flatten().next().copied() else {
            drop(free);
            return self.forget(ready);
        };
        for (span, record) in new.into_iter().zip(ready.records) {
            let Ok(pages) = pages_of(span) else { continue };
            self.regions().write(record, Region { span, id: next_id(), ..model }.fields());
            let is_old =
                |entry: Entry| old.iter().flatten().any(|(from, _)| entry.region() == *from);
            self.regions().pages().set(pages, |word| match Entry::from_word(word) {
                Some(entry) if is_old(entry) => {
                    Entry::new(record, entry.key(), entry.lane()).word()
                }
                _ => word,
            });
        }
        for (record, region) in old.into_iter().flatten() {
            let Ok(pages) = pages_of(region.span) else { continue };
            self.regions().retire(record, pages, |word| back(word, record, region.outer));
            self.give_record(&mut free, record);
        }
        ready.records.into_iter().skip(NEW).for_each(|record| self.give_record(&mut free, record));
    }

    /// Removes every region of `owner`; how many there were.
    pub(crate) fn leave_all(&self, owner: &Number) -> usize {
        let made = self.writer.lock().made;
        let mut left = 0;
        // Those inside of others first would be nicer, but an owner's own regions are never
        // inside of each other.
        for record in 0..made {
            let start = self.regions().field(record, BASE).load(Ordering::Relaxed);
            let start = NonNull::new(core::ptr::without_provenance_mut(start));
            left += usize::from(start.is_some_and(|start| self.leave(start, owner).is_some()));
        }
        left
    }

    /// The record of the region of `owner` that begins at `start`, and what is in it. The
    /// caller holds the lock.
    fn own(&self, start: NonNull<u8>, owner: &Number) -> Option<(usize, Region)> {
        let (entry, fields) = self.regions().find(start.addr().get() >> PAGE_SHIFT)?;
        let region = Region::from_fields(fields)?;
        let is_it = region.owner == owner.get() && region.span.addr() == start.addr().get();
        is_it.then_some((entry.region(), region))
    }

    #[inline(always)]
    fn regions(&self) -> Regions<'_, MappedTables, TOP, MIDDLE, LOW> {
        Regions::new(&self.tables)
    }

    fn take_record(&self, free: &mut Free) -> Option<usize> {
        if let Some(record) = free.first {
            let next = self.regions().field(record, NEXT_FREE).load(Ordering::Relaxed);
            free.first = next.checked_sub(1);
            return Some(record);
        }
        let record = free.made;
        self.tables.make_record(record).then(|| {
            free.made += 1;
            record
        })
    }

    fn give_record(&self, free: &mut Free, record: usize) {
        let next = free.first.replace(record).map_or(0, |next| next + 1);
        self.regions().field(record, BASE).store(0, Ordering::Relaxed);
        self.regions().field(record, NEXT_FREE).store(next, Ordering::Relaxed);
    }
}

/// The word of a page that a region leaves.
fn back(word: usize, record: usize, outer: usize) -> usize {
    let is_left = Entry::from_word(word).is_some_and(|entry| entry.region() == record);
    if is_left { outer } else { word }
}

/// Whether all bits that the map does not look at are as they are in every address.
#[inline(always)]
const fn is_address(at: usize) -> bool {
    const SPARE: u32 = usize::BITS - ADDRESS_BITS;
    ((at as isize) << SPARE >> SPARE) as usize == at
}

/// A number that no other region of the process ever has.
pub(crate) fn next_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// The numbers of the pages that are wholly in `span`.
fn pages_of(span: Span) -> Result<Range<usize>, NotEntered> {
    let last = span.addr().checked_add(span.len).and_then(|end| end.checked_sub(1));
    let last = last.ok_or(NotEntered::NoPages)?;
    let is_fit = span.addr().is_multiple_of(PAGE) && span.len >= PAGE;
    if !is_fit || !is_address(span.addr()) || !is_address(last) {
        return Err(NotEntered::NoPages);
    }
    let first = span.addr() >> PAGE_SHIFT;
    Ok(first..first + span.len / PAGE)
}

impl fmt::Debug for OwnerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerMap")
    }
}
