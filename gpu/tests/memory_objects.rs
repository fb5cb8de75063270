//! Objects in the memories of a device: bytes arrive whichever way they go, blocks are aligned,
//! and what fails says why.

mod common;

use std::alloc::Layout;

use anymem::memory::{
    Address, HostAddressable, HostMemory, MemBox, MemRead, MemSlice, MemWrite, Memory, MemoryError,
    Place, RawAddress, Route, TEMPORARY, transfer,
};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::{
    Device, DeviceMemory, GpuError, HostOrDevice, HostOrDeviceAddress, ManagedMemory, PinnedMemory,
};
use anymem_gpu_sim::{Call, Options, SimError, Trap};
use common::device;
use proptest::prelude::*;

#[test]
fn on_all_drivers() {
    common::everywhere();
}

fn numbers(len: usize, first: usize) -> Vec<u8> {
    (first..first + len).map(|i| (i * 7 % 251) as u8).collect()
}

/// Some of the bytes, not from the first on.
fn part<M: Memory>(slice: &MemSlice<u8, M>, len: usize) -> Place<'_> {
    Place::new(slice.memory(), slice.address().byte_add(2), len)
}

/// Copies numbers from the one to the other, and checks all that there is to check.
fn check(to: &impl Memory, from: &impl Memory, len: usize) -> Route {
    let (old, new) = (numbers(len + 5, 1), numbers(len + 5, 100));
    let target = MemSlice::from_slice(&old, to).unwrap();
    let source = MemSlice::from_slice(&new, from).unwrap();
    let (to, from) = (part(&target, len), part(&source, len));
    // SAFETY: both are within blocks, and nobody else uses them.
    let route = unsafe { transfer(to, from, len) }.unwrap();
    let mut found = vec![0; len + 5];
    target.read(0, &mut found).unwrap();
    assert_eq!(found, [&old[..2], &new[2..len + 2], &old[len + 2..]].concat());
    source.read(0, &mut found).unwrap();
    assert_eq!(found, new);
    route
}

fn lengths() -> impl Strategy<Value = usize> {
    let near = [0, 1, 255, TEMPORARY - 1, TEMPORARY, TEMPORARY + 1, 2 * TEMPORARY + 13];
    prop_oneof![prop::sample::select(near.to_vec()), 0_usize..4 * TEMPORARY]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn bytes_arrive_whichever_way(len in lengths()) {
        let device = device();
        let memory = DeviceMemory::new(&device).unwrap();
        let again = DeviceMemory::new(&device).unwrap();
        let pinned = PinnedMemory::new(&device);
        prop_assert_eq!(check(&memory, &HostMemory, len), Route::To);
        prop_assert_eq!(check(&HostMemory, &memory, len), Route::From);
        prop_assert_eq!(check(&memory, &pinned, len), Route::To);
        prop_assert_eq!(check(&pinned, &memory, len), Route::From);
        prop_assert_eq!(check(&pinned, &HostMemory, len), Route::Host);
        // Two memories of one device are one.
        prop_assert_eq!(check(&memory, &again, len), Route::Peer);
        match ManagedMemory::new(&device) {
            Ok(managed) => {
                prop_assert_eq!(check(&memory, &managed, len), Route::To);
                prop_assert_eq!(check(&managed, &memory, len), Route::From);
                prop_assert_eq!(check(&managed, &pinned, len), Route::Host);
            }
            Err(error) => common::without(&error.to_string()),
        }
    }

    #[test]
    fn blocks_are_aligned_as_asked_for(sizes in prop::collection::vec((0_usize..5000, 0_u32..17), 1..20)) {
        is_aligned(&DeviceMemory::new(&device()).unwrap(), &sizes);
        is_aligned(&PinnedMemory::new(&device()), &sizes);
        if let Ok(managed) = ManagedMemory::new(&device()) {
            is_aligned(&managed, &sizes);
        }
        // Another device, which nobody else has a block of meanwhile.
        let (_driver, [device, _]) = two();
        is_aligned(&DeviceMemory::new(&device).unwrap(), &sizes);
        prop_assert_eq!(device.held(), 0);
    }
}

