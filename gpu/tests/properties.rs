//! What anymem knows of addresses in the memories of devices, and which provider they are of.

mod common;

use std::alloc::Layout;
use std::sync::Arc;

use anymem::Properties;
use anymem::pool::{DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::{MemoryKind, Provider};
use anymem_gpu::pool::DeviceProviderOptions;
use common::device;

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
