//! What anymem knows of addresses in the memories of devices, and which provider they are of.

mod common;

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anymem::backend::{Backend, MemfdBackend};
use anymem::memory::Memory;
use anymem::pool::{DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::{MemoryKind, Provider};
use anymem::{Properties, Size};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::pool::DeviceProviderOptions;
use anymem_gpu::{Device, DeviceAddress, DeviceMemory, ManagedMemory, PinnedMemory, Registered};
use anymem_gpu_sim::{Call, Options, SimError};
use common::{device, without, word};

#[test]
fn on_all_drivers() {
    common::everywhere();
}

/// A block of memory of some kind is known as such.
fn is_known(options: DeviceProviderOptions, kind: MemoryKind, name: &str) {
    let provider = match options.chunk(4 << 20).build(&device()) {
        Ok(provider) => Arc::new(provider),
        Err(error) => return common::without(&error.to_string()),
    };
    assert_eq!((provider.name(), provider.kind()), (name, kind));
    let memory = Tracked::new(provider).unwrap();
    let pool = PoolHandle::new(DisjointOptions::new().build(memory).unwrap());
    let block = pool.allocate(Layout::new::<[u64; 100]>()).unwrap();
    let inside = block.map_addr(|at| at.checked_add(400).unwrap());
    let found = Properties::of(inside).expect("a pool has it");
    assert_eq!(found.kind(), kind);
    assert_eq!(found.pool().map(|it| it.id()), Some(pool.id()));
    assert!(found.span().contains(block) && found.page_size() > 0);
    let number = (kind != MemoryKind::Host).then(|| device().number());
    assert_eq!(found.device(), number, "pinned memory is on none");
    // SAFETY: a live block, which nobody uses any more.
    unsafe { pool.free(block) }.unwrap();
}

#[test]
fn blocks_tell_what_memory_they_are_and_of_which_device() {
    is_known(DeviceProviderOptions::new(), MemoryKind::Device, "device");
    is_known(DeviceProviderOptions::new().managed(), MemoryKind::Managed, "managed");
    is_known(DeviceProviderOptions::new().pinned(), MemoryKind::Host, "pinned");
    is_known(DeviceProviderOptions::new().name("mine"), MemoryKind::Device, "mine");
}

/// What is known of a block, in its middle and at both of its ends, which is one thing.
fn known(at: u64, bytes: usize) -> Properties {
    let find = |offset: usize| DeviceAddress::new(at + offset as u64).properties();
    let found = find(bytes / 2).expect("it is known");
    for offset in [0, bytes - 1] {
        assert_eq!(find(offset).map(|it| (it.id(), it.span())), Some((found.id(), found.span())));
    }
    assert!(found.span().addr() as u64 <= at && found.span().end() as u64 >= at + bytes as u64);
    assert!(found.page_size().is_power_of_two());
    found
}

/// Far longer than a thread is kept from going on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody knows a block any more.
///
/// Where the driver numbers no blocks, one at the same address that another test's thread is just
/// making is taken for it, until that has been noted.
fn is_gone(at: u64, id: u64) -> bool {
    let start = Instant::now();
    loop {
        let is_gone = DeviceAddress::new(at).properties().is_none_or(|it| it.id() != id);
        if is_gone || start.elapsed() > PATIENCE {
            return is_gone;
        }
        thread::yield_now();
    }
}

const LAYOUT: Layout = Layout::new::<[u64; 1000]>();

/// A block of a memory is known as long as it is there.
fn is_known_in<M: Memory>(
    memory: &M,
    word: impl Fn(M::Address) -> u64,
    kind: MemoryKind,
    name: &str,
) {
    let number = (kind != MemoryKind::Host).then(|| device().number());
    let blocks: Vec<_> = (0..3).map(|_| memory.allocate(LAYOUT).expect("room")).collect();
    let mut ids: Vec<_> = blocks
        .iter()
        .map(|block| {
            let found = known(word(*block), LAYOUT.size());
            assert_eq!((found.kind(), found.device(), found.name()), (kind, number, name));
            assert!(found.is_own() && found.pool().is_none() && found.provider().is_none());
            assert!(found.peer().is_none());
            found.id()
        })
        .collect();
    for (block, id) in blocks.into_iter().zip(&ids) {
        // SAFETY: nobody uses it.
        unsafe { memory.free(block, LAYOUT) };
        assert!(is_gone(word(block), *id));
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn blocks_outside_of_pools_are_known_as_well() {
    let device = device();
    let own = DeviceMemory::new(&device).expect("made");
    is_known_in(&own, DeviceAddress::number, MemoryKind::Device, "device");
    let pinned = PinnedMemory::new(&device);
    is_known_in(&pinned, |at| word(at.as_ptr()), MemoryKind::Host, "pinned");
    match ManagedMemory::new(&device) {
        Ok(managed) => {
            is_known_in(&managed, |at| word(at.as_ptr()), MemoryKind::Managed, "managed");
        }
        Err(error) => without(&error.to_string()),
    }
}

#[test]
fn registered_pages_are_known_by_the_addresses_of_both_sides() {
    let device = device();
    if !device.attributes().expect("known").register {
        return without("registered memory");
    }
    let memory = MemfdBackend::create("known", Size::mib(1)).expect("made");
    let memory = Registered::new(memory, [&device]).expect("registered");
    let (here, len) = (word(memory.base().as_ptr()), memory.len());
    let there = memory.device_base(&device).expect("registered").number();
    let ids = [here, there].map(|at| {
        let found = known(at, len);
        assert_eq!((found.kind(), found.device()), (MemoryKind::Host, None));
        assert_eq!((found.name(), found.is_own()), ("registered", true));
        found.id()
    });
    drop(memory);
    assert!(is_gone(here, ids[0]) && is_gone(there, ids[1]));
}

#[test]
fn spans_of_providers_are_known_without_a_pool() {
    let device = device();
    let provider = DeviceProviderOptions::new().chunk(2 << 20).build(&device).expect("made");
    let span = provider.allocate(5 << 20, 4096).expect("room");
    let starts = [0, span.len - 1].map(|offset| {
        let at = DeviceAddress::new((span.addr() + offset) as u64);
        let found = at.properties().expect("it is known");
        assert_eq!((found.kind(), found.device()), (MemoryKind::Device, Some(device.number())));
        assert_eq!(found.page_size(), provider.min_page_size());
        (found.span().addr(), found.id())
    });
    // SAFETY: nobody uses it.
    unsafe { provider.free(span) }.expect("freed");
    assert!(starts.iter().all(|(at, id)| is_gone(*at as u64, *id)));
}

#[test]
fn drivers_are_asked_of_what_others_got_of_them() {
    let device = device();
    let (driver, bytes) = (device.driver(), LAYOUT.size());
    let block = driver.allocate(device.number(), bytes).expect("room");
    let found = known(block, bytes);
    assert_eq!((found.kind(), found.device()), (MemoryKind::Device, Some(device.number())));
    assert!(!found.is_own() && found.pool().is_none() && found.provider().is_none());
    assert_ne!(found.name(), "device");
    let id = found.id();
    let pinned = driver.allocate_pinned(device.number(), bytes).expect("room");
    let host = known(word(pinned.as_ptr()), bytes);
    assert_eq!((host.kind(), host.device(), host.is_own()), (MemoryKind::Host, None, false));
    assert_ne!(host.id(), id);
    // SAFETY: nobody uses them.
    unsafe {
        driver.free_pinned(device.number(), pinned).expect("freed");
        driver.free(device.number(), block).expect("freed");
    }
    assert!(is_gone(block, id) && is_gone(word(pinned.as_ptr()), host.id()));
    if device.attributes().expect("known").managed {
        let managed = driver.allocate_managed(device.number(), bytes).expect("room");
        assert_eq!(known(managed, bytes).kind(), MemoryKind::Managed);
        // SAFETY: nobody uses it.
        unsafe { driver.free(device.number(), managed) }.expect("freed");
    }
}

#[test]
fn other_memory_of_the_processor_is_nobodys() {
    let _open = device();
    let here = [0_u8; 64];
    assert!(Properties::of(NonNull::from(&here).cast()).is_none());
    assert!(DeviceAddress::new(0).properties().is_none());
    assert!(DeviceAddress::new(u64::MAX).properties().is_none());
}

/// The second device of a machine of its own.
fn second() -> (Arc<SimDriver>, Device) {
    let options = Options { devices: 2, memory: 8 << 20, ..Options::default() };
    let driver = SimDriver::new(options).expect("made");
    let device = Device::with_driver(driver.clone(), 1).expect("there are two");
    (driver, device)
}

#[test]
fn a_driver_that_fails_knows_nothing_and_own_blocks_are_known_without_it() {
    let (driver, device) = second();
    let memory = DeviceMemory::new(&device).expect("made");
    let own = memory.allocate(LAYOUT).expect("room");
    let foreign = device.driver().allocate(1, 4096).expect("room");
    // However often: other tests ask all drivers, this one too.
    driver.machine().fail(Call::Ask, 0, u64::MAX, SimError::Unsupported { what: "luck" });
    assert_eq!(known(own.number(), LAYOUT.size()).device(), Some(1));
    assert!(DeviceAddress::new(foreign).properties().is_none());
    driver.machine().clear_faults();
    assert_eq!(known(foreign, 4096).device(), Some(1));
}

#[test]
fn a_block_that_cannot_be_given_back_is_still_known() {
    let (driver, device) = second();
    let memory = DeviceMemory::new(&device).expect("made");
    let block = memory.allocate(LAYOUT).expect("room");
    let id = known(block.number(), LAYOUT.size()).id();
    driver.machine().fail(Call::Free, 0, 1, SimError::Unsupported { what: "luck" });
    // SAFETY: nobody uses it.
    unsafe { memory.free(block, LAYOUT) };
    let found = known(block.number(), LAYOUT.size());
    assert_eq!((found.id(), found.is_own()), (id, true));
}

#[test]
fn a_forked_child_is_told_nothing() {
    let memory = DeviceMemory::new(&device()).expect("made");
    let block = memory.allocate(LAYOUT).expect("room");
    // SAFETY: the child looks an address up, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let knows = block.properties().is_some();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(knows)) };
    }
    let mut status = -1;
    // SAFETY: the status is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child knows it");
    assert!(known(block.number(), LAYOUT.size()).is_own());
    // SAFETY: nobody uses it.
    unsafe { memory.free(block, LAYOUT) };
}

#[test]
fn pages_are_as_large_as_the_device_maps_them() {
    let granularity = device().attributes().unwrap().map_granularity;
    let provider = DeviceProviderOptions::new().build(&device()).unwrap();
    let page = provider.min_page_size();
    assert!(page.is_power_of_two());
    if let Some(granularity) = granularity {
        assert!(provider.recommended_page_size(1).is_multiple_of(page));
        assert!(granularity.is_multiple_of(page));
    }
    assert_eq!(provider.device(), Some(device().number()));
    assert!(!provider.touchable(), "the processor keeps away from it");
}
