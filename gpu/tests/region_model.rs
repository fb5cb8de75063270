//! Regions in the memories of devices against the model of core's, with a driver that fails.

#[path = "../../core/tests/region_common/world.rs"]
mod world;

use std::sync::Arc;

use anymem_core::memory::{ArrayMemory, Memory};
use anymem_core::region::{Blocks, DefaultRegion, Pages};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::{Device, DeviceMemory, PinnedMemory};
use anymem_gpu_sim::{Call, Completion, Machine, Options, SimError};
use proptest::prelude::*;

use world::{Host, Op, REGIONS, Watched, World, begun, blocks, op, settings};

impl Watched for Arc<Machine> {
    fn moved(&self) -> u64 {
        self.calls(Call::Copy)
    }

    fn counts_bytes(&self) -> bool {
        false
    }

    fn fail_at(&self, fault: u64) {
        const CALLS: [Call; 4] = [Call::Copy, Call::Synchronize, Call::Allocate, Call::Fill];
        self.clear_faults();
        if let Some(nth) = fault.checked_sub(1) {
            let call = CALLS[nth as usize % CALLS.len()];
            self.fail(call, nth / CALLS.len() as u64, 1, SimError::Invalid { what: "luck" });
        }
    }
}

fn runs_as_the_model(ops: Vec<Op>, blocks: [Blocks; REGIONS], how: Completion, host: Host<'_>) {
    let options = Options { devices: 2, memory: 16 << 20, completion: how, ..Options::default() };
    let driver = SimDriver::new(options).unwrap();
    let devices = [0, 1].map(|number| Device::with_driver(driver.clone(), number).unwrap());
    let [one, two] = devices.each_ref().map(|device| DeviceMemory::new(device).unwrap());
    // Not staged, so its bytes come and go when their turn is.
    let a = DefaultRegion::new(settings(1, blocks[0]), PinnedMemory::new(&devices[0]), host);
    let a = a.unwrap();
    // Not in the order of their numbers, by which they are pinned.
    let b = DefaultRegion::new(settings(9, blocks[1]), one, host).unwrap();
    let c = DefaultRegion::new(settings(5, blocks[2]), two, host).unwrap();
    let take = |region: usize, pages: &mut Pages| match region {
        0 => a.take_dirty(pages),
        1 => b.take_dirty(pages),
        _ => c.take_dirty(pages),
    };
    let mut world = World::new(host, driver.machine(), [&a, &b, &c], &take);
    for op in ops {
        world.run(op);
        world.check();
        assert_eq!([a.check(), b.check(), c.check()], [Ok(()); REGIONS]);
    }
    drop(world);
    assert_eq!(devices.map(|device| device.held()), [0, 0], "pages were not freed");
}

fn completion() -> impl Strategy<Value = Completion> {
    prop_oneof![
        2 => Just(Completion::Lazy),
        1 => Just(Completion::Eager),
        1 => Just(Completion::Background)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn regions_of_devices_are_as_the_model(
        ops in prop::collection::vec(op(), 1..30),
        blocks in [blocks(), blocks(), blocks()],
        how in completion(),
        is_begun: bool,
    ) {
        let begun = if is_begun { begun() } else { Vec::new() };
        let ops = begun.into_iter().chain(ops).collect();
        let mut array = vec![0; 1 << 18];
        let host = ArrayMemory::new(&mut array);
        let available = host.available();
        runs_as_the_model(ops, blocks, how, &host);
        prop_assert_eq!(host.available(), available, "tables were not freed");
    }
}
