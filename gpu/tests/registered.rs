//! Shared memory that devices use, too: what one side writes the other finds at the same offset,
//! in every process, and no page is taken away from under a device.

mod common;

use std::alloc::Layout;
use std::process::Command;
use std::sync::Arc;

use anymem::allocator::{Allocator, ThreadLocalAllocator};
use anymem::backend::{AnyBackend, Backend, MemfdBackend, MmapBackend, ShmBackend};
use anymem::container::ShmBox;
use anymem::memory::{HeapMemory, MemRead, MemRef, MemSlice, MemWrite, Route};
use anymem::offset::{AllocatorId, Offset};
use anymem::segment::Config;
use anymem::thread::{Context, PthreadModel};
use anymem::{HeapError, HeapOptions, SharedHeap, Size};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::{Device, DeviceAddress, DeviceMemory, GpuError, RegisterError};
use anymem_gpu::{Registered, RegisteredHeap};
use anymem_gpu_sim::{Call, Machine, Options, SimError};
use common::device;

#[test]
fn on_all_drivers() {
    common::everywhere();
}

const SIZE: usize = 4 << 20;

/// Several devices of one machine in software, whose addresses of registered memory are the
/// processor's, or are not.
fn several(same_address: bool) -> (Arc<Machine>, [Device; 2]) {
    let options = Options { devices: 2, memory: 8 << 20, same_address, ..Options::default() };
    let driver = SimDriver::new(options).unwrap();
    let devices = [0, 1].map(|number| Device::with_driver(driver.clone(), number).unwrap());
    (driver.machine().clone(), devices)
}

/// What a device sees at an address.
fn seen(device: &Device, at: DeviceAddress, len: usize) -> Vec<u8> {
    common::read(device, at.number(), len)
}

/// Writes on the one side and finds it on the other, at several offsets.
fn both_sides_see_the_same<B: Backend>(memory: &Registered<B>) {
    for (n, device) in memory.devices().cloned().collect::<Vec<_>>().iter().enumerate() {
        let base = memory.device_base(device).unwrap();
        for at in [0, 4096, 70_001, memory.len() - 100] {
            // SAFETY: the test alone has the span.
            let here = unsafe { memory.base().add(at) };
            let there = memory.on_device(device, Offset::new(at), 100).unwrap();
            assert_eq!(there.number() - base.number(), at as u64);
            // SAFETY: as above.
            unsafe { here.write_bytes(n as u8 + 1, 100) };
            assert_eq!(seen(device, there, 100), [n as u8 + 1; 100]);
            common::write(device, there.number(), &[n as u8 + 7; 50]);
            // SAFETY: as above.
            assert_eq!(
                unsafe { here.add(49).cast::<[u8; 2]>().read() },
                [n as u8 + 7, n as u8 + 1]
            );
        }
        assert_eq!(memory.on_device(device, Offset::new(memory.len() - 99), 100), None);
        assert_eq!(memory.on_device(device, Offset::new(1), usize::MAX), None);
    }
}

#[test]
fn any_kind_of_memory_can_be_registered() {
    let device = device();
    let memfd = MemfdBackend::create("registered", Size::bytes(SIZE)).unwrap();
    both_sides_see_the_same(&Registered::new(memfd, [&device]).unwrap());
    let shm = ShmBackend::create("gpu.registered.any", Size::bytes(SIZE)).unwrap();
    both_sides_see_the_same(&Registered::new(shm, [&device]).unwrap());
    let private = MmapBackend::new(Size::bytes(SIZE)).unwrap();
    both_sides_see_the_same(&Registered::new(private, [&device]).unwrap());
}

#[test]
fn several_devices_have_addresses_of_their_own() {
    for same_address in [true, false] {
        let (machine, devices) = several(same_address);
        let backend = MemfdBackend::create("several", Size::bytes(SIZE)).unwrap();
        let host = backend.base().addr().get() as u64;
        let memory = Registered::new(backend, &devices).unwrap();
        both_sides_see_the_same(&memory);
        let at_host = |it: &Device| memory.device_base(it).unwrap().number() == host;
        assert_eq!(devices.each_ref().map(at_host), [same_address; 2]);
        assert_eq!(machine.calls(Call::Register), 1, "once for all of them");
        assert_eq!(memory.device_base(&device()), None, "of another driver");
        drop(memory);
        assert_eq!(machine.calls(Call::Unregister), 1);
    }
}