/// Blocks that are written, all of them, and stay as they are.
fn is_aligned(memory: &impl Memory, sizes: &[(usize, u32)]) {
    let blocks = sizes.iter().map(|&(size, align)| {
        let layout = Layout::from_size_align(size, 1 << align).unwrap();
        let address = memory.allocate(layout).unwrap();
        let number = match address.to_raw() {
            RawAddress::Foreign(number) => number,
            RawAddress::Host(host) => host.as_ptr().addr() as u64,
        };
        assert!(number.is_multiple_of(1 << align));
        // SAFETY: the block is new and of that size.
        unsafe { memory.fill(address, align as u8, size) }.unwrap();
        (address, layout)
    });
    for (address, layout) in blocks.collect::<Vec<_>>() {
        let mut bytes = vec![0; layout.size()];
        // SAFETY: it was allocated so.
        unsafe { memory.copy_from(bytes.as_mut_ptr(), address, bytes.len()) }.unwrap();
        assert!(bytes.iter().all(|&it| 1 << it == layout.align()));
        // SAFETY: as above, and nobody uses it.
        unsafe { memory.free(address, layout) };
    }
}

#[test]
fn values_live_on_the_device() {
    let memory = DeviceMemory::new(&device()).unwrap();
    let mut value = MemBox::new([1_u64, 2, 3], &memory).unwrap();
    value.update(|it| it.map(|n| n * 10)).unwrap();
    let (mut there, route) = value.to_memory(&memory).unwrap();
    assert_eq!((there.get(), route), (Ok([10, 20, 30]), Route::Peer));
    assert_eq!(there.assign(&MemBox::new([7; 3], HostMemory).unwrap()), Ok(Route::To));
    assert_eq!(there.get(), Ok([7; 3]));
    let mut slice = MemSlice::filled(3000, 0x0102_0304_u32, &memory).unwrap();
    slice.update_each(|i, it| *it = it.wrapping_add(i as u32)).unwrap();
    assert_eq!(slice.get(2999), Ok(0x0102_0304 + 2999));
    slice.fill(0).unwrap();
    assert_eq!(slice.get(2999), Ok(0));
}

#[test]
fn ranges_that_overlap_are_refused() {
    let memory = DeviceMemory::new(&device()).unwrap();
    let block = MemSlice::from_slice(&numbers(600, 5), &memory).unwrap();
    let at = |start| Place::new(&memory, block.address().byte_add(start), 200);
    // SAFETY: both are within the block, which nobody else uses.
    unsafe {
        assert_eq!(transfer(at(100), at(0), 200), Err(MemoryError::Overlap));
        assert_eq!(transfer(at(300), at(100), 200), Ok(Route::Peer));
    }
    let mut found = [0; 200];
    block.read(300, &mut found).unwrap();
    assert_eq!(found[..], numbers(600, 5)[100..300]);
}

#[test]
fn too_much_says_what_there_is() {
    let device = device();
    let memory = DeviceMemory::new(&device).unwrap();
    let _some = MemSlice::<u8, _>::zeroed(10_000, &memory).unwrap();
    if let Ok(managed) = ManagedMemory::new(&device) {
        drop(MemSlice::<u8, _>::zeroed(20_000, managed).unwrap());
    }
    let (_, total) = device.free_and_total().unwrap();
    assert!(memory.available().is_some_and(|free| free < total));
    let asked = 4 * total;
    let refused = MemSlice::<u8, _>::zeroed(asked, &memory).unwrap_err();
    assert_eq!(refused, MemoryError::OutOfMemory { requested: asked });
    let Some(GpuError::OutOfMemory { asked: again, held, .. }) = memory.last_error() else {
        panic!("{:?}", memory.last_error());
    };
    assert_eq!(again, asked);
    assert!(held >= 10_000, "what the others hold counts as well");
    let layout = Layout::from_size_align(isize::MAX as usize - 4095, 4096).unwrap();
    assert!(matches!(memory.allocate(layout), Err(MemoryError::OutOfMemory { .. })));
}

/// A machine of two devices.
fn two() -> (std::sync::Arc<SimDriver>, [Device; 2]) {
    let options = Options { devices: 2, memory: 4 << 20, ..Options::default() };
    let driver = SimDriver::new(options).unwrap();
    let devices = [0, 1].map(|number| Device::with_driver(driver.clone(), number).unwrap());
    (driver, devices)
}

#[test]
fn devices_of_one_driver_copy_directly() {
    let (driver, devices) = two();
    let [one, two] = devices.each_ref().map(|device| DeviceMemory::new(device).unwrap());
    assert_ne!(one.id(), two.id());
    assert_eq!(check(&one, &two, 5000), Route::Peer);
    // Devices of another driver have no such way, though their numbers are the same.
    let other = DeviceMemory::new(&self::two().1[1]).unwrap();
    assert_ne!(other.id(), two.id());
    assert_eq!(check(&one, &other, 5000), Route::Temporary);
    // Nor those that do not reach each other.
    let unreached = SimError::Unsupported { what: "way to a peer" };
    let target = MemSlice::<u8, _>::zeroed(100, &one).unwrap();
    let source = MemSlice::from_slice(&numbers(100, 3), &two).unwrap();
    driver.machine().fail(Call::Copy, 0, 1, unreached);
    // SAFETY: both are blocks, which nobody else uses.
    let route = unsafe { transfer(target.view().place(), source.view().place(), 100) };
    assert_eq!(route, Ok(Route::Temporary));
    assert_eq!(target.get(99).unwrap(), numbers(100, 3)[99]);
}

