//! Pages that are mapped a second time: the view and the pages are the same bytes.

use std::fs;
use std::num::NonZeroU32;
use std::sync::Arc;

use anymem::provider::{MallocProvider, ProviderError};
use anymem::region::{
    Access, ArenaMemory, Blocks, DefaultRegion, Geometry, MappedView, Mapper, Outcome, Pages,
    ReferenceRegion, Region, RegionId, Run, Settings, View, Way, places,
};
use anymem_core::memory::{HostAddress, Memory};
use proptest::prelude::*;

const PAGE: usize = 4096;

fn id(number: u32) -> RegionId {
    RegionId::new(NonZeroU32::new(number).unwrap())
}

fn region(
    number: u32,
    geometry: Geometry,
    blocks: Blocks,
    arena: &ArenaMemory,
) -> DefaultRegion<ArenaMemory, &ArenaMemory> {
    let settings = Settings { blocks, ..Settings::new(id(number), geometry) };
    DefaultRegion::new(settings, arena.clone(), arena).unwrap()
}

/// Fills each page with numbers that no other page has.
fn number(region: &dyn Region) {
    let mut view = View::new(region, 0..region.geometry().bytes(), ArenaMemory::new().unwrap());
    let mut write = view.as_mut().unwrap().write().unwrap();
    let numbers = (0..).flat_map(|number: u32| number.to_ne_bytes());
    write.iter_mut().zip(numbers).for_each(|(byte, number)| *byte = number);
}

/// How often the process has mapped parts of the file that the page is in.
fn mappings(arena: &ArenaMemory, region: &dyn Region) -> usize {
    let run = Run { first: 0, len: 1 };
    let place = region.place(run).unwrap();
    let host = place.memory.host(place.address).unwrap();
    let file = arena.file_of(HostAddress::new(host.as_ptr()), place.len).unwrap();
    let inode = file.id.inode.to_string();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.split_whitespace().nth(4) == Some(&inode)).count()
}

#[test]
fn a_block_is_a_part_of_the_arenas_file() {
    let arena = ArenaMemory::new().unwrap();
    let layout = std::alloc::Layout::from_size_align(3 * PAGE, PAGE).unwrap();
    let block = arena.allocate(layout).unwrap();
    let range = arena.file_of(block, 3 * PAGE).unwrap();
    assert_eq!((range.len, range.offset % PAGE as u64, range.writable), (3 * PAGE, 0, true));
    let mut elsewhere = [0_u8; 16];
    assert!(arena.file_of(HostAddress::new(elsewhere.as_mut_ptr()), 16).is_none());
    // SAFETY: allocated above, and not used.
    unsafe { arena.free(block, layout) };
    let huge = std::alloc::Layout::from_size_align(1 << 60, PAGE).unwrap();
    assert!(arena.allocate(huge).is_err(), "never a signal");
}

