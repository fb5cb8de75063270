//! Regions in several memories against a model, with operations of the memory that fail.

#[path = "region_common/world.rs"]
mod world;

use anymem_core::memory::{ArrayMemory, Memory, SimMemory};
use anymem_core::region::{Blocks, DefaultRegion, Pages};
use proptest::prelude::*;

use world::{BYTES, Host, Op, REGIONS, Watched, World, begun, blocks, op, settings};

type Sim<'a> = SimMemory<Host<'a>>;

impl Watched for [Sim<'_>; 2] {
    fn moved(&self) -> u64 {
        self.iter().map(|sim| sim.counts().bytes()).sum()
    }

    fn counts_bytes(&self) -> bool {
        true
    }

    fn fail_at(&self, fault: u64) {
        match fault {
            0 => self.iter().for_each(Sim::heal),
            _ => self[fault as usize % 2].fail_at(fault.div_ceil(2)),
        }
    }
}

fn runs_as_the_model(ops: Vec<Op>, blocks: [Blocks; REGIONS], host: Host<'_>) {
    let sims = [1, 2].map(|instance| SimMemory::new(host, 4 * BYTES, instance).unwrap());
    let a = DefaultRegion::new(settings(1, blocks[0]), host, host).unwrap();
    // Not in the order of their numbers, by which they are pinned.
    let b = DefaultRegion::new(settings(9, blocks[1]), &sims[0], host).unwrap();
    let c = DefaultRegion::new(settings(5, blocks[2]), &sims[1], host).unwrap();
    let take = |region: usize, pages: &mut Pages| match region {
        0 => a.take_dirty(pages),
        1 => b.take_dirty(pages),
        _ => c.take_dirty(pages),
    };
    let mut world = World::new(host, &sims, [&a, &b, &c], &take);
    for op in ops {
        world.run(op);
        world.check();
        assert_eq!([a.check(), b.check(), c.check()], [Ok(()); REGIONS]);
    }
    drop(world);
    assert_eq!(sims.each_ref().map(|sim| sim.counts().live), [0, 0], "pages were not freed");
}

proptest! {
    #[test]
    fn regions_are_as_the_model(
        ops in prop::collection::vec(op(), 1..40),
        blocks in [blocks(), blocks(), blocks()],
        is_begun: bool,
    ) {
        let begun = if is_begun { begun() } else { Vec::new() };
        let ops = begun.into_iter().chain(ops).collect();
        let mut array = vec![0; 1 << 18];
        let host = ArrayMemory::new(&mut array);
        let available = host.available();
        runs_as_the_model(ops, blocks, &host);
        prop_assert_eq!(host.available(), available, "tables or pages were not freed");
    }
}