#[test]
fn what_cannot_be_registered_is_as_before() {
    let (machine, devices) = several(true);
    let memfd = || MemfdBackend::create("refused", Size::bytes(SIZE)).unwrap();
    machine.fail(Call::Register, 0, 1, SimError::Invalid { what: "luck" });
    let refused = Registered::new(memfd(), &devices).unwrap_err();
    assert!(matches!(refused, RegisterError::Gpu(GpuError::Driver { .. })), "{refused}");
    // The second device does not find it: then the first one does not have it either.
    machine.fail(Call::Ask, 0, 1, SimError::Invalid { what: "luck" });
    assert!(Registered::new(memfd(), &devices).is_err());
    assert_eq!((machine.calls(Call::Register), machine.calls(Call::Unregister)), (2, 1));
    assert!(Registered::new(memfd(), &devices).is_ok());
}

type Heap<B> = ThreadLocalAllocator<Registered<B>, PthreadModel>;

/// A heap in a registered backend keeps its pages, though it was not told to.
#[test]
fn heaps_in_registered_memory_are_resident() {
    let device = device();
    let backend = MmapBackend::new(Size::bytes(SIZE)).unwrap();
    let config = Config::new(AllocatorId::new(8, 1));
    let memory = Registered::new(backend, [&device]).unwrap();
    let heap = Heap::create(memory, PthreadModel, &config).unwrap();
    let layout = Layout::from_size_align(1 << 20, 4096).unwrap();
    let at = heap.allocate(Context::DEFAULT, layout).unwrap();
    let there = heap.backend().on_device(&device, at, layout.size()).unwrap();
    common::write(&device, there.number(), &[9; 4096]);
    // SAFETY: the block is live, and freed once.
    unsafe { heap.free(Context::DEFAULT, at, layout) }.unwrap();
    assert_eq!(heap.trim(Context::DEFAULT), 0);
    let same = heap.allocate(Context::DEFAULT, layout).unwrap();
    assert_eq!(same, at);
    assert_eq!(seen(&device, there, 4096), [9; 4096], "the same pages");
    // Nor does it when its kind is forgotten.
    assert!(heap.segment().is_resident());
    assert!(!AnyBackend::new(MmapBackend::new(Size::mib(1)).unwrap()).resident());
}

/// The name of a heap, which goes with this.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        SharedHeap::unlink(&self.0).unwrap();
    }
}

fn heap(of: &str) -> (Named, SharedHeap) {
    let name = format!("gpu.registered.{of}.{}", std::process::id());
    let heap = HeapOptions::new().resident(true).create(&name, Size::bytes(SIZE)).unwrap();
    (Named(name), heap)
}

#[test]
fn heaps_that_give_memory_back_are_refused() {
    let heap = HeapOptions::new().create_memfd("gives", Size::bytes(SIZE)).unwrap();
    let refused = RegisteredHeap::new(heap, [&device()]).unwrap_err();
    assert!(matches!(refused, RegisterError::NotResident { name } if name == "gives"));
}

#[test]
fn handles_of_a_heap_share_what_is_registered() {
    let (machine, devices) = several(true);
    let (name, heap) = heap("shared");
    let both = RegisteredHeap::new(heap.clone(), &devices).unwrap();
    let one = RegisteredHeap::new(SharedHeap::open(&name.0).unwrap(), &devices[..1]).unwrap();
    assert_eq!(one.device_base(&devices[0]), both.device_base(&devices[0]));
    assert_eq!(one.device_base(&devices[1]), None);
    drop(both);
    assert_eq!(seen(&devices[0], one.device_base(&devices[0]).unwrap(), 6), *b"anymem");
    // SAFETY: nothing in it is in use; and it is refused.
    let busy = unsafe { heap.detach() };
    assert!(matches!(busy, Err(HeapError::InUse { .. })));
    assert_eq!((machine.calls(Call::Register), machine.calls(Call::Unregister)), (1, 0));
    let heap = one.heap().clone();
    drop(one);
    assert_eq!(machine.calls(Call::Unregister), 1);
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.unwrap();
}

/// Objects of core's, in a heap that the device has, too.
#[test]
fn objects_of_a_heap_are_copied_and_found_by_the_device() {
    let device = device();
    let (name, heap) = heap("objects");
    let heap = RegisteredHeap::new(heap, [&device]).unwrap();
    let shared = HeapMemory::from_ref(heap.heap());
    let numbers = MemSlice::from_slice(&[1_u32, 2, 3, 4], shared).unwrap();
    let memory = DeviceMemory::new(&device).unwrap();
    let (mut copy, route) = numbers.to_memory(&memory).unwrap();
    assert_eq!(route, Route::To);
    copy.update_each(|_, it| *it *= 10).unwrap();
    let mut back = MemSlice::<u32, _>::zeroed(4, shared).unwrap();
    assert_eq!(back.assign(&copy), Ok(Route::From));
    assert_eq!(back.as_slice(), [10, 20, 30, 40]);
    // The device sees the heap's own bytes, as elements of its memory.
    let at = heap.on_device(&device, back.address().offset(), 16).unwrap();
    // SAFETY: they are there, initialised, and nobody writes them meanwhile.
    let there = unsafe { MemRef::<u32, _>::from_raw(&memory, at, 4) };
    assert_eq!(there.get(3), Ok(40));
    let first = core::ptr::NonNull::from(&back.as_slice()[1]).cast();
    let second = heap.pointer_on_device(&device, first, 4).unwrap();
    assert_eq!(second.number() - at.number(), 4);
    let elsewhere = core::ptr::NonNull::from(&name).cast();
    assert_eq!(heap.pointer_on_device(&device, elsewhere, 1), None);
}

