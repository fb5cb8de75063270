//! The blocks that were taken, and what they stand for.

use core::num::NonZero;
use core::ptr::NonNull;
use std::collections::HashMap;
use std::sync::Arc;

use super::countdown;

/// How much there is of something, estimated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Blocks.
    pub blocks: f64,
    /// The bytes that they were asked for with.
    pub bytes: f64,
}

impl Estimate {
    /// Adds what a block of `size` bytes that was taken stands for.
    fn add(&mut self, size: usize, rate: usize) {
        let blocks = 1.0 / countdown::probability(size, rate);
        self.blocks += blocks;
        self.bytes += blocks * size as f64;
    }
}

/// One way through the program that led to allocations.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSite {
    /// Addresses of the calls, innermost first; of deep ones the innermost 128.
    pub stack: Arc<[usize]>,
    /// What was allocated there so far.
    pub allocated: Estimate,
    /// What of that is still in use.
    pub live: Estimate,
}

/// A sampled block that is in use.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) stack: Arc<[usize]>,
    pub(super) size: usize,
}

#[derive(Debug, Default)]
pub(super) struct Samples {
    allocated: HashMap<Arc<[usize]>, Estimate>,
    /// By their addresses.
    live: HashMap<NonZero<usize>, Live>,
}

impl Samples {
    /// Notes that a block was allocated; its stack, as it is kept.
    pub(super) fn allocated(&mut self, frames: &[usize], size: usize, rate: usize) -> Arc<[usize]> {
        let known = self.allocated.get_key_value(frames).map(|(stack, _)| Arc::clone(stack));
        let stack = known.unwrap_or_else(|| Arc::from(frames));
        self.allocated.entry(Arc::clone(&stack)).or_default().add(size, rate);
        stack
    }

    /// Notes that a block is in use; what was noted at its address before.
    pub(super) fn insert(&mut self, block: NonNull<u8>, live: Live) -> Option<Live> {
        self.live.insert(block.addr(), live)
    }

    /// Forgets a block.
    pub(super) fn take(&mut self, block: NonNull<u8>) -> Option<Live> {
        self.live.remove(&block.addr())
    }

    /// All there is, by stack.
    pub(super) fn sites(&self, rate: usize) -> Vec<CallSite> {
        let mut live: HashMap<&[usize], Estimate> = HashMap::new();
        for block in self.live.values() {
            live.entry(&block.stack).or_default().add(block.size, rate);
        }
        let site = |(stack, &allocated): (&Arc<[usize]>, &Estimate)| CallSite {
            stack: Arc::clone(stack),
            allocated,
            live: live.get(&**stack).copied().unwrap_or_default(),
        };
        self.allocated.iter().map(site).collect()
    }
}
