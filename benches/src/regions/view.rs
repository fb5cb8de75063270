//! Pages of several owners as one slice.

use core::{error::Error, ptr, time::Duration};
use std::time::Instant;

use anymem::{
    memory::HostMemory,
    region::{
        Access, ArenaMemory, Blocks, DefaultRegion, MappedView, ReferenceRegion, Region, Run,
        Settings, View, Way,
    },
};

use super::{
    job::{Job, Part},
    pair::{PAGE, WORDS, geometry, region_id},
    report::{GATHER, OURS},
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// Bytes that are seen as one slice.
const BYTES: usize = 64 << 20;

/// Regions that have a part each in turn.
const OWNERS: usize = 4;

type Owner = DefaultRegion<ArenaMemory, HostMemory>;

/// A region of parts that have owners in turn.
struct Parts {
    truth: ReferenceRegion<Owner, HostMemory>,
    pages: usize,
}

/// Measures how long it takes to see what the owners of parts wrote.
pub(super) fn measure_views(part: Part, plan: Plan) -> Result<Row, Box<dyn Error>> {
    let arena = ArenaMemory::new()?;
    let parts = Parts::new(part.bytes() / PAGE, &arena)?;
    let view = View::new(&parts.truth, 0..BYTES, HostMemory)?;
    let mut view = view.mapped_by(MappedView::new(&arena)).by(Way::Mapped);
    let (places, mut block) = (parts.places()?, vec![0; BYTES]);
    let mapped = parts.sampled(OURS, Role::Private, |look| {
        let viewed = view.read()?;
        match viewed.way() {
            Way::Mapped => Ok(look(&viewed)),
            _ => Err("the parts could not be mapped".into()),
        }
    });
    let gathered = parts.sampled(GATHER, Role::Peer, |look| {
        for (place, copy) in places.iter().zip(block.chunks_exact_mut(part.bytes())) {
            // SAFETY: the place has a part, which nobody writes meanwhile.
            unsafe { ptr::copy_nonoverlapping(*place, copy.as_mut_ptr(), copy.len()) };
        }
        Ok(look(&block))
    });
    Ok(measure(Job::View(part).to_string(), 1, vec![mapped, gathered], plan)?)
}

impl Parts {
    /// Parts of so many pages.
    fn new(pages: usize, arena: &ArenaMemory) -> Result<Self, Box<dyn Error>> {
        let geometry = geometry(BYTES / PAGE)?;
        let owner = |number| {
            let blocks = Blocks::Of(pages);
            let settings = Settings { blocks, ..Settings::new(region_id(number), geometry) };
            Owner::new(settings, arena.clone(), HostMemory)
        };
        let owners = (0..OWNERS).map(owner).collect::<Result<Vec<_>, _>>()?;
        let truth = ReferenceRegion::new(region_id(OWNERS), geometry, owners, HostMemory)?;
        let parts = Self { truth, pages };
        for number in 0..OWNERS {
            let own = parts.of(number);
            parts.truth.own(&own.pages(geometry, HostMemory)?, region_id(number))?;
            // What was never written could not be seen.
            drop(parts.owner(number)?.write(&own)?);
        }
        Ok(parts)
    }

    /// The first pages of all parts.
    fn firsts(&self) -> impl Iterator<Item = usize> {
        (0..BYTES / PAGE).step_by(self.pages)
    }

    /// The parts of an owner.
    fn of(&self, number: usize) -> Access<'static> {
        let (len, stride) = (self.pages * PAGE, OWNERS * self.pages * PAGE);
        Access::Strided { start: number * len, len, stride, count: BYTES / stride }
    }

    fn owner(&self, number: usize) -> Result<&Owner, Box<dyn Error>> {
        Ok(self.truth.region(region_id(number)).ok_or("there is no such owner")?)
    }

    /// Where the parts are.
    fn places(&self) -> Result<Vec<*const u8>, Box<dyn Error>> {
        let place = |first| {
            let place = self.truth.place(Run { first, len: self.pages })?;
            let start = place.memory.host(place.address).ok_or("it is not here")?;
            Ok(start.as_ptr().cast_const())
        };
        self.firsts().map(place).collect()
    }

    /// Has each owner write `word` to the first page of each part.
    fn write(&self, word: u64) -> Result<(), Box<dyn Error>> {
        for number in 0..OWNERS {
            let mut writing = self.owner(number)?.write(&self.of(number))?;
            for first in self.firsts().skip(number).step_by(OWNERS) {
                writing.set(first * WORDS, word)?;
            }
        }
        Ok(())
    }

    /// Somebody who looks at the first page of each part after the owners wrote to them.
    fn sampled<'a>(
        &'a self,
        name: &str,
        role: Role,
        mut see: impl FnMut(&dyn Fn(&[u8]) -> u64) -> Result<u64, Box<dyn Error>> + 'a,
    ) -> Sampled<'a> {
        let look = |bytes: &[u8]| {
            let word = |first| bytes[first * PAGE..].first_chunk().copied();
            self.firsts().filter_map(word).map(u64::from_ne_bytes).sum()
        };
        let mut sample = move |operations: u64| {
            let mut took = Duration::ZERO;
            for word in 1..=operations {
                self.write(word)?;
                let start = Instant::now();
                let sum = see(&look)?;
                took += start.elapsed();
                if sum != word * self.firsts().count() as u64 {
                    return Err("what was written is not seen".into());
                }
            }
            Ok(took.as_secs_f64() * 1e9 / operations as f64)
        };
        let sample =
            move |operations| sample(operations).map_err(|it: Box<dyn Error>| it.to_string());
        Sampled { name: name.into(), role, sample: Box::new(sample) }
    }
}
