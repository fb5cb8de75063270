//! One thread allocates, another frees.

use core::{
    alloc::GlobalAlloc,
    hint::{self, black_box},
    iter,
};
use std::{sync::Barrier, thread, time::Instant};

use rtrb::{Consumer, Producer, RingBuffer};

use super::{
    Sample,
    block::{Block, Blocks},
    processors::Place,
};

/// Blocks of 64 bytes go one way over a bounded ring.
///
/// They are handed over in batches, so that the ring's two index updates and
/// the cache misses on them are shared by 256 blocks.
#[derive(Debug)]
pub struct ProducerConsumer;

/// Bytes in a block.
const SIZE: usize = 64;
/// Blocks that are handed over at once.
pub(super) const BATCH: usize = 256;
/// Batches on their way at most.
const BATCHES: usize = 8;

impl ProducerConsumer {
    /// Times from the common start to the last free.
    pub(super) fn sample<A: GlobalAlloc + Sync>(&self, heap: &A, operations: u64) -> Sample {
        let batches = operations.div_ceil(BATCH as u64);
        let warm_up = batches.div_ceil(4);
        let (mut sender, mut receiver) = RingBuffer::new(BATCH * BATCHES);
        let barrier = Barrier::new(2);
        let elapsed = thread::scope(|scope| {
            scope.spawn(|| {
                Place::First.take();
                produce(Blocks::of(heap), &mut sender, warm_up);
                barrier.wait();
                produce(Blocks::of(heap), &mut sender, batches);
            });
            let consumer = scope.spawn(|| {
                Place::Second.take();
                consume(Blocks::of(heap), &mut receiver, warm_up);
                barrier.wait();
                let start = Instant::now();
                consume(Blocks::of(heap), &mut receiver, batches);
                start.elapsed()
            });
            consumer.join().expect("the consumer panicked")
        });
        Sample { operations: batches * BATCH as u64, elapsed }
    }
}

#[inline(never)]
fn produce<A: GlobalAlloc>(blocks: Blocks<'_, A>, ring: &mut Producer<Block>, batches: u64) {
    let size = black_box(SIZE);
    for batch in 0..batches {
        wait_until(|| ring.slots() >= BATCH);
        let room = ring.write_chunk_uninit(BATCH).expect("there is room for a batch");
        room.fill_from_iter(iter::repeat_with(|| {
            let block = blocks.allocate(size);
            block.write_word(batch);
            block
        }));
    }
}

#[inline(never)]
fn consume<A: GlobalAlloc>(blocks: Blocks<'_, A>, ring: &mut Consumer<Block>, batches: u64) {
    for _ in 0..batches {
        wait_until(|| ring.slots() >= BATCH);
        let chunk = ring.read_chunk(BATCH).expect("there is a batch");
        for block in chunk {
            black_box(block.read_word());
            blocks.free(block);
        }
    }
}

/// Waits for `ready`; lets other threads run where it takes long, for there may
/// be fewer processors than threads.
#[inline(always)]
fn wait_until(ready: impl Fn() -> bool) {
    let mut attempts = 0_u32;
    while !ready() {
        attempts += 1;
        if attempts.is_multiple_of(128) {
            thread::yield_now();
        } else {
            hint::spin_loop();
        }
    }
}
