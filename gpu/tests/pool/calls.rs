//! Which calls of the driver a pool makes, and how many.

use std::alloc::Layout;

use anymem::pool::{DisjointOptions, Pool, Tracked};
use anymem::provider::Provider;
use anymem_gpu::Stream;
use anymem_gpu::pool::{DevicePoolOptions, DeviceProviderOptions};
use anymem_gpu_sim::{Call, Completion, Options};

use super::device::{CHUNK, Sim, bytes, free, small};

#[test]
fn what_is_at_hand_takes_no_call() {
    let sim = Sim::new(64 << 20, Completion::Eager);
    let pool = DevicePoolOptions::new().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("a stream")).expect("its pool");
    let sizes = [1, 300, 5000, 70_000, 1 << 20];
    let once = || {
        for size in sizes {
            let block = stream.allocate(bytes(size)).expect("memory");
            free(&stream, block).expect("a live block");
        }
    };
    once();
    assert_eq!(sim.calls_of(|| (0..1000).for_each(|_| once())), 0);
}

#[test]
fn a_live_set_takes_calls_only_as_long_as_it_grows() {
    let sim = Sim::new(512 << 20, Completion::Eager);
    let pool = DevicePoolOptions::new().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("a stream")).expect("its pool");
    let size = |round: usize, index: usize| 256 + (round * 7919 + index * 104_729) % (256 << 10);
    let mut live: Vec<_> =
        (0..500).map(|at| stream.allocate(bytes(size(0, at))).expect("memory")).collect();
    let mut replace = |round| {
        for (at, block) in live.iter_mut().enumerate() {
            free(&stream, *block).expect("a live block");
            *block = stream.allocate(bytes(size(round, at))).expect("memory");
        }
    };
    (0..20).for_each(&mut replace);
    let calls = sim.calls_of(|| (20..40).for_each(&mut replace));
    assert!(calls <= 10, "{calls} calls for 10,000 blocks");
}

#[test]
fn all_that_another_stream_gave_up_is_an_event_and_a_wait() {
    // No more than the blocks need, so that there is nothing else to be had.
    let sim = Sim::new(CHUNK, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let [first, second] =
        [(); 2].map(|()| pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool"));
    let blocks = [(); 2].map(|()| first.allocate(bytes(100 << 10)).expect("memory"));
    blocks.iter().for_each(|block| free(&first, *block).expect("a live block"));
    let count = || [Call::Record, Call::Wait].map(|call| sim.machine().calls(call));
    let before = count();
    let blocks = [(); 2].map(|()| second.allocate(bytes(100 << 10)).expect("memory"));
    assert_eq!(count(), before.map(|calls| calls + 1));
    assert_eq!(pool.stats().steals, 1);
    blocks.iter().for_each(|block| free(&second, *block).expect("a live block"));
}

#[test]
fn many_blocks_that_others_use_are_an_event() {
    let sim = Sim::new(4 << 20, Completion::ByHand);
    let pool = small().build(&sim.device).expect("a pool");
    let [own, other] =
        [(); 2].map(|()| pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool"));
    let blocks: Vec<_> = (0..20).map(|_| own.allocate(bytes(256)).expect("memory")).collect();
    let calls = sim.calls_of(|| {
        for block in &blocks {
            own.use_on(*block, other.stream()).expect("a live block");
            free(&own, *block).expect("a live block");
        }
    });
    assert_eq!((calls, pool.stats().parked), (0, 20));
    let before = sim.machine().calls(Call::Record);
    pool.settle().expect("settled");
    assert_eq!(sim.machine().calls(Call::Record), before + 1);
    sim.device.synchronize().expect("done");
    pool.settle().expect("settled");
    assert_eq!(pool.stats().parked, 0);
}

#[test]
fn memory_comes_and_goes_by_chunks() {
    let sim = Sim::new(16 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("a stream")).expect("its pool");
    // Larger than a chunk: several of them, side by side.
    let blocks: Vec<_> =
        (0..4).map(|_| stream.allocate(bytes(3 * CHUNK / 2)).expect("memory")).collect();
    assert_eq!(sim.machine().calls(Call::Map), 6);
    assert_eq!(pool.stats().reserved, 6 * CHUNK);
    for block in blocks {
        free(&stream, block).expect("a live block");
    }
    // They have become one range.
    let large = stream.allocate(bytes(6 * CHUNK)).expect("memory");
    assert_eq!(sim.machine().calls(Call::Map), 6);
    assert_eq!(pool.trim(0), Ok(0));
    free(&stream, large).expect("a live block");
    assert_eq!(pool.trim(2 * CHUNK), Ok(4 * CHUNK));
    assert_eq!(pool.trim(0), Ok(2 * CHUNK));
    assert_eq!((pool.stats().reserved, sim.device.held()), (0, 0));
    assert_eq!(sim.device.free_and_total(), Ok((16 << 20, 16 << 20)));
}

#[test]
fn without_virtual_memory_there_are_the_drivers_own_blocks() {
    let options = Options { memory: 4 << 20, virtual_memory: false, ..Options::default() };
    let sim = Sim::with(options);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("a stream")).expect("its pool");
    let block = stream.allocate(bytes(1000)).expect("memory");
    assert_eq!(sim.machine().calls(Call::Map), 0);
    assert!(sim.machine().calls(Call::Allocate) > 0);
    free(&stream, block).expect("a live block");
    assert_eq!(pool.trim(0), Ok(CHUNK));
    assert_eq!(sim.device.free_and_total(), Ok((4 << 20, 4 << 20)));
}

#[test]
fn managed_memory_is_had_as_such() {
    let sim = Sim::new(4 << 20, Completion::Eager);
    let managed = DeviceProviderOptions::new().chunk(CHUNK).managed();
    let pool = small().memory(managed).build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("a stream")).expect("its pool");
    let block = stream.allocate_zeroed(Layout::new::<[u64; 100]>()).expect("memory");
    stream.stream().synchronize().expect("done");
    let numbers = std::ptr::with_exposed_provenance::<[u64; 100]>(block.number() as usize);
    // SAFETY: managed memory is the processor's as well, and the stream is done with it.
    assert_eq!(unsafe { numbers.read() }, [0; 100]);
    assert!(sim.machine().calls(Call::AllocateManaged) > 0);
    free(&stream, block).expect("a live block");
}

#[test]
fn any_pool_works_on_the_provider() {
    let sim = Sim::new(64 << 20, Completion::Eager);
    let provider = DeviceProviderOptions::new().build(&sim.device).expect("a provider");
    assert!(!provider.touchable());
    let memory = Tracked::new(std::sync::Arc::new(provider)).expect("few pools");
    let pool = DisjointOptions::new().build(memory).expect("settings that make sense");
    let block = pool.allocate_zeroed(bytes(100_000)).expect("memory");
    // SAFETY: a live block, used by nobody.
    let block = unsafe { pool.reallocate(block, 300_000) }.expect("memory");
    assert!(pool.usable_size(block).expect("a live block") >= 300_000);
    // SAFETY: as above.
    unsafe { pool.free(block) }.expect("a live block");
    drop(pool);
    assert_eq!(sim.device.held(), 0);
}
