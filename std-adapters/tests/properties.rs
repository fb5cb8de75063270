//! What is known of an address.

mod lacking;
mod pool_common;

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem::pool::{DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::{MemoryKind, OsOptions, OsProvider, Provider, Visibility};
use anymem::{Properties, ipc, numa};
use pool_common::Pages;

fn pool_of(provider: Arc<dyn Provider>) -> PoolHandle {
    let memory = Tracked::new(provider).expect("room");
    PoolHandle::new(DisjointOptions::new().build(memory).expect("a pool"))
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).expect("a layout")
}

/// Whether memory is gone. Another test may have mapped some there since.
fn is_gone(at: NonNull<u8>, id: u64) -> bool {
    Properties::of(at).is_none_or(|found| found.id() != id)
}

#[test]
fn a_block_is_its_pools_and_its_providers() {
    let provider: Arc<dyn Provider> = Arc::new(OsProvider::new().expect("a provider"));
    let pool = pool_of(provider.clone());
    let block = pool.allocate(layout(100)).expect("memory");
    let inside = block.map_addr(|at| at.saturating_add(99));
    for at in [block, inside] {
        let found = Properties::of(at).expect("it is a block");
        assert_eq!(found.pool().map(|it| it.id()), Some(pool.id()));
        assert!(found.provider().is_some_and(|it| Arc::ptr_eq(it, &provider)));
        assert!(found.span().contains(at) && found.span().len >= 65536, "the slab");
        assert_eq!((found.kind(), found.device()), (MemoryKind::Host, None));
        assert_eq!(found.page_size(), 4096);
        assert!(found.peer().is_none());
    }
    // SAFETY: nobody uses the block any more.
    unsafe { pool.free(block) }.expect("live");
}

#[test]
fn a_number_is_never_given_again() {
    let pool = pool_of(Arc::new(OsProvider::new().expect("a provider")));
    let mut seen = Vec::new();
    for _ in 0..10 {
        let block = pool.allocate(layout(8 << 20)).expect("memory");
        let id = Properties::of(block).expect("it is a block").id();
        assert!(!seen.contains(&id));
        seen.push(id);
        // SAFETY: nobody uses the block any more.
        unsafe { pool.free(block) }.expect("live");
        pool.trim(0);
        assert!(is_gone(block, id), "it is nobody's now");
    }
}

#[test]
fn an_address_of_nobody_has_none() {
    let here = 1_u8;
    assert!(Properties::of(NonNull::from(&here)).is_none());
    assert!(Properties::of(NonNull::dangling()).is_none());
}

#[test]
fn a_page_is_on_a_node_once_it_was_written() {
    let pool = pool_of(Arc::new(OsProvider::new().expect("a provider")));
    let block = pool.allocate(layout(4 << 20)).expect("memory");
    let untouched = block.map_addr(|at| at.saturating_add(3 << 20));
    // SAFETY: the block is that long, and nobody else's.
    unsafe { block.write(1) };
    let found = Properties::of(block).expect("it is a block");
    match found.node() {
        Some(_) => assert!(Properties::of(untouched).expect("it is a block").node().is_none()),
        None => {
            let page = anymem::provider::Span::new(block, 4096);
            let told = numa::nodes_of(page, 4096);
            assert!(told.is_err(), "the system tells: {told:?}");
            lacking::skip("numa", "system that tells where pages are");
        }
    }
    // SAFETY: nobody uses the block any more.
    unsafe { pool.free(block) }.expect("live");
}

#[test]
fn memory_that_the_cpu_does_not_touch_has_a_kind() {
    let pool = pool_of(Pages::device());
    let block = pool.allocate(layout(100)).expect("memory");
    let found = Properties::of(block).expect("it is a block");
    assert_eq!(found.kind(), MemoryKind::Device);
    // SAFETY: nobody uses the block any more.
    unsafe { pool.free(block) }.expect("live");
}

#[test]
fn memory_of_a_peer_is_known_while_it_is_mapped() {
    let options = OsOptions::new().visibility(Visibility::Shared);
    let pool = pool_of(Arc::new(options.build().expect("a provider")));
    let block = pool.allocate(layout(1000)).expect("memory");
    let handle = ipc::get_block(block).expect("it is shared");
    let opened = ipc::open(&handle).expect("it is offered");
    let found = Properties::of(opened.as_ptr()).expect("it is open");
    let own = Properties::of(block).expect("it is a block");
    assert!(found.pool().is_none() && found.provider().is_none());
    assert_eq!(found.peer().map(|it| it.pid), Some(std::process::id()));
    assert_ne!(found.id(), own.id());
    assert!(found.span().contains(opened.as_ptr()) && found.span().len >= own.span().len);
    assert_eq!((found.kind(), found.page_size()), (MemoryKind::Host, 4096));
    let (at, id) = (opened.as_ptr(), found.id());
    drop(opened);
    ipc::trim();
    assert!(is_gone(at, id));
    // SAFETY: nobody uses the block any more.
    unsafe { pool.free(block) }.expect("live");
}
