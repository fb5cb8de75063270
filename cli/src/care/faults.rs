//! All faults of a heap.

use std::collections::HashSet;
use std::ops::ControlFlow;

use anymem::SharedHeap;
use anymem::allocator::{CachedBlock, Fault, Rule};

/// The most faults that are told one by one; further ones are counted.
const MOST: usize = 1000;

/// The most cached blocks that are compared with each other. More are in damaged
/// heaps, which have other faults as well.
const MOST_CACHED: usize = 1 << 24;

/// What is wrong in a heap.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The first ones.
    pub(super) told: Vec<Fault>,
    /// How many more there are.
    pub(super) more: usize,
}

impl Faults {
    /// Looks everywhere in `heap`.
    pub(super) fn of(heap: &SharedHeap) -> Self {
        let mut faults = Self::default();
        heap.allocator().for_each_fault(&mut |fault| {
            faults.add(fault);
            ControlFlow::Continue(())
        });
        let mut cached = HashSet::new();
        heap.allocator().for_each_cached(&mut |block| {
            if cached.len() < MOST_CACHED && !cached.insert(block.at) {
                faults.add(cached_twice(&block));
            }
        });
        faults
    }

    /// Keeps what was found in `heap` again.
    pub(super) fn and_still_in(mut self, heap: &SharedHeap) -> Self {
        let again = Self::of(heap);
        self.told.retain(|fault| again.told.contains(fault));
        self.more = self.more.min(again.more);
        self
    }

    pub(super) fn count(&self) -> usize {
        self.told.len() + self.more
    }

    fn add(&mut self, fault: Fault) {
        if self.told.len() < MOST {
            self.told.push(fault);
        } else {
            self.more += 1;
        }
    }
}

fn cached_twice(block: &CachedBlock) -> Fault {
    Fault {
        rule: Rule::CachedOnce,
        at: block.at,
        slab: None,
        slabs: 1,
        slot: Some(block.slot),
        class: Some(block.class),
        block: None,
    }
}
