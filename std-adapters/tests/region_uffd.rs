//! The kernel says which pages were written, whoever wrote them.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;

use anymem::region::{
    Access, ArenaMemory, Blocks, DefaultRegion, Geometry, PageArray, RegionId, Settings,
    UffdTracker,
};
use proptest::prelude::*;

const PAGE: usize = 4096;
const PAGES: usize = 100;

type Tracked<'a> = DefaultRegion<ArenaMemory, &'a ArenaMemory, UffdTracker>;

/// A region whose tables are in the arena as well; `None` where the kernel refuses.
fn region(arena: &ArenaMemory, page: usize, blocks: Blocks) -> Option<Tracked<'_>> {
    let geometry = Geometry::new(PAGES * page, page).unwrap();
    let tracker = match UffdTracker::new(geometry) {
        Ok(tracker) => tracker,
        Err(error) => {
            println!("skipped: the kernel tracks no writes: {error}");
            return None;
        }
    };
    let id = RegionId::new(NonZeroU32::MIN);
    let settings = Settings { blocks, ..Settings::new(id, geometry) };
    Some(DefaultRegion::tracked(settings, arena.clone(), arena, tracker).unwrap())
}

fn stamps(region: &Tracked<'_>) -> Vec<anymem::region::Stamp> {
    (0..PAGES).map(|page| region.stamp(page)).collect()
}

/// Which pages are other ones than before.
fn changed(region: &Tracked<'_>, before: &[anymem::region::Stamp]) -> Vec<usize> {
    (0..PAGES).filter(|page| region.stamp(*page) != before[*page]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn just_what_was_written_counts(
        rounds in prop::collection::vec(prop::collection::btree_set(0..PAGES, 0..20), 1..5),
        of in prop::sample::select(&[Blocks::One, Blocks::Of(8), Blocks::PerPage]),
    ) {
        let arena = ArenaMemory::new().unwrap();
        let Some(region) = region(&arena, PAGE, of) else { return Ok(()) };
        let _pages = region.anchor(&Access::All).unwrap();
        drop(region.write(&Access::All).unwrap());
        for round in rounds {
            let before = stamps(&region);
            {
                let mut writing = region.write(&Access::All).unwrap();
                for page in &round {
                    let elements = page * PAGE + 5..page * PAGE + 6;
                    writing.as_mut_slice::<u8>(elements).unwrap()[0] ^= 1;
                }
            }
            prop_assert_eq!(changed(&region, &before), round.into_iter().collect::<Vec<_>>());
        }
    }
}

/// What the kernel writes for the program, too.
#[test]
fn system_calls_write_as_well() {
    let arena = ArenaMemory::new().unwrap();
    let Some(region) = region(&arena, PAGE, Blocks::One) else { return };
    let _pages = region.anchor(&Access::All).unwrap();
    drop(region.write(&Access::All).unwrap());
    let before = stamps(&region);
    {
        let mut writing = region.write(&Access::All).unwrap();
        let all = writing.as_mut_slice::<u8>(0..PAGES * PAGE).unwrap();
        File::open("/dev/zero").unwrap().read_exact(&mut all[7 * PAGE + 9..9 * PAGE]).unwrap();
    }
    assert_eq!(changed(&region, &before), [7, 8]);
}

/// Some pages of a block, while others are left alone; then these.
#[test]
fn only_pinned_pages_are_asked_about() {
    let arena = ArenaMemory::new().unwrap();
    let Some(region) = region(&arena, PAGE, Blocks::One) else { return };
    let _pages = region.anchor(&Access::All).unwrap();
    drop(region.write(&Access::All).unwrap());
    let before = stamps(&region);
    let ranges = [3 * PAGE..4 * PAGE, 10 * PAGE..12 * PAGE];
    let mut some = region.write(&Access::Ranges(&ranges)).unwrap();
    {
        // Another accessor of other pages.
        let between = 5 * PAGE..6 * PAGE;
        let mut other = region.write(&Access::Ranges(core::slice::from_ref(&between))).unwrap();
        other.as_mut_slice::<u8>(5 * PAGE..6 * PAGE).unwrap().fill(1);
    }
    some.as_mut_slice::<u8>(11 * PAGE..11 * PAGE + 1).unwrap()[0] = 1;
    drop(some);
    assert_eq!(changed(&region, &before), [5, 11]);
}

/// Pages that are parts of the system's cannot be told apart: those that share one count.
#[test]
fn small_pages_count_together() {
    let arena = ArenaMemory::new().unwrap();
    let Some(region) = region(&arena, PAGE / 4, Blocks::One) else { return };
    let _pages = region.anchor(&Access::All).unwrap();
    drop(region.write(&Access::All).unwrap());
    let before = stamps(&region);
    region.write(&Access::All).unwrap().as_mut_slice::<u8>(5 * 1024..5 * 1024 + 1).unwrap()[0] = 1;
    let changed = changed(&region, &before);
    assert!(changed.contains(&5), "{changed:?}");
    assert_eq!(changed, [4, 5, 6, 7]);
}
