//! Single elements, of a slice and of a region.

use core::{error::Error, hint::black_box};
use std::time::Instant;

use anymem::{
    memory::{HostMemory, MemRead, MemSlice},
    region::{Access, DefaultRegion, Settings},
};

use super::{
    job::{Home, Job},
    pair::{WORDS, geometry, region_id},
    report::{BARE, OURS},
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
    workloads::Rng,
};

/// Pages that the elements are in.
const PAGES: usize = 8;

/// Elements that are read, in an order at random.
const ELEMENTS: usize = PAGES * WORDS;

/// Measures how long it takes to read an element.
pub(super) fn measure_elements(home: Home, plan: Plan) -> Result<Row, Box<dyn Error>> {
    let numbers: Vec<u64> = (0..ELEMENTS as u64).collect();
    let bare = reads(BARE, Role::Limit, |index| numbers.get(index).copied());
    let row =
        |ours| measure(Job::Element(home).to_string(), ELEMENTS as u64, vec![ours, bare], plan);
    Ok(match home {
        Home::Slice => {
            let slice = MemSlice::from_slice(&numbers, HostMemory)?;
            row(reads(OURS, Role::Private, |index| slice.get(index).ok()))?
        }
        Home::Region => {
            let settings = Settings::new(region_id(0), geometry(PAGES)?);
            let region = DefaultRegion::new(settings, HostMemory, HostMemory)?;
            let _pages = region.anchor(&Access::All)?;
            region.write(&Access::All)?.write(0, &numbers)?;
            let reading = region.read(&Access::All)?;
            row(reads(OURS, Role::Private, |index| reading.get(index).ok()))?
        }
    })
}

/// Somebody who reads elements; element `i` is `i`.
fn reads<'a>(name: &str, role: Role, get: impl Fn(usize) -> Option<u64> + 'a) -> Sampled<'a> {
    let order = order();
    let sample = move |operations: u64| {
        let passes = operations.div_ceil(ELEMENTS as u64);
        let mut sum = 0;
        let start = Instant::now();
        for _ in 0..passes {
            for &index in black_box(&order) {
                sum += get(index).ok_or("an element is not there")?;
            }
        }
        let elapsed = start.elapsed();
        match sum == passes * (0..ELEMENTS as u64).sum::<u64>() {
            true => Ok(elapsed.as_secs_f64() * 1e9 / (passes * ELEMENTS as u64) as f64),
            false => Err(format!("the elements come to {sum}")),
        }
    };
    Sampled { name: name.into(), role, sample: Box::new(sample) }
}

/// All indices, shuffled.
fn order() -> Vec<usize> {
    let mut order: Vec<usize> = (0..ELEMENTS).collect();
    let mut rng = Rng::new(0);
    for at in 0..ELEMENTS {
        order.swap(at, at + rng.below(ELEMENTS - at));
    }
    order
}
