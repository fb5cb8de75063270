//! The point of truth: each page has one owner, and whoever reads it there reads what was
//! written last, whatever moves meanwhile.

mod region_common;

use std::thread;

use anymem_core::memory::{ArrayMemory, SimMemory};
use anymem_core::region::{
    Access, Blocks, DefaultRegion, Options, PageSet, Pages, ReferenceRegion, Region, RegionError,
    update,
};
use proptest::prelude::*;

use region_common::{PAGE, fill, first_byte, geometry, id, on, room, settings};

const PAGES: usize = 150;

/// What may happen to the truth.
#[derive(Debug, Clone)]
enum Step {
    /// A region writes pages by itself, and owns them then.
    Own {
        first: usize,
        len: usize,
        region: usize,
        byte: u8,
    },
    Migrate {
        first: usize,
        len: usize,
        region: usize,
    },
    /// Whoever has the page writes it.
    Write {
        page: usize,
        byte: u8,
    },
    /// Somebody who owns nothing gets what has changed.
    Pull,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let run = || (0..PAGES, 1..90_usize);
    let step = prop_oneof![
        (run(), 0..3_usize, any::<u8>()).prop_map(|((first, len), region, byte)| Step::Own {
            first,
            len,
            region,
            byte
        }),
        (run(), 0..3_usize).prop_map(|((first, len), region)| Step::Migrate { first, len, region }),
        (0..PAGES, any::<u8>()).prop_map(|(page, byte)| Step::Write { page, byte }),
        Just(Step::Pull),
    ];
    prop::collection::vec(step, 1..40)
}

/// The pages of a run that are there and, if it matters, written.
fn some(first: usize, len: usize, of: impl Fn(usize) -> bool) -> Vec<usize> {
    (first..(first + len).min(PAGES)).filter(|page| of(*page)).collect()
}

fn set(pages: &[usize]) -> Vec<u64> {
    let mut words = vec![0; PAGES.div_ceil(64)];
    pages.iter().for_each(|page| words[page / 64] |= 1 << (page % 64));
    words
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn the_truth_is_what_was_written_last(steps in steps()) {
        let mut rooms = [room(1 << 21), room(1 << 21)];
        let [tables, bytes] = &mut rooms;
        let tables = &ArrayMemory::new(tables);
        let host = &ArrayMemory::new(bytes);
        let sim = &SimMemory::new(tables, 1 << 18, 1).unwrap();
        let peers = &SimMemory::new(tables, 1 << 18, 2).unwrap();
        let geometry = geometry(PAGES * PAGE - 7);
        let one = DefaultRegion::new(settings(2, geometry, Blocks::One), host, tables).unwrap();
        let two = DefaultRegion::new(settings(5, geometry, Blocks::Of(8)), sim, tables).unwrap();
        let three = DefaultRegion::new(settings(3, geometry, Blocks::PerPage), peers, tables).unwrap();
        let observer = DefaultRegion::new(settings(4, geometry, Blocks::One), host, tables).unwrap();
        let regions: [&dyn Region; 3] = [&one, &two, &three];
        {
            let truth = ReferenceRegion::new(id(9), geometry, regions, tables).unwrap();
            let mut model: Vec<Option<(u8, usize)>> = vec![None; PAGES];
            let _observed = observer.anchor(&Access::All).unwrap();
            for step in steps {
                take(&step, &truth, &observer, &regions, &mut model);
                for (page, expected) in model.iter().enumerate() {
                    let owner = expected.map_or(truth.id(), |(_, region)| regions[region].id());
                    prop_assert_eq!(truth.pages().owner(page), owner);
                    let valid = truth.pages().valid(page / 64) >> (page % 64) & 1 != 0;
                    prop_assert_eq!(valid, expected.is_some());
                    if let Some((byte, _)) = expected {
                        prop_assert_eq!(first_byte(&truth, page), *byte);
                    }
                }
            }
            // Runs tell the same, and each page once.
            let runs: Vec<_> = truth.runs().collect();
            prop_assert!(runs.windows(2).all(|two| two[0].1 != two[1].1));
            prop_assert_eq!(runs.iter().map(|(run, _)| run.len).sum::<usize>(), PAGES);
        }
        // With the truth goes what it kept.
        for region in regions {
            prop_assert!((0..PAGES.div_ceil(64)).all(|group| region.pages().allocated(group) == 0));
        }
        prop_assert_eq!((sim.counts().live, peers.counts().live), (0, 0));
    }
}