#[test]
fn memory_that_cannot_be_mapped_twice_is_no_arena() {
    let malloc = ArenaMemory::over(Arc::new(MallocProvider::new()));
    assert!(matches!(malloc, Err(ProviderError::Unsupported { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    /// Direct, mapped and gathered views of pages with any owners are the same bytes, as are
    /// the pages that were written by one of them.
    #[test]
    fn all_ways_are_one(
        owners in prop::collection::vec(0..3_usize, 40),
        (start, len) in (0..39 * PAGE, 1..8 * PAGE),
        bytes in any::<[u8; 3]>(),
    ) {
        let arena = &ArenaMemory::new().unwrap();
        let geometry = Geometry::new(40 * PAGE - 100, PAGE).unwrap();
        let one = region(1, geometry, Blocks::One, arena);
        let two = region(2, geometry, Blocks::PerPage, arena);
        let three = region(3, geometry, Blocks::Of(4), arena);
        let truth = ReferenceRegion::new(id(9), geometry, [&one, &two, &three], arena).unwrap();
        for (page, owner) in owners.iter().enumerate() {
            truth.own(Pages::new(&[1 << page]), id(*owner as u32 + 1)).unwrap();
        }
        number(&truth);
        let range = start..(start + len).min(geometry.bytes());
        let view = || View::new(&truth, range.clone(), arena).unwrap();
        let mut gathered = view().by(Way::Gathered);
        let mut mapped = view().mapped_by(MappedView::new(arena)).by(Way::Mapped);
        for (view, byte) in [0, 1, 0].into_iter().zip(bytes) {
            let at = byte as usize % range.len();
            match view {
                0 => mapped.write().unwrap()[at] = byte,
                _ => gathered.write().unwrap()[at] = byte,
            }
            let (one, other) = (mapped.read().unwrap(), gathered.read().unwrap());
            prop_assert_eq!((one.way(), other.way()), (Way::Mapped, Way::Gathered));
            prop_assert_eq!(one[at], byte);
            prop_assert!(one[..] == other[..]);
        }
        // A page that moves is found at its new place, and nothing else is mapped anew.
        let page = range.start / PAGE;
        let to = id((owners[page] as u32 + 1) % 3 + 1);
        truth.migrate(Pages::new(&[1 << page]), to).unwrap();
        mapped.write().unwrap()[0] ^= 0xFF;
        let (one, other) = (mapped.read().unwrap(), gathered.read().unwrap());
        prop_assert!(one[..] == other[..]);
    }
}

/// A mapping is kept from one use to the next, and goes with the view.
#[test]
fn a_kept_view_stays_where_it_is() {
    let arena = &ArenaMemory::new().unwrap();
    let geometry = Geometry::new(16 * PAGE, PAGE).unwrap();
    let region = region(1, geometry, Blocks::PerPage, arena);
    let _pages = region.anchor(&Access::All).unwrap();
    number(&region);
    let before = mappings(arena, &region);
    let view = View::new(&region, PAGE..15 * PAGE, arena).unwrap();
    let mut view = view.mapped_by(MappedView::new(arena)).by(Way::Mapped);
    let first = view.read().unwrap().as_ptr();
    assert_eq!(view.read().unwrap().as_ptr(), first);
    assert!(mappings(arena, &region) > before);
    drop(view);
    assert_eq!(mappings(arena, &region), before);
}

/// Left to itself the view maps what pays.
#[test]
fn large_pieces_are_mapped_and_small_ones_copied() {
    let arena = &ArenaMemory::new().unwrap();
    for (page, expected) in [(1 << 16, Way::Mapped), (PAGE, Way::Gathered)] {
        let geometry = Geometry::new(8 * page, page).unwrap();
        let regions = [1, 2].map(|number| region(number, geometry, Blocks::One, arena));
        let truth = ReferenceRegion::new(id(9), geometry, &regions, arena).unwrap();
        truth.own(Pages::new(&[0x55]), id(1)).unwrap();
        truth.own(Pages::new(&[0xAA]), id(2)).unwrap();
        number(&truth);
        let view = View::new(&truth, 0..8 * page, arena).unwrap();
        let mut view = view.mapped_by(MappedView::new(arena));
        assert_eq!(view.read().unwrap().way(), expected);
        // One owner has all: they follow one another.
        truth.migrate(Pages::new(&[0xFF]), id(1)).unwrap();
        assert_eq!(view.read().unwrap().way(), Way::Direct);
    }
}

/// More pieces than a process may have mappings are gathered.
#[test]
fn too_many_pieces_are_gathered() {
    let most = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let most: usize = most.trim().parse().unwrap();
    if most > 1 << 17 {
        println!("skipped: {most} mappings are allowed, for which there is too little memory");
        return;
    }
    let arena = &ArenaMemory::new().unwrap();
    let pages = most / 2 + 2;
    let geometry = Geometry::new(pages * PAGE, PAGE).unwrap();
    let regions = [1, 2].map(|number| region(number, geometry, Blocks::One, arena));
    let truth = ReferenceRegion::new(id(9), geometry, &regions, arena).unwrap();
    let words = pages.div_ceil(64);
    let mut odd = vec![0x5555_5555_5555_5555; words];
    let mut even = vec![0xAAAA_AAAA_AAAA_AAAA; words];
    for page in pages..words * 64 {
        odd[page / 64] &= !(1 << (page % 64));
        even[page / 64] &= !(1 << (page % 64));
    }
    truth.own(Pages::new(&odd), id(1)).unwrap();
    truth.own(Pages::new(&even), id(2)).unwrap();
    number(&truth);
    let view = |bytes| {
        let view = View::new(&truth, 0..bytes, arena).unwrap();
        view.mapped_by(MappedView::new(arena)).by(Way::Mapped)
    };
    let mut all = view(geometry.bytes());
    let all = all.read().unwrap();
    assert_eq!(all.way(), Way::Gathered);
    let mut some = view(64 * PAGE);
    let some = some.read().unwrap();
    assert_eq!(some.way(), Way::Mapped);
    assert!(all[..64 * PAGE] == some[..]);
}

/// What is in no arena, or not on whole pages of the system, is not mapped.
#[test]
fn other_memory_is_gathered() {
    let (arena, other) = (&ArenaMemory::new().unwrap(), &ArenaMemory::new().unwrap());
    for page in [PAGE, 256] {
        let geometry = Geometry::new(8 * page, page).unwrap();
        let in_arena = region(1, geometry, Blocks::One, arena);
        let memory = if page == PAGE { other } else { arena };
        let elsewhere = region(2, geometry, Blocks::One, memory);
        let truth = ReferenceRegion::new(id(9), geometry, [&in_arena, &elsewhere], arena).unwrap();
        truth.own(Pages::new(&[0x0F]), id(1)).unwrap();
        truth.own(Pages::new(&[0xF0]), id(2)).unwrap();
        number(&truth);
        let view = View::new(&truth, 0..8 * page, arena).unwrap();
        let mut view = view.mapped_by(MappedView::new(arena)).by(Way::Mapped);
        assert_eq!(view.read().unwrap().way(), Way::Gathered);
    }
}

/// Whoever maps by hand gets the same.
#[test]
fn a_mapping_is_of_the_pages_themselves() {
    let arena = &ArenaMemory::new().unwrap();
    let geometry = Geometry::new(4 * PAGE, PAGE).unwrap();
    let region = region(1, geometry, Blocks::PerPage, arena);
    let _pages = region.anchor(&Access::All).unwrap();
    number(&region);
    let (all, run) = (Pages::new(&[0xF]), Run { first: 0, len: 4 });
    region.begin_write(all).unwrap();
    let mut mapper = MappedView::new(arena);
    let mapped = mapper.map(&region, run, false).unwrap();
    for (pages, place) in places(&region, run).map(Result::unwrap) {
        let host = place.memory.host(place.address).unwrap();
        // SAFETY: both are pinned, and this thread's.
        unsafe {
            let there = mapped.add(pages.first * PAGE);
            assert_ne!(there, host);
            host.write(pages.first as u8 + 77);
            assert_eq!(there.read_volatile(), pages.first as u8 + 77);
        }
    }
    // SAFETY: pinned above.
    unsafe { region.end_write(all, Outcome::Written) };
}