#[test]
fn a_memory_has_its_id_for_as_long_as_it_is_there() {
    let ids: Vec<_> = (0..3).map(|_| DeviceMemory::new(&two().1[0]).unwrap().id()).collect();
    let (_driver, [device, _]) = two();
    let memory = DeviceMemory::new(&device).unwrap();
    let others: Vec<_> = (0..3).map(|_| DeviceMemory::new(&two().1[0]).unwrap()).collect();
    assert!(others.iter().all(|other| other.id() != memory.id()));
    assert_eq!(DeviceMemory::new(&device).unwrap().id(), memory.id());
    assert!(ids.iter().all(|id| id.kind == memory.id().kind));
    assert_ne!(PinnedMemory::new(&device).id(), memory.id());
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let (driver, [device, _]) = two();
    let memory = DeviceMemory::new(&device).unwrap();
    let code = SimError::Invalid { what: "bad luck" };
    driver.machine().fail(Call::Fill, 0, 1, code.clone());
    let failed = MemSlice::<u64, _>::zeroed(100, &memory).unwrap_err();
    assert!(matches!(failed, MemoryError::Backend { code } if code != 0), "{failed}");
    assert!(matches!(memory.last_error(), Some(GpuError::Driver { .. })));
    assert_eq!(device.held(), 0, "the block went back");
    driver.machine().fail(Call::AllocateManaged, 0, 1, code);
    let managed = ManagedMemory::new(&device).unwrap();
    assert!(MemSlice::<u64, _>::zeroed(100, &managed).is_err());
    // What a device does not survive.
    let mut value = MemBox::new(7_u64, &memory).unwrap();
    driver.machine().lose(0, Trap::OnPurpose);
    assert!(matches!(value.set(8), Err(MemoryError::Backend { .. })));
    assert!(matches!(memory.last_error(), Some(GpuError::ContextLost { device: 0, .. })));
    drop(value);
    assert_eq!(device.held(), 0);
}

#[test]
fn managed_memory_is_only_where_it_can_be_used() {
    let none = Options { managed: false, memory: 1 << 20, ..Options::default() };
    let device = Device::with_driver(SimDriver::new(none).unwrap(), 0).unwrap();
    let refused = GpuError::Unsupported { device: 0, what: "managed memory" };
    assert_eq!(ManagedMemory::new(&device).unwrap_err(), refused);
    // SAFETY: no kernel runs there.
    assert_eq!(unsafe { ManagedMemory::exclusive(&device) }.unwrap_err(), refused);
}

/// Addresses of the processor's blocks are the device's, too.
#[test]
fn the_device_finds_what_the_processor_writes() {
    fn seen<M: HostAddressable>(memory: M, on_device: impl Fn(&M, M::Address) -> u64) {
        let mut numbers = MemSlice::<u8, _>::zeroed(500, memory).unwrap();
        numbers.as_mut_slice().copy_from_slice(&self::numbers(500, 3));
        let there = on_device(numbers.memory(), numbers.address());
        assert_eq!(common::read(&device(), there, 500), self::numbers(500, 3));
    }
    seen(PinnedMemory::new(&device()), |memory, at| memory.on_device(at).number());
    if let Ok(managed) = ManagedMemory::new(&device()) {
        seen(managed, |memory, at| memory.on_device(at).number());
    }
}

#[test]
fn one_type_is_either_memory() {
    let device = DeviceMemory::new(&device()).unwrap();
    let host = HostOrDevice::Host(HostMemory);
    let there = HostOrDevice::<HostMemory>::Device(device.clone());
    assert_eq!(check(&there, &host, 5000), Route::To);
    assert_eq!(check(&host, &there, 5000), Route::From);
    assert_eq!(check(&there, &device, 5000), Route::Peer);
    let numbers = MemSlice::from_slice(&[1_u8, 2, 3], &there).unwrap();
    let mut byte = 0;
    // SAFETY: there is room, and the address is refused.
    let mixed_up = unsafe { host.copy_from(&raw mut byte, numbers.address(), 1) };
    assert_eq!(mixed_up, Err(MemoryError::BadAddress));
    assert!(host.host(numbers.address()).is_none());
    assert!(matches!(numbers.address(), HostOrDeviceAddress::Device(_)));
    assert_eq!(there.id(), device.id());
}