fn take(
    step: &Step,
    truth: &ReferenceRegion<&dyn Region, &ArrayMemory<'_>>,
    observer: &dyn Region,
    regions: &[&dyn Region; 3],
    model: &mut [Option<(u8, usize)>],
) {
    match *step {
        Step::Own { first, len, region, byte } => {
            let pages = some(first, len, |_| true);
            let words = set(&pages);
            let pages_set = Pages::new(&words);
            let to = regions[region];
            let _anchor = on(to, pages_set);
            fill(to, pages_set, byte);
            truth.own(pages_set, to.id()).unwrap();
            pages.iter().for_each(|page| model[*page] = Some((byte, region)));
        }
        Step::Migrate { first, len, region } => {
            let pages = some(first, len, |page| model[page].is_some());
            truth.migrate(Pages::new(&set(&pages)), regions[region].id()).unwrap();
            for page in pages {
                model[page] = model[page].map(|(byte, _)| (byte, region));
            }
        }
        Step::Write { page, byte } => {
            let words = set(&[page]);
            match model[page] {
                Some((_, region)) => {
                    fill(truth, Pages::new(&words), byte);
                    model[page] = Some((byte, region));
                }
                None => {
                    let unowned = truth.begin_write(Pages::new(&words));
                    let expected =
                        RegionError::Unallocated { region: truth.id(), first: page, pages: 1 };
                    assert_eq!(unowned, Err(expected));
                }
            }
        }
        Step::Pull => {
            let pages = some(0, PAGES, |page| model[page].is_some());
            let mut words = set(&pages);
            let stale = pages
                .iter()
                .filter(|page| observer.pages().stamp(**page) != truth.pages().stamp(**page));
            let stale = stale.count();
            let options = Options::default();
            let copied = update(observer, truth, Pages::new_mut(&mut words), options).unwrap();
            assert_eq!(copied.pages, stale, "just what is stale");
            assert_eq!(Pages::new(&words).count(), stale);
            for page in pages {
                assert_eq!(Some(first_byte(observer, page)), model[page].map(|(byte, _)| byte));
            }
            let mut words = set(&some(0, PAGES, |page| model[page].is_some()));
            let again = update(observer, truth, Pages::new_mut(&mut words), options).unwrap();
            assert_eq!((again.pages, again.bytes), (0, 0));
        }
    }
}

/// Threads count in pages that others move about, and somebody else pulls: nothing is lost,
/// and nobody waits in a circle.
#[test]
fn nothing_is_lost_while_pages_move() {
    const THREADS: usize = 3;
    const TIMES: usize = 300;
    let mut memory = room(1 << 20);
    let host = &ArrayMemory::new(&mut memory);
    let geometry = geometry(4 * PAGE);
    let region = |number| {
        let settings = settings(number, geometry, Blocks::One);
        DefaultRegion::new(settings, host, host).unwrap()
    };
    let regions = [region(1), region(2), region(3)];
    let observer = region(4);
    let _observed = observer.anchor(&Access::All).unwrap();
    let truth = ReferenceRegion::new(id(9), geometry, &regions, host).unwrap();
    {
        let _first = on(&regions[0], Pages::new(&[0xF]));
        fill(&regions[0], Pages::new(&[0xF]), 0);
        truth.own(Pages::new(&[0xF]), id(1)).unwrap();
    }
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (truth, regions) = (&truth, &regions);
            scope.spawn(move || {
                for time in 0..TIMES {
                    let pages = [1 << (time % 4) | 1 << ((time + thread) % 4)];
                    region_common::count(truth, Pages::new(&pages));
                    let to = regions[(time + thread) % 3].id();
                    truth.migrate(Pages::new(&[0xF ^ pages[0]]), to).unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..TIMES {
                let mut pages = [0xF];
                update(&observer, &truth, Pages::new_mut(&mut pages), Options::new()).unwrap();
            }
        });
    });
    let expected = |page: usize| {
        let at = |thread: usize| {
            (0..TIMES).filter(move |time| time % 4 == page || (time + thread) % 4 == page).count()
        };
        (0..THREADS).map(at).sum::<usize>()
    };
    for page in 0..4 {
        assert_eq!(region_common::number(&truth, page), expected(page) as u64, "page {page}");
    }
}

