//! What a device pool has counted.

use std::sync::Arc;

use anymem::pool::Pool;

use super::bank::Bank;
use super::lane::Lane;
use crate::driver::StreamId;

/// What a device pool has counted; each number was true at some moment of the count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DevicePoolStats {
    /// Bytes of the blocks that are handed out.
    pub used: usize,
    /// Blocks that are handed out.
    pub blocks: usize,
    /// Bytes that the streams have: their slabs and large blocks.
    pub taken: usize,
    /// Bytes that the pool has of the driver.
    pub reserved: usize,
    /// The most there ever were of these.
    pub peak_reserved: usize,
    /// Blocks that were freed and wait for other streams which used them.
    pub parked: usize,
    /// How often a stream took what another had given up: an event and a wait each.
    pub steals: usize,
    /// How many regions were had of the driver.
    pub growths: usize,
    /// The same, by stream.
    pub streams: Vec<StreamStats>,
}

/// What one stream has of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamStats {
    /// The stream.
    pub stream: StreamId,
    /// Bytes of the blocks that are handed out.
    pub used: usize,
    /// Blocks that are handed out.
    pub blocks: usize,
    /// Bytes of its slabs and large blocks.
    pub taken: usize,
    /// The most there ever were of these.
    pub peak: usize,
    /// Bytes that it has given up, and that are its own until another takes them.
    pub free: usize,
}

impl StreamStats {
    pub(super) fn of(lane: &Lane, bank: &Arc<Bank>) -> Self {
        let (stats, usage) = (lane.pool.stats(), lane.pool.provider().usage());
        Self {
            stream: lane.stream.id(),
            used: stats.used,
            blocks: stats.blocks,
            taken: usage.current,
            peak: usage.peak,
            free: bank.free_of(lane.index),
        }
    }
}
