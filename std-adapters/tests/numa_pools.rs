//! Pools whose memory is on the nodes that were asked for.

mod nodes;

use core::alloc::Layout;
use std::sync::Arc;

use anymem::Size;
use anymem::numa::{MemPolicy, NodeHeaps, NodeId, current_node};
use anymem::pool::{
    DisjointOptions, LinkedListPool, Pool, ProxyOptions, ScalablePagePool, ThreadLocalPool, Tracked,
};
use anymem::provider::{OsProvider, Span};
use nodes::{PAGE, host, machine, nodes, on_each_node, only, touch};

const SIZE: Size = Size::mib(8);

/// Whether blocks are on the node.
fn allocates_on(node: NodeId, pool: &dyn Pool) {
    let layout = Layout::from_size_align(3 * PAGE, PAGE).expect("a layout");
    let blocks = [(); 8].map(|()| pool.allocate(layout).expect("memory"));
    for block in blocks {
        let span = Span::new(block, layout.size());
        touch(span);
        assert!(nodes(span).iter().all(|found| *found == node), "{}", pool.name());
    }
    for block in blocks {
        // SAFETY: the block is live, and not used afterwards.
        unsafe { pool.free(block) }.expect("live");
    }
}

/// (The Unified Memory Framework has the call, which is not implemented.)
#[test]
fn any_pool_can_be_made_from_a_memory_space() {
    for target in &host() {
        let memory = || {
            let os = OsProvider::new().expect("pages");
            let bound = only(target.id()).provider(MemPolicy::Bind, os).expect("fitting");
            Tracked::new(Arc::new(bound)).expect("memory")
        };
        let pools: [Box<dyn Pool>; 5] = [
            Box::new(ThreadLocalPool::new(memory(), SIZE).expect("room")),
            Box::new(ScalablePagePool::new(memory(), SIZE).expect("room")),
            Box::new(LinkedListPool::new(memory()).expect("memory")),
            Box::new(DisjointOptions::new().build(memory()).expect("sensible")),
            Box::new(ProxyOptions::new().build(memory())),
        ];
        pools.iter().for_each(|pool| allocates_on(target.id(), &**pool));
    }
}

#[test]
fn each_thread_finds_the_heap_of_its_node() {
    let heaps = NodeHeaps::new(&machine(), SIZE).expect("a heap on each node");
    on_each_node(|node| {
        assert_eq!(current_node(), node);
        if let Some(own) = heaps.on(node) {
            let near = heaps.for_current_node();
            assert!(core::ptr::eq(own, near));
            allocates_on(node, near);
        }
    });
    assert!(heaps.on(NodeId::new(1000)).is_none());
}

#[test]
fn there_is_a_heap_on_each_node_that_has_memory() {
    let heaps = NodeHeaps::new(&machine(), SIZE).expect("a heap on each node");
    for target in &host() {
        allocates_on(target.id(), heaps.on(target.id()).expect("memory"));
    }
}
