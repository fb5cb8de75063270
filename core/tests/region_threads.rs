//! Threads that update regions from each other, write them, and let go of them, all at once.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anymem_core::memory::{ArrayMemory, Memory};
use anymem_core::region::{
    Access, Blocks, DefaultRegion, Geometry, Options, PageArray, Region, RegionError, RegionId,
    Settings, update,
};

const PAGE: usize = 256;
const PAGES: usize = 130;
const ROUNDS: u32 = 300;

type Host<'a> = &'a ArrayMemory<'a>;
type Owned<'a> = DefaultRegion<Host<'a>, Host<'a>>;

fn region<'a>(id: u32, blocks: Blocks, host: Host<'a>) -> Owned<'a> {
    let geometry = Geometry::new(PAGES * PAGE, PAGE).unwrap();
    let id = RegionId::new(NonZeroU32::new(id).unwrap());
    let settings = Settings { blocks, pause: thread::yield_now, ..Settings::new(id, geometry) };
    DefaultRegion::new(settings, host, host).unwrap()
}

/// Pages that begin at a place that depends on the round, in two runs.
fn some(round: u32) -> [std::ops::Range<usize>; 2] {
    let first = (round as usize * 37) % (PAGES - 40);
    [first * PAGE..(first + 25) * PAGE, (first + 33) * PAGE..(first + 40) * PAGE]
}

/// Fills pages with a number each round, which nobody else uses.
fn write(region: &Owned<'_>, number: &AtomicU32) {
    for round in 0..ROUNDS {
        let ranges = some(round);
        let mut writing = region.write(&Access::Ranges(&ranges)).unwrap();
        let number = number.fetch_add(1, Ordering::Relaxed);
        for range in ranges {
            let words = range.start / 4..range.end / 4;
            words.for_each(|word| writing.set(word, number).unwrap());
        }
    }
}

/// Every page is of one write.
fn is_whole(region: &Owned<'_>, ranges: &[std::ops::Range<usize>]) {
    let reading = match region.read(&Access::Ranges(ranges)) {
        Ok(reading) => reading,
        Err(error) => return assert!(matches!(error, RegionError::Invalid { .. }), "{error}"),
    };
    for page in ranges.iter().flat_map(|range| range.start / PAGE..range.end / PAGE) {
        let words = reading.as_slice::<u32>(page * PAGE / 4..(page + 1) * PAGE / 4).unwrap();
        assert!(words.iter().all(|word| *word == words[0]), "page {page} is torn");
    }
}

fn pull(to: &Owned<'_>, from: &Owned<'_>) {
    for round in 0..ROUNDS {
        let ranges = some(round.wrapping_mul(7));
        let mut pages = to.select(&Access::Ranges(&ranges)).unwrap();
        match update(to, from, &mut pages, Options::forced()) {
            Ok(_) => {}
            Err(RegionError::Invalid { .. }) => assert!(!pages.is_empty()),
            Err(error) => panic!("{error}"),
        }
        is_whole(to, &ranges);
    }
}

/// Each updates from the other, and both are written meanwhile.
#[test]
fn nobody_waits_in_a_circle_and_no_page_is_torn() {
    let mut array = vec![0; 1 << 20];
    let host = ArrayMemory::new(&mut array);
    let (a, b) = (region(1, Blocks::One, &host), region(2, Blocks::Of(8), &host));
    let _pages = [&a, &b].map(|region| region.anchor(&Access::All).unwrap());
    let number = AtomicU32::new(1);
    thread::scope(|scope| {
        scope.spawn(|| write(&a, &number));
        scope.spawn(|| write(&b, &number));
        scope.spawn(|| pull(&a, &b));
        scope.spawn(|| pull(&b, &a));
        scope.spawn(|| pull(&b, &a));
    });
    // Now that nobody writes, one update makes them equal, and another one finds that.
    b.write(&Access::All).unwrap().set(0, 7_u32).unwrap();
    for (expected, skips) in [(true, 0), (false, PAGES)] {
        let mut all = a.select(&Access::All).unwrap();
        let copied = update(&a, &b, &mut all, Options::forced()).unwrap();
        assert_eq!(copied.pages != 0, expected);
        assert!(copied.skipped >= skips);
    }
    assert_eq!([a.check(), b.check()], [Ok(()); 2]);
    let [of_a, of_b] = [&a, &b].map(|region| {
        let reading = region.read(&Access::All).unwrap();
        reading.as_slice::<u32>(0..PAGES * PAGE / 4).map(<[u32]>::to_vec).unwrap_or_else(|| {
            (0..PAGES * PAGE / 4).map(|word| reading.get(word).unwrap()).collect()
        })
    });
    assert!(of_a == of_b, "what is not stale differs");
}

/// Pages come and go while others update from and to them.
#[test]
fn pages_may_go_at_any_time() {
    let mut array = vec![0; 1 << 20];
    let host = ArrayMemory::new(&mut array);
    let available = host.available();
    let (a, b) = (region(7, Blocks::PerPage, &host), region(2, Blocks::Of(16), &host));
    let source = b.anchor(&Access::All).unwrap();
    b.write(&Access::All).unwrap().set(0, 7_u32).unwrap();
    thread::scope(|scope| {
        for start in 0..2 {
            let a = &a;
            scope.spawn(move || {
                for round in start..ROUNDS + start {
                    drop(a.anchor(&Access::Ranges(&some(round))).unwrap());
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    let mut pages = a.select(&Access::Ranges(&some(round))).unwrap();
                    match update(&a, &b, &mut pages, Options::new()) {
                        Ok(_) => {}
                        // Gone since it was seen.
                        Err(RegionError::Unallocated { region, .. }) => assert_eq!(region, a.id()),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    assert!((0..PAGES.div_ceil(64)).all(|group| a.allocated(group) | a.valid(group) == 0));
    assert_eq!([a.check(), b.check()], [Ok(()); 2]);
    drop(source);
    drop((a, b));
    assert_eq!(host.available(), available, "something was not freed");
}