const HEAP: &str = "ANYMEM_GPU_TEST_HEAP";
const DOES: &str = "ANYMEM_GPU_TEST_DOES";

/// Another process that does something with the heap.
fn other(heap: &str, does: &str) {
    let mut command: Command = common::this_program();
    let command = command.args(["--exact", "peer", "--nocapture"]);
    let status = command.env(HEAP, heap).env(DOES, does).status().unwrap();
    assert!(status.success(), "{does}");
}

/// What the other processes do.
#[test]
fn peer() {
    let Ok(name) = std::env::var(HEAP) else { return };
    let does = std::env::var(DOES).unwrap();
    let options = HeapOptions::new();
    let heap = match &*does {
        "reads" => options.open_read_only(&name),
        _ => options.open(&name),
    };
    let heap = heap.unwrap();
    // SAFETY: nobody changes the box itself, or frees it.
    let value = unsafe { heap.root_to_read::<ShmBox<[u8; 5000]>>("value") }.unwrap();
    let value = value.get().unwrap();
    let at = heap.offset_of(core::ptr::NonNull::from(value).cast()).unwrap();
    match &*does {
        "reads" | "writes" => {
            let device = device();
            let registered = RegisteredHeap::new(heap.clone(), [&device]);
            if let (Err(RegisterError::Gpu(GpuError::Unsupported { what, .. })), "reads") =
                (&registered, &*does)
            {
                return common::without(what);
            }
            let registered = registered.unwrap();
            let there = registered.on_device(&device, at, 5000).unwrap();
            assert_eq!(seen(&device, there, 5000), [1; 5000]);
            if does == "writes" {
                common::write(&device, there.number(), &[2; 5000]);
                assert_eq!(*value, [2; 5000]);
            }
        }
        "trims" => {
            // Much is used, and free again, by who knows of no device.
            let layout = Layout::from_size_align(1 << 20, 64).unwrap();
            let block = heap.allocate(Context::DEFAULT, layout).unwrap();
            // SAFETY: the block is live, and freed once.
            unsafe { heap.free(Context::DEFAULT, block, layout) }.unwrap();
            assert_eq!(heap.trim(), 0);
        }
        _ => panic!("{does}"),
    }
}

#[test]
fn each_process_has_the_same_bytes_at_the_same_offsets() {
    let device = device();
    let (name, heap) = heap("processes");
    let heap = RegisteredHeap::new(heap, [&device]).unwrap();
    let value = heap.root_or_create("value", |it| ShmBox::new_in([1_u8; 5000], it)).unwrap();
    let value = value.get().unwrap();
    let at = heap.offset_of(core::ptr::NonNull::from(value).cast()).unwrap();
    let there = heap.on_device(&device, at, 5000).unwrap();
    other(&name.0, "reads");
    assert_eq!(seen(&device, there, 5000), [1; 5000]);
    other(&name.0, "writes");
    assert_eq!(seen(&device, there, 5000), [2; 5000]);
    assert_eq!(*value, [2; 5000]);
}

/// The pages that a device has are those of the heap, whoever trims it.
#[test]
fn nobody_takes_pages_away_from_a_device() {
    let device = device();
    let (name, heap) = heap("trimmed");
    let heap = RegisteredHeap::new(heap, [&device]).unwrap();
    heap.root_or_create("value", |it| ShmBox::new_in([1_u8; 5000], it)).unwrap();
    let layout = Layout::from_size_align(1 << 20, 64).unwrap();
    let at = heap.allocate(Context::DEFAULT, layout).unwrap();
    // SAFETY: the block is live, and freed once.
    unsafe { heap.free(Context::DEFAULT, at, layout) }.unwrap();
    other(&name.0, "trims");
    assert_eq!(heap.trim(), 0);
    // What is written here now, the device sees, for the pages are the same.
    let here = heap.resolve(at, layout.size()).unwrap();
    // SAFETY: nobody else has the heap, and so nobody the free block.
    unsafe { here.write_bytes(0x5a, layout.size()) };
    let there = heap.on_device(&device, at, layout.size()).unwrap();
    assert_eq!(seen(&device, there, layout.size()), vec![0x5a; layout.size()]);
    let list = SharedHeap::list().unwrap();
    let info = list.iter().find(|it| it.name == name.0).expect("listed");
    assert!(info.committed >= info.size, "all of it is there");
}
