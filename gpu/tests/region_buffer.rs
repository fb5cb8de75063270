//! Regions of the processor and of a device: pages that are stale go to where they are used, and
//! no others; a buffer over both is one array.

mod common;

use std::num::NonZeroU32;

use anymem::memory::{HostMemory, MemoryError};
use anymem::region::{
    Access, DefaultRegion, DistributedBuffer, Geometry, Options, PageArray, RegionError, RegionId,
    Settings, View, update,
};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::{Device, DeviceMemory, HostOrDevice, PinnedMemory};
use anymem_gpu_sim::{Call, SimError};
use common::device;
use proptest::prelude::*;

#[test]
fn on_all_drivers() {
    common::everywhere();
}

const PAGE: usize = 4096;

fn settings(id: u32, geometry: Geometry) -> Settings {
    let id = RegionId::new(NonZeroU32::new(id).unwrap());
    Settings { pause: std::thread::yield_now, ..Settings::new(id, geometry) }
}

#[test]
fn only_stale_pages_go_to_the_device_and_back() {
    let geometry = Geometry::new(100 * PAGE, PAGE).unwrap();
    let (device, pinned) = (DeviceMemory::new(&device()).unwrap(), PinnedMemory::new(&device()));
    let here = DefaultRegion::new(settings(1, geometry), pinned, HostMemory).unwrap();
    let there = DefaultRegion::new(settings(2, geometry), device, HostMemory).unwrap();
    let _pages = here.anchor(&Access::All).unwrap();
    let _copies = there.anchor(&Access::range(0..60 * PAGE)).unwrap();
    here.write(&Access::All).unwrap().write(0, &vec![1_u32; 100 * PAGE / 4]).unwrap();
    let to_device = || {
        let mut pages = there.select(&Access::All).unwrap();
        let copied = update(&there, &here, &mut pages, Options::new()).unwrap();
        (copied.pages, copied.bytes)
    };
    let to_host = || {
        let mut pages = here.select(&Access::range(0..60 * PAGE)).unwrap();
        let copied = update(&here, &there, &mut pages, Options::forced()).unwrap();
        (copied.pages, copied.bytes)
    };
    assert_eq!(to_device(), (60, 60 * PAGE), "those that the device has");
    assert_eq!((to_device(), to_host()), ((0, 0), (0, 0)));
    // A page written here, and two there.
    here.write(&Access::range(7 * PAGE..8 * PAGE)).unwrap().set(7 * PAGE / 4, 2_u32).unwrap();
    assert_eq!(to_device(), (1, PAGE));
    let two = 10 * PAGE..12 * PAGE;
    there.write(&Access::Ranges(&[two])).unwrap().set(10 * PAGE / 4, 3_u32).unwrap();
    assert_eq!(to_host(), (2, 2 * PAGE));
    let read = here.read(&Access::All).unwrap();
    let found = [0, 7, 10, 99].map(|page| read.get::<u32>(page * PAGE / 4).unwrap());
    assert_eq!(found, [1, 2, 3, 1]);
}

/// What fails on the way is stale afterwards, and comes with the next update.
#[test]
fn what_did_not_arrive_comes_with_the_next_update() {
    let driver = SimDriver::new(anymem_gpu_sim::Options::default()).unwrap();
    let device = Device::with_driver(driver.clone(), 0).unwrap();
    let memory = DeviceMemory::new(&device).unwrap();
    let geometry = Geometry::new(10 * PAGE, PAGE).unwrap();
    let here = DefaultRegion::new(settings(1, geometry), HostMemory, HostMemory).unwrap();
    let there = DefaultRegion::new(settings(2, geometry), memory, HostMemory).unwrap();
    let _pages = here.anchor(&Access::All).unwrap();
    let _copies = there.anchor(&Access::All).unwrap();
    here.write(&Access::All).unwrap().write(0, &[1_u8; 10 * PAGE]).unwrap();
    for call in [Call::Copy, Call::Synchronize] {
        driver.machine().fail(call, 0, 1, SimError::Invalid { what: "luck" });
        let mut pages = there.select(&Access::All).unwrap();
        let failed = update(&there, &here, &mut pages, Options::new()).unwrap_err();
        assert!(matches!(failed, RegionError::Memory(MemoryError::Backend { .. })), "{failed}");
        assert_eq!(there.valid(0), 0);
    }
    let mut pages = there.select(&Access::All).unwrap();
    assert_eq!(update(&there, &here, &mut pages, Options::new()).unwrap().pages, 10);
    assert_eq!(there.read(&Access::All).unwrap().get::<u8>(10 * PAGE - 1), Ok(1));
}

