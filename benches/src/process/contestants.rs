//! The allocators that are compared: **the one place that lists them**.
//!
//! Each is named in one line of [`all`]. The line's closure is compiled for
//! that allocator alone; the only indirect call is made once per sample.

use std::alloc::System;

use super::{
    limit::{self, List},
    peers::{MiMalloc, RpMalloc, TALC},
};
use crate::{
    Role,
    workloads::{Sample, Workload},
};

/// An allocator and the way to run a workload on it.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// The name in tables and in JSON.
    pub name: &'static str,
    /// What its figures are used for.
    pub role: Role,
    run: fn(&Workload, u64) -> Sample,
}

impl Contestant {
    /// Returns whether this contestant can do `workload`: the limit is one of
    /// small pairs only.
    pub(super) fn does(&self, workload: &Workload) -> bool {
        let small = matches!(workload, Workload::Pair(pair) if pair.size() <= limit::BLOCK);
        self.role != Role::Limit || small
    }

    /// Takes one sample of about `operations` operations.
    pub fn sample(&self, workload: &Workload, operations: u64) -> Sample {
        (self.run)(workload, operations)
    }
}

/// Returns every contestant, in the order of the table's columns.
pub fn all() -> Vec<Contestant> {
    use Role::Peer;

    let contestant = |name, role, run| Contestant { name, role, run };
    vec![
        contestant("anymem", Role::Private, |workload, n| workload.sample(&PRIVATE, n)),
        contestant("anymem-shared", Role::Shared, |workload, n| workload.sample(&SHARED, n)),
        contestant("glibc", Peer, |workload, n| workload.sample(&System, n)),
        contestant("mimalloc", Peer, |workload, n| workload.sample(&MiMalloc, n)),
        contestant("jemalloc", Peer, |workload, n| {
            workload.sample(&tikv_jemallocator::Jemalloc, n)
        }),
        contestant("snmalloc", Peer, |workload, n| workload.sample(&snmalloc_rs::SnMalloc, n)),
        contestant("rpmalloc", Peer, |workload, n| workload.sample(&RpMalloc, n)),
        contestant("talc", Peer, |workload, n| workload.sample(&TALC, n)),
        contestant("list", Role::Limit, |workload, n| workload.sample(&List, n)),
    ]
}

static PRIVATE: anymem::ShmAlloc = anymem::ShmAlloc::new();
static SHARED: anymem::ShmAlloc = anymem::ShmAlloc::memfd();
