//! Global allocators as allocators of collections: by reference, for their memory may be
//! inside of them.

use core::alloc::GlobalAlloc;

use lock_api::RawMutex;

use super::Global;
use crate::global::{ArenaAlloc, KernelAlloc, OneThread, RegionAlloc};
use crate::impl_allocator_api;

impl_allocator_api!(
    [const N: usize, L: RawMutex] &ArenaAlloc<N, L>, |heap| Global(*heap)
);
impl_allocator_api!(
    [L: RawMutex, const REGIONS: usize] &RegionAlloc<L, REGIONS>, |heap| Global(*heap)
);
impl_allocator_api!(
    [const CPUS: usize, const SHIFT: u32, const REGIONS: usize] &KernelAlloc<CPUS, SHIFT, REGIONS>,
    |heap| Global(*heap)
);
impl_allocator_api!([A: GlobalAlloc] &OneThread<A>, |heap| Global(*heap));
