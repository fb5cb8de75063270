//! What a stream does with memory comes after what any stream was asked to do with it before.
//!
//! Streams are stepped by hand, in any order. Each block is filled with a number of its own
//! after it was allocated, and read at its ends before it is freed; both when the streams get
//! there. So memory that is handed out too soon shows as a wrong number. Beside that:
//!
//! - blocks that are live do not overlap, and are aligned as they were asked for;
//! - what is counted is what is live.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use anymem_gpu::driver::Direction;
use anymem_gpu::pool::{DevicePool, StreamPool};
use anymem_gpu::{Device, DeviceAddress, Stream};
use anymem_gpu_sim::Completion;
use proptest::prelude::*;

use super::device::{Sim, small};

const STREAMS: usize = 3;

/// Reads that there can be.
const READS: usize = 4096;

#[derive(Debug, Clone)]
enum Action {
    Allocate {
        stream: usize,
        size: usize,
        align: usize,
    },
    /// Frees a live block on its own stream.
    Free(usize),
    /// Another stream reads a live block, and the pool is told.
    Use(usize, usize),
    /// Another stream reads a live block and frees it.
    FreeElsewhere(usize, usize),
    /// A stream does that many of its commands.
    Step(usize, usize),
    Settle,
    Trim,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let size = prop_oneof![1_usize..2000, 2000_usize..60_000, 60_000_usize..300_000];
    let allocate = (0..STREAMS, size, 0_u32..13);
    let allocate = allocate.prop_map(|(stream, size, align)| Action::Allocate {
        stream,
        size,
        align: 1 << align,
    });
    let one = prop_oneof![
        8 => allocate,
        6 => any::<usize>().prop_map(Action::Free),
        2 => (any::<usize>(), 0..STREAMS).prop_map(|(block, stream)| Action::Use(block, stream)),
        2 => (any::<usize>(), 0..STREAMS).prop_map(|(block, on)| Action::FreeElsewhere(block, on)),
        6 => (0..STREAMS, 1_usize..8).prop_map(|(stream, steps)| Action::Step(stream, steps)),
        1 => Just(Action::Settle),
        1 => Just(Action::Trim),
    ];
    prop::collection::vec(one, 1..120)
}

struct Live {
    address: DeviceAddress,
    size: usize,
    stream: usize,
    mark: u8,
}