const LEN: usize = 3000;

/// An element whose size divides no page's.
type Element = [u32; 3];

#[derive(Debug, Clone)]
struct Step {
    place: u32,
    start: usize,
    len: usize,
    does: Does,
}

#[derive(Debug, Clone, Copy)]
enum Does {
    Read,
    Write(u32),
    ReadWrite(u32),
    Evict,
}

fn step() -> impl Strategy<Value = Step> {
    let does = prop_oneof![
        3 => Just(Does::Read),
        2 => any::<u32>().prop_map(Does::Write),
        2 => any::<u32>().prop_map(Does::ReadWrite),
        1 => Just(Does::Evict),
    ];
    (1_u32..4, 0..LEN, 1..LEN, does).prop_map(|(place, start, len, does)| Step {
        place,
        start,
        len: len.min(LEN - start),
        does,
    })
}

type Memory = HostOrDevice<PinnedMemory>;
type Buffer = DistributedBuffer<Element, DefaultRegion<Memory, HostMemory>, HostMemory>;

fn id(number: u32) -> RegionId {
    RegionId::new(NonZeroU32::new(number).unwrap())
}

/// A buffer of which the device has two regions, and the processor one.
fn buffer(device: &Device) -> Buffer {
    let memories = [
        HostOrDevice::Host(PinnedMemory::new(device)),
        HostOrDevice::Device(DeviceMemory::new(device).unwrap()),
        HostOrDevice::Device(DeviceMemory::new(device).unwrap()),
    ];
    let factories = memories.into_iter().enumerate().map(|(n, memory)| {
        move |geometry| {
            let settings = settings(n as u32 + 1, geometry);
            DefaultRegion::new(settings, memory.clone(), HostMemory)
        }
    });
    DistributedBuffer::new(id(9), LEN, 512, factories, HostMemory).unwrap()
}

fn take(buffer: &Buffer, step: &Step, model: &mut [Element]) {
    let Step { place, start, len, does } = *step;
    let ranges = [buffer.bytes_of(start..start + len)];
    let (access, place, elements) = (Access::Ranges(&ranges), id(place), start..start + len);
    match does {
        Does::Read => {
            let mut found = vec![Element::default(); len];
            buffer.read(place, &access).unwrap().read(start, &mut found).unwrap();
            assert_eq!(found, model[elements]);
        }
        Does::Write(by) => {
            model[elements.clone()].fill([by, !by, 7]);
            buffer.write(place, &access).unwrap().write(start, &model[elements]).unwrap();
        }
        Does::ReadWrite(by) => {
            let mut write = buffer.read_write(place, &access).unwrap();
            assert_eq!(write.get::<Element>(start + len - 1).unwrap(), model[start + len - 1]);
            model[start][0] ^= by;
            write.set(start, model[start]).unwrap();
        }
        Does::Evict => buffer.evict(place, &access).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn it_is_one_array_wherever_it_is_used(steps in prop::collection::vec(step(), 1..30)) {
        let buffer = buffer(&device());
        let mut model = vec![Element::default(); LEN];
        drop(buffer.read_write(id(2), &Access::All).unwrap());
        steps.iter().for_each(|step| take(&buffer, step, &mut model));
        // Who knows nothing of regions sees the same.
        let bytes: &[u8] = bytemuck::cast_slice(&model);
        let mut view = View::new(buffer.truth(), 0..bytes.len(), HostMemory).unwrap();
        prop_assert_eq!(&view.read().unwrap()[..], bytes);
    }
}
