//! What tests of NUMA share.
#![allow(dead_code, reason = "each of them uses a part")]

use std::thread;

use anymem::numa::{MemSpace, NodeId, Topology, nodes_of};
use anymem::provider::Span;

pub(crate) const PAGE: usize = 4096;

pub(crate) fn machine() -> Topology {
    Topology::of_machine().expect("a kernel with NUMA")
}

pub(crate) fn host() -> MemSpace {
    MemSpace::host_all(&machine())
}

pub(crate) fn only(node: NodeId) -> MemSpace {
    MemSpace::of_nodes(&machine(), [node]).expect("there")
}

/// Writes to each page.
pub(crate) fn touch(span: Span) {
    for at in (0..span.len).step_by(PAGE) {
        // SAFETY: the span is a test's own, and inside of its backend.
        unsafe { span.start.add(at).write(1) };
    }
}

/// The nodes of all pages, which have to be there.
pub(crate) fn nodes(span: Span) -> Vec<NodeId> {
    let found = nodes_of(span, PAGE).expect("told");
    found.into_iter().map(|node| node.expect("there")).collect()
}

/// Runs on a CPU of each node that has some.
pub(crate) fn on_each_node(run: impl Fn(NodeId) + Sync) {
    let machine = machine();
    thread::scope(|scope| {
        for node in machine.nodes().iter().filter(|node| !node.cpus.is_empty()) {
            let run = &run;
            scope.spawn(move || {
                stay_on(&node.cpus);
                run(node.id);
            });
        }
    });
}

fn stay_on(cpus: &[u32]) {
    // SAFETY: a set of no CPUs is all zeroes; the calls read and write the set alone.
    let result = unsafe {
        let mut set: libc::cpu_set_t = core::mem::zeroed();
        cpus.iter().for_each(|&cpu| libc::CPU_SET(cpu as usize, &mut set));
        libc::sched_setaffinity(0, size_of_val(&set), &set)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