/// A pool whose blocks are written and read.
struct Bench {
    sim: Sim,
    pool: DevicePool,
    pools: Vec<StreamPool>,
    live: Vec<Live>,
    marks: u8,
    /// Where reads go to, and what they should find.
    seen: NonNull<u8>,
    expected: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let sim = Sim::new(2 << 20, Completion::ByHand);
        let pool = small().build(&sim.device).expect("a pool");
        let stream = |_| pool.on(&Stream::new(&sim.device).expect("a stream")).expect("its pool");
        let pools = (0..STREAMS).map(stream).collect();
        let seen = sim.device.driver().allocate_pinned(0, READS).expect("memory");
        Self { sim, pool, pools, live: Vec::new(), marks: 0, seen, expected: Vec::new() }
    }

    fn stream(&self, index: usize) -> &Stream {
        self.pools[index].stream()
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Allocate { stream, size, align } => self.allocate(stream, size, align),
            Action::Free(pick) => {
                if let Some(block) = self.pick(pick).map(|index| self.live.swap_remove(index)) {
                    self.read(block.stream, &block);
                    self.free(block.stream, block.address);
                }
            }
            Action::Use(pick, stream) => {
                if let Some(index) = self.pick(pick) {
                    let block = self.live.swap_remove(index);
                    self.follow(stream, block.stream);
                    self.read(stream, &block);
                    let told = self.pools[0].use_on(block.address, self.stream(stream));
                    told.expect("a live block");
                    self.live.push(block);
                }
            }
            Action::FreeElsewhere(pick, stream) => {
                if let Some(block) = self.pick(pick).map(|index| self.live.swap_remove(index)) {
                    self.follow(stream, block.stream);
                    self.read(stream, &block);
                    self.free(stream, block.address);
                }
            }
            Action::Step(stream, steps) => {
                let stream = anymem_gpu_sim::Stream::of(self.stream(stream).id().raw());
                for _ in 0..steps {
                    self.sim.machine().step(stream);
                }
            }
            Action::Settle => self.pool.settle().expect("settled"),
            Action::Trim => drop(self.pool.trim(0).expect("trimmed")),
        }
    }

    fn pick(&self, pick: usize) -> Option<usize> {
        pick.checked_rem(self.live.len())
    }

    fn allocate(&mut self, stream: usize, size: usize, align: usize) {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let Ok(address) = self.pools[stream].allocate(layout) else {
            return self.check_shortage(size);
        };
        assert!(address.number().is_multiple_of(align as u64), "{address:?} for {align}");
        self.marks = self.marks.wrapping_add(1);
        let block = Live { address, size, stream, mark: self.marks };
        let (driver, id) = (self.sim.device.driver(), self.stream(stream).id());
        // SAFETY: the block is new, as long, and the stream's.
        let filled = unsafe { driver.fill(0, Some(id), address.number(), block.mark, block.size) };
        filled.expect("asked for");
        self.live.push(block);
    }

    /// Nothing is found only where there is no room: whatever is free is too short.
    fn check_shortage(&self, size: usize) {
        let needed = size + size / 4 + (64 << 10);
        let parts = self.pool.snapshot().parts;
        let free = parts.iter().filter(|part| !part.is_taken).map(|part| part.bytes).max();
        let (of_device, _) = self.sim.device.free_and_total().expect("known");
        assert!(free.unwrap_or(0) < needed && of_device < needed, "{free:?} and {of_device}");
        assert_eq!(self.pool.stats().parked, 0);
    }

    /// Lets a stream go on after what another was asked for.
    fn follow(&self, stream: usize, other: usize) {
        let event = self.stream(other).record().expect("recorded");
        self.stream(stream).wait(&event).expect("waits");
    }

    /// Lets a stream read the first and the last byte of a block.
    fn read(&mut self, stream: usize, block: &Live) {
        for at in [0, block.size - 1] {
            if self.expected.len() == READS {
                return;
            }
            let to = self.seen.as_ptr().addr() + self.expected.len();
            let (driver, id) = (self.sim.device.driver(), self.stream(stream).id());
            let from = block.address.number() + at as u64;
            // SAFETY: a byte of the block, and one of ours that nobody else writes.
            let copied = unsafe { driver.copy(0, Some(id), to as u64, from, 1, Direction::ToHost) };
            copied.expect("asked for");
            self.expected.push(block.mark);
        }
    }

    fn free(&self, stream: usize, address: DeviceAddress) {
        super::device::free(&self.pools[stream], address).expect("a live block");
    }

    fn check_books(&self) {
        let mut ends = BTreeMap::new();
        for block in &self.live {
            ends.insert(block.address.number(), block.address.number() + block.size as u64);
        }
        let ranges: Vec<_> = ends.into_iter().collect();
        for pair in ranges.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "blocks overlap: {pair:?}");
        }
        let stats = self.pool.stats();
        assert_eq!(stats.blocks, self.live.len() + stats.parked);
        assert!(stats.used <= stats.taken && stats.taken <= stats.reserved, "{stats:?}");
        assert!(stats.reserved <= self.sim.device.held());
        let parts = self.pool.snapshot().parts;
        assert_eq!(parts.iter().map(|part| part.bytes).sum::<usize>(), stats.reserved);
        for pair in parts.windows(2) {
            assert!(pair[0].address.number() + pair[0].bytes as u64 <= pair[1].address.number());
        }
    }

    /// Lets all streams finish, and looks at what was read.
    fn check_reads(&self) {
        self.sim.device.synchronize().expect("done");
        for (index, mark) in self.expected.iter().enumerate() {
            // SAFETY: there are so many bytes, which nobody writes any more.
            let seen = unsafe { self.seen.add(index).read() };
            assert_eq!(seen, *mark, "read {index} found another block's bytes");
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: allocated by `new`, and the streams are done.
        let _ = unsafe { self.sim.device.driver().free_pinned(0, self.seen) };
    }
}

proptest! {
    #[test]
    fn memory_is_handed_out_in_the_order_of_streams(actions in actions()) {
        let mut bench = Bench::new();
        for action in actions {
            bench.act(action);
            bench.check_books();
        }
        bench.check_reads();
        for block in std::mem::take(&mut bench.live) {
            bench.free(block.stream, block.address);
        }
        bench.check_reads();
        bench.pool.settle().expect("settled");
        bench.pool.trim(0).expect("trimmed");
        let stats = bench.pool.stats();
        prop_assert_eq!((stats.blocks, stats.reserved), (0, 0));
        prop_assert_eq!(bench.sim.device.held(), 0);
    }
}

#[test]
fn a_device_of_another_pool_is_refused() {
    let (one, other) = (Sim::new(1 << 20, Completion::Eager), Sim::new(1 << 20, Completion::Eager));
    let pool = small().build(&one.device).expect("a pool");
    let stream = Stream::new(&other.device).expect("a stream");
    assert!(pool.on(&stream).is_err());
    let _: &Device = pool.device();
}
