//! Views have the bytes of the pages, whichever way they come by them, and what is written
//! there is in the pages afterwards.

mod region_common;

use std::ops::Range;

use anymem_core::memory::{ArrayMemory, SimMemory};
use anymem_core::region::{
    Access, Blocks, DefaultRegion, Geometry, PageArray, Pages, ReferenceRegion, Region,
    RegionError, View, Way,
};
use proptest::prelude::*;

use region_common::{PAGE, bytes, fill, geometry, id, on, room, settings};

const PAGES: usize = 70;

fn contents(region: &dyn Region) -> Vec<u8> {
    (0..region.geometry().pages()).flat_map(|page| bytes(region, page)).collect()
}

fn ranges(geometry: Geometry) -> impl Strategy<Value = Range<usize>> {
    let all = 0..=geometry.bytes();
    (all.clone(), all).prop_map(|(one, other)| one.min(other)..one.max(other))
}

/// Page `i` is full of `i`, so that pages that were swapped are seen.
fn number_pages(region: &dyn Region) {
    for page in 0..PAGES {
        let mut words = [0; PAGES.div_ceil(64)];
        words[page / 64] = 1 << (page % 64);
        fill(region, Pages::new(&words), page as u8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn all_ways_are_one(
        range in ranges(geometry(PAGES * PAGE - 5)),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        way in prop::sample::select(&[None, Some(Way::Gathered), Some(Way::Mapped)]),
        which in 0..4_usize,
    ) {
        let mut rooms = [room(1 << 20), room(1 << 16)];
        let [tables, own] = &mut rooms;
        let (tables, host) = (&ArrayMemory::new(tables), &ArrayMemory::new(own));
        let sim = &SimMemory::new(tables, 1 << 16, 1).unwrap();
        let geometry = geometry(PAGES * PAGE - 5);
        let one = DefaultRegion::new(settings(1, geometry, Blocks::One), host, tables).unwrap();
        let each = DefaultRegion::new(settings(2, geometry, Blocks::PerPage), host, tables).unwrap();
        let far = DefaultRegion::new(settings(3, geometry, Blocks::Of(4)), sim, tables).unwrap();
        let truth = ReferenceRegion::new(id(9), geometry, [&one as &dyn Region, &each, &far], tables).unwrap();
        let region: &dyn Region = [&one as &dyn Region, &each, &far, &truth][which];
        let thirds: [u64; 3] = [0x9249_2492_4924_9249, 0x2492_4924_9249_2492, 0x4924_9249_2492_4924];
        if which == 3 {
            for (owner, bits) in [1, 2, 3].into_iter().zip(thirds) {
                truth.own(Pages::new(&[bits, bits & 0x3F]), id(owner)).unwrap();
            }
        }
        let _pages = (which < 3).then(|| on(region, Pages::new(&[!0, 0x3F])));
        number_pages(region);

        let mut expected = contents(region);
        let view = View::new(region, range.clone(), tables).unwrap();
        let mut view = match way { Some(way) => view.by(way), None => view };
        {
            let read = view.read().unwrap();
            prop_assert_eq!(&read[..], &expected[range.clone()]);
            let is_direct = way.is_none() && (which == 0 || range.is_empty() || which != 2 && pages(&range).len() == 1);
            if which != 3 {
                prop_assert_eq!(read.way() == Way::Direct, is_direct, "{:?} {:?}", read, range);
            }
        }
        if !range.is_empty() {
            let at = at.index(range.len());
            let mut write = view.write().unwrap();
            write[at] = byte;
            let before = expected[range.start + at];
            expected[range.start + at] = byte;
            write.finish().unwrap();
            prop_assert_eq!(&view.read().unwrap()[..], &expected[range.clone()]);
            prop_assert!(before == byte || region.pages().dirty((range.start + at) / PAGE / 64) != 0);
        }
        prop_assert_eq!(contents(region), expected);
    }
}

fn pages(range: &Range<usize>) -> Range<usize> {
    range.start / PAGE..range.end.div_ceil(PAGE)
}

/// Only what was changed is new, where it was gathered from what the processor can use.
#[test]
fn what_was_not_changed_is_not_written() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let geometry = geometry(PAGES * PAGE);
    let settings = settings(1, geometry, Blocks::PerPage);
    let region = DefaultRegion::new(settings, host, host).unwrap();
    let _pages = region.anchor(&Access::All).unwrap();
    number_pages(&region);
    let before: Vec<_> = (0..PAGES).map(|page| region.stamp(page)).collect();
    let mut view = View::new(&region, 0..geometry.bytes(), host).unwrap();
    view.write().unwrap()[5 * PAGE + 1] = 99;
    let changed: Vec<_> = (0..PAGES).filter(|page| region.stamp(*page) != before[*page]).collect();
    assert_eq!(changed, [5]);
}

/// Pages that were never written are zero for who writes, and an error for who reads.
#[test]
fn what_holds_nothing_reads_as_zero() {
    for blocks in [Blocks::One, Blocks::PerPage] {
        let mut memory = room(1 << 18);
        let host = &ArrayMemory::new(&mut memory);
        let sim = &SimMemory::new(host, 1 << 14, 1).unwrap();
        let geometry = geometry(3 * PAGE);
        let region = DefaultRegion::new(settings(1, geometry, blocks), sim, host).unwrap();
        let mut view = View::new(&region, 10..150, host).unwrap();
        let nowhere = RegionError::Unallocated { region: id(1), first: 0, pages: 3 };
        assert_eq!(view.read().err(), Some(nowhere));
        let _pages = region.anchor(&Access::All).unwrap();
        let nothing = RegionError::Invalid { region: id(1), first: 0, pages: 3 };
        assert_eq!(view.read().err(), Some(nothing));
        assert!(view.write().unwrap().iter().all(|byte| *byte == 0));
        assert!(view.read().unwrap().iter().all(|byte| *byte == 0), "written, though not changed");
        assert!(contents(&region).iter().all(|byte| *byte == 0));
    }
}

/// Each operation fails once: then it is an error, pages that were to be written hold nothing,
/// and all are let go.
#[test]
fn failures_leave_nothing_half_written() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let geometry = geometry(3 * PAGE);
    for nth in 1.. {
        let sim = &SimMemory::new(host, 1 << 14, 1).unwrap();
        let region = DefaultRegion::new(settings(1, geometry, Blocks::PerPage), sim, host).unwrap();
        let _pages = region.anchor(&Access::All).unwrap();
        fill(&region, Pages::new(&[0b111]), 1);
        let mut view = View::new(&region, 0..3 * PAGE, host).unwrap();
        sim.fail_at(nth);
        let result = view.write().and_then(|mut write| {
            write.fill(2);
            write.finish()
        });
        sim.heal();
        let valid = region.valid(0);
        // Nobody has them pinned any more.
        fill(&region, Pages::new(&[0b111]), 3);
        match result {
            Ok(()) => {
                assert_eq!((valid, nth > 6), (0b111, true), "all copies have failed once");
                return;
            }
            Err(_) if nth <= 3 => assert_eq!(valid, 0b111, "read only"),
            Err(_) => assert_eq!(valid, 0, "never half-valid"),
        }
    }
}

#[test]
fn what_cannot_be_viewed_is_an_error() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let geometry = geometry(3 * PAGE);
    let region = DefaultRegion::new(settings(1, geometry, Blocks::PerPage), host, host).unwrap();
    let beyond = |at| Some(RegionError::Access { at, bytes: 3 * PAGE });
    assert_eq!(View::new(&region, 0..3 * PAGE + 1, host).err(), beyond(3 * PAGE));
    assert_eq!(View::new(&region, usize::MAX - 1..usize::MAX, host).err(), beyond(usize::MAX - 1));
    let _pages = region.anchor(&Access::All).unwrap();
    fill(&region, Pages::new(&[0b111]), 1);
    let mut view = View::new(&region, 0..3 * PAGE, host).unwrap().by(Way::Direct);
    assert_eq!(view.read().err(), Some(RegionError::Unsupported), "the pages are not in a row");
    let mut one = View::new(&region, PAGE..2 * PAGE, host).unwrap().by(Way::Direct);
    assert_eq!(one.read().unwrap().way(), Way::Direct);
}
