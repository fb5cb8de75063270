//! The first write to a page, with the kernel taking note.

use core::{error::Error, hint::black_box, time::Duration};
use std::time::Instant;

use anymem::{
    memory::HostMemory,
    region::{Access, DefaultRegion, RegionError, Settings, UffdTracker, Untracked, WriteTracker},
};

use super::{
    job::Job,
    pair::{WORDS, geometry, region_id},
    report::{BARE, OURS},
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// Pages of the region.
const PAGES: usize = 4096;

/// Those of them that are written, each once at a time.
const WRITTEN: usize = PAGES / 2;

type Tracked<W> = DefaultRegion<HostMemory, HostMemory, W>;

/// Has the kernel take note, if it can.
pub(super) fn tracker() -> Result<UffdTracker, RegionError> {
    UffdTracker::new(geometry(PAGES)?)
}

/// Measures how long it takes to write to a page for the first time.
pub(super) fn measure_first_writes(
    tracker: UffdTracker,
    plan: Plan,
) -> Result<Row, Box<dyn Error>> {
    let watched = region(tracker)?;
    let bare = region(Untracked)?;
    let _pages = (watched.anchor(&Access::All)?, bare.anchor(&Access::All)?);
    // Who is told nothing takes all for written that could be.
    let contestants = vec![
        writes(OURS, Role::Private, &watched, WRITTEN),
        writes(BARE, Role::Limit, &bare, PAGES),
    ];
    Ok(measure(Job::FirstWrite.to_string(), WRITTEN as u64, contestants, plan)?)
}

fn region<W: WriteTracker>(tracker: W) -> Result<Tracked<W>, Box<dyn Error>> {
    let settings = Settings::new(region_id(0), geometry(PAGES)?);
    Ok(DefaultRegion::tracked(settings, HostMemory, HostMemory, tracker)?)
}

/// Somebody who writes a word to every other page, of whom as many pages as are `told` are
/// then told to be written.
fn writes<'a, W: WriteTracker>(
    name: &str,
    role: Role,
    region: &'a Tracked<W>,
    told: usize,
) -> Sampled<'a> {
    let sample = move |operations: u64| {
        let passes = operations.div_ceil(WRITTEN as u64);
        let mut took = Duration::ZERO;
        for pass in 0..passes {
            took += write_every_other(region, pass)?;
            let mut dirty = region.select(&Access::All)?;
            region.take_dirty(&mut dirty);
            if dirty.count() != told {
                return Err(format!("{} of {told} pages are told", dirty.count()).into());
            }
        }
        Ok(took.as_secs_f64() * 1e9 / (passes * WRITTEN as u64) as f64)
    };
    let sample = move |operations| sample(operations).map_err(|it: Box<dyn Error>| it.to_string());
    Sampled { name: name.into(), role, sample: Box::new(sample) }
}

/// How long the writes take; not what goes before and after.
fn write_every_other<W: WriteTracker>(
    region: &Tracked<W>,
    word: u64,
) -> Result<Duration, Box<dyn Error>> {
    let mut writing = region.write(&Access::All)?;
    let words = writing.as_mut_slice::<u64>(0..PAGES * WORDS).ok_or("the pages are apart")?;
    let start = Instant::now();
    for page in (0..PAGES).step_by(2) {
        words[page * WORDS] = word;
    }
    black_box(words);
    Ok(start.elapsed())
}
