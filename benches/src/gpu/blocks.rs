//! Blocks that come and go, whoever hands them out.

use core::{alloc::Layout, hint::black_box, ptr::NonNull};
use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use anymem::pool::{Pool, PoolHandle};
use anymem_gpu::{Device, DeviceAddress, Stream, pool::StreamPool};

use super::{job::Shape, target::said};
use crate::workloads::Rng;

/// Who hands out blocks.
pub(super) trait Blocks: Sync {
    type Block: Send;

    fn take(&self, bytes: usize) -> Result<Self::Block, String>;

    fn give(&self, block: Self::Block) -> Result<(), String>;
}

pub(super) type Sample<'a> = Box<dyn FnMut(u64) -> Result<f64, String> + 'a>;

/// Bytes of the block of a pair.
const PAIR: usize = 4096;

/// Bytes of blocks in a live set.
const LEAST: usize = 256;
const MOST: usize = 1 << 20;

/// How long a live set is made and replaced before anything is timed: until then pools grow.
const WARM_UP: Duration = Duration::from_millis(200);

/// A sample of blocks that come and go as `shape` says.
pub(super) fn sample<'a, B: Blocks + 'a>(blocks: B, shape: Shape) -> Sample<'a> {
    match shape {
        Shape::Pair => Box::new(move |operations| timed(operations, || pairs(&blocks, operations))),
        Shape::PairThreads => Box::new(move |operations| pairs_of_two(&blocks, operations)),
        Shape::Random(live) => random(blocks, live),
    }
}

fn timed(operations: u64, work: impl FnOnce() -> Result<(), String>) -> Result<f64, String> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e9 / operations as f64)
}

fn pairs<B: Blocks>(blocks: &B, operations: u64) -> Result<(), String> {
    (0..operations).try_for_each(|_| blocks.give(black_box(blocks.take(black_box(PAIR))?)))
}

/// Pairs by two threads at once: the time of the slower one, once both have had a block.
fn pairs_of_two<B: Blocks>(blocks: &B, operations: u64) -> Result<f64, String> {
    let both = Barrier::new(2);
    let work = || {
        let first = pairs(blocks, 1);
        both.wait();
        first.and_then(|()| timed(operations, || pairs(blocks, operations)))
    };
    let times = thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.map(|thread| thread.join().expect("no panic"))
    });
    times.into_iter().try_fold(0.0, |slower, time| Ok(time?.max(slower)))
}

/// Replaces a block of a live set, which is made by the first sample and stays.
fn random<'a, B: Blocks + 'a>(blocks: B, live: usize) -> Sample<'a> {
    let mut rng = Rng::new(live as u64);
    let mut set = LiveSet { blocks, live: Vec::new() };
    Box::new(move |operations| {
        let (is_first, start) = (set.live.is_empty(), Instant::now());
        while set.live.len() < live {
            let block = set.blocks.take(LEAST + rng.below(MOST - LEAST))?;
            set.live.push(Some(block));
        }
        let mut replace = |_| {
            let (at, bytes) = (rng.below(live), LEAST + rng.below(MOST - LEAST));
            set.replace(at, bytes)
        };
        while is_first && start.elapsed() < WARM_UP {
            (0..64).try_for_each(&mut replace)?;
        }
        timed(operations, || (0..operations).try_for_each(&mut replace))
    })
}

/// Blocks that are given back at the end.
struct LiveSet<B: Blocks> {
    blocks: B,
    live: Vec<Option<B::Block>>,
}

impl<B: Blocks> LiveSet<B> {
    fn replace(&mut self, at: usize, bytes: usize) -> Result<(), String> {
        let place = &mut self.live[at];
        place.take().map_or(Ok(()), |block| self.blocks.give(block))?;
        *place = Some(self.blocks.take(bytes)?);
        Ok(())
    }
}

impl<B: Blocks> Drop for LiveSet<B> {
    fn drop(&mut self) {
        for block in self.live.drain(..).flatten() {
            // Whoever fails here has failed before, and told it.
            let _ = self.blocks.give(block);
        }
    }
}

fn layout(bytes: usize) -> Result<Layout, String> {
    Layout::from_size_align(bytes, 1).map_err(said)
}

impl Blocks for StreamPool {
    type Block = DeviceAddress;

    #[inline]
    fn take(&self, bytes: usize) -> Result<DeviceAddress, String> {
        self.allocate(layout(bytes)?).map_err(said)
    }

    #[inline]
    fn give(&self, block: DeviceAddress) -> Result<(), String> {
        // SAFETY: a live block that nothing uses.
        unsafe { self.free(block) }.map_err(said)
    }
}

/// A block of the driver's own, for the device.
pub(super) struct Plain(pub(super) Device);

impl Blocks for Plain {
    type Block = u64;

    fn take(&self, bytes: usize) -> Result<u64, String> {
        self.0.driver().allocate(self.0.number(), bytes).map_err(said)
    }

    fn give(&self, block: u64) -> Result<(), String> {
        // SAFETY: a live block that nothing uses.
        unsafe { self.0.driver().free(self.0.number(), block) }.map_err(said)
    }
}

/// One in the order of a stream.
pub(super) struct Ordered(pub(super) Stream);

impl Blocks for Ordered {
    type Block = u64;

    fn take(&self, bytes: usize) -> Result<u64, String> {
        let (device, id) = (self.0.device(), self.0.id());
        device.driver().allocate_on(device.number(), id, bytes).map_err(said)
    }

    fn give(&self, block: u64) -> Result<(), String> {
        let (device, id) = (self.0.device(), self.0.id());
        // SAFETY: a live block that nothing uses.
        unsafe { device.driver().free_on(device.number(), id, block) }.map_err(said)
    }
}

/// A block that is the processor's as well.
#[derive(Clone, Copy)]
pub(super) struct HostBlock(NonNull<u8>);

// SAFETY: an address, which whoever has it may give back.
unsafe impl Send for HostBlock {}

impl Blocks for PoolHandle {
    type Block = HostBlock;

    #[inline]
    fn take(&self, bytes: usize) -> Result<HostBlock, String> {
        self.allocate(layout(bytes)?).map(HostBlock).map_err(said)
    }

    #[inline]
    fn give(&self, block: HostBlock) -> Result<(), String> {
        // SAFETY: a live block that nothing uses.
        unsafe { self.free(block.0) }.map_err(said)
    }
}

/// Pinned memory of the driver's own.
pub(super) struct PlainPinned(pub(super) Device);

impl Blocks for PlainPinned {
    type Block = HostBlock;

    fn take(&self, bytes: usize) -> Result<HostBlock, String> {
        self.0.driver().allocate_pinned(self.0.number(), bytes).map(HostBlock).map_err(said)
    }

    fn give(&self, block: HostBlock) -> Result<(), String> {
        // SAFETY: a live block that nothing uses.
        unsafe { self.0.driver().free_pinned(self.0.number(), block.0) }.map_err(said)
    }
}
