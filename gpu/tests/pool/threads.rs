//! Many threads, and streams that go on by themselves.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anymem_gpu::driver::Direction;
use anymem_gpu::pool::{DevicePool, StreamPool};
use anymem_gpu::{Device, DeviceAddress, Stream};
use anymem_gpu_sim::Completion;

use super::device::{Sim, bytes, free, small};

const ROUNDS: usize = 300;

/// For how long two that do not run may keep a third from memory.
const PATIENCE: Duration = Duration::from_secs(60);

fn pools(sim: &Sim, pool: &DevicePool, count: usize) -> Vec<StreamPool> {
    let stream = |_| pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    (0..count).map(stream).collect()
}

/// Fills a block by its stream, and reads it by that.
fn write_and_read(pool: &StreamPool, block: DeviceAddress, size: usize, mark: u8) {
    let (device, id): (&Device, _) = (pool.stream().device(), pool.stream().id());
    let mut seen = vec![0_u8; size];
    let to = seen.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: a block of that size which is the stream's, and the vector waits for the stream.
    unsafe {
        device.driver().fill(0, Some(id), block.number(), mark, size).expect("asked for");
        let from = block.number();
        device.driver().copy(0, Some(id), to, from, size, Direction::ToHost).expect("asked for");
    }
    pool.stream().synchronize().expect("done");
    assert!(seen.iter().all(|byte| *byte == mark), "somebody else wrote to the block");
}

#[test]
fn threads_share_a_stream_or_have_their_own() {
    for streams in [1, 4] {
        let sim = Sim::new(64 << 20, Completion::Background);
        let pool = small().build(&sim.device).expect("a pool");
        let pools = pools(&sim, &pool, streams);
        thread::scope(|scope| {
            let work = |thread: usize| {
                let pool = &pools[thread % streams];
                move || {
                    for round in 0..ROUNDS {
                        let size = 1 + (round * 7919 + thread * 31) % 100_000;
                        let block = pool.allocate(bytes(size)).expect("memory");
                        write_and_read(pool, block, size, (round + thread) as u8);
                        free(pool, block).expect("a live block");
                    }
                }
            };
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(work(thread))).collect();
            // Until they have ended, and so given back what they had at hand.
            threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        });
        assert_eq!(pool.stats().blocks, 0);
        pool.trim(0).expect("trimmed");
        assert_eq!(sim.device.held(), 0);
    }
}

#[test]
fn blocks_are_freed_by_other_threads_on_other_streams() {
    let sim = Sim::new(16 << 20, Completion::Background);
    let pool = small().build(&sim.device).expect("a pool");
    let pools = pools(&sim, &pool, 2);
    let (send, receive) = mpsc::sync_channel(8);
    thread::scope(|scope| {
        let [here, there] = [&pools[0], &pools[1]];
        scope.spawn(move || {
            for round in 0..ROUNDS {
                let size = 1 + (round * 7919) % 50_000;
                let block = here.allocate(bytes(size)).expect("memory");
                write_and_read(here, block, size, round as u8);
                let event = here.stream().record().expect("recorded");
                send.send((block, size, event)).expect("somebody frees");
            }
        });
        scope.spawn(move || {
            for (block, size, event) in receive {
                there.stream().wait(&event).expect("waits");
                write_and_read(there, block, size, 0xee);
                free(there, block).expect("a live block");
            }
        });
    });
    pool.settle().expect("settled");
    let stats = pool.stats();
    assert_eq!((stats.blocks, stats.parked), (0, 0));
}

#[test]
fn the_last_memory_is_fought_for_without_harm() {
    let sim = Sim::new(1 << 20, Completion::Background);
    let pool = small().build(&sim.device).expect("a pool");
    let pools = pools(&sim, &pool, 3);
    thread::scope(|scope| {
        let work = |pool| {
            move || {
                let pool: &StreamPool = pool;
                let (mut round, mut had, begun) = (0, false, Instant::now());
                // Until it had some, for two that do not run may have all that there is.
                while round < ROUNDS || !had {
                    assert!(had || begun.elapsed() < PATIENCE, "a thread never had any");
                    let size = 1 + (round * 104_729) % 400_000;
                    match pool.allocate(bytes(size)) {
                        Ok(block) => {
                            write_and_read(pool, block, size, round as u8);
                            free(pool, block).expect("a live block");
                            had = true;
                        }
                        Err(_) => thread::yield_now(),
                    }
                    round += 1;
                }
            }
        };
        let threads: Vec<_> = pools.iter().map(|pool| scope.spawn(work(pool))).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    });
    pool.trim(0).expect("trimmed");
    assert_eq!((pool.stats().reserved, sim.device.held()), (0, 0));
}