/// A pinned page stays where it is; its owner keeps it, though nobody else does.
#[test]
fn owned_pages_stay() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let geometry = geometry(3 * PAGE);
    let region = |number| {
        let settings = settings(number, geometry, Blocks::PerPage);
        DefaultRegion::new(settings, host, host).unwrap()
    };
    let regions = [region(1), region(2)];
    let truth = ReferenceRegion::new(id(3), geometry, &regions, host).unwrap();
    truth.own(Pages::new(&[0b111]), id(1)).unwrap();
    assert_eq!(regions[0].pages().allocated(0), 0b111, "allocated for who is to own them");
    fill(&truth, Pages::new(&[0b111]), 5);
    truth.migrate(Pages::new(&[0b010]), id(2)).unwrap();
    assert_eq!((regions[0].pages().allocated(0), regions[1].pages().allocated(0)), (0b101, 0b010));
    drop(truth);
    assert_eq!((regions[0].pages().allocated(0), regions[1].pages().allocated(0)), (0, 0));
}

#[test]
fn what_cannot_be_is_an_error() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let geometry = geometry(3 * PAGE);
    let other = region_common::geometry(2 * PAGE);
    let region = |number, geometry| {
        let settings = settings(number, geometry, Blocks::PerPage);
        DefaultRegion::new(settings, host, host).unwrap()
    };
    let mixed =
        ReferenceRegion::new(id(9), geometry, [region(1, geometry), region(2, other)], host);
    let wrong = RegionError::Geometry { source: other, destination: geometry };
    assert_eq!(mixed.err(), Some(wrong));
    let twice =
        ReferenceRegion::new(id(9), geometry, [region(1, geometry), region(1, geometry)], host);
    assert_eq!(twice.err(), Some(RegionError::Unsupported));
    let truth = ReferenceRegion::new(id(9), geometry, [region(1, geometry)], host).unwrap();
    assert_eq!(truth.own(Pages::new(&[1]), id(2)), Err(RegionError::Unsupported));
    let nobodys = RegionError::Unallocated { region: id(9), first: 0, pages: 2 };
    assert_eq!(truth.migrate(Pages::new(&[0b11]), id(1)), Err(nobodys));
    // Pages that are not there at all.
    let beyond = RegionError::Unallocated { region: id(9), first: 3, pages: 1 };
    assert_eq!(truth.begin_read(Pages::new(&[0b1000])), Err(beyond));
    let there = RegionError::Access { at: 3 * PAGE, bytes: 3 * PAGE };
    assert_eq!(truth.own(Pages::new(&[0b1000]), id(1)), Err(there));
    // What was never written cannot be moved.
    truth.own(Pages::new(&[1]), id(1)).unwrap();
    let reader = region(4, geometry);
    let _pages = reader.anchor(&Access::All).unwrap();
    let mut all = PageSet::empty(geometry, host).unwrap();
    all.words_mut()[0] = 1;
    let empty = RegionError::Invalid { region: id(9), first: 0, pages: 1 };
    assert_eq!(update(&reader, &truth, &mut all, Options::new()), Err(empty));
}
