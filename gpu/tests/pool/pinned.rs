//! Pools of pinned memory.

use anymem::memory::{MemRead, MemSlice, MemWrite, Route};
use anymem::pool::{DisjointOptions, Pool};
use anymem_gpu::pool::{DeviceProviderOptions, PinnedPool};
use anymem_gpu::{DeviceMemory, Stream};
use anymem_gpu_sim::{Call, Completion, SimError};

use super::device::{CHUNK, Sim, bytes, free, small};

#[test]
fn blocks_are_the_processors_and_the_device_copies_them() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = PinnedPool::new(&sim.device).expect("a pool");
    let mut numbers = MemSlice::filled(1000, 7_u32, pool.memory()).expect("memory");
    numbers.as_mut_slice()[5] = 8;
    let device = DeviceMemory::new(&sim.device).expect("its memory");
    let (there, route) = numbers.to_memory(&device).expect("copied");
    assert_eq!(route, Route::To);
    assert_eq!(there.get(5).expect("read"), 8);
    assert!(sim.machine().calls(Call::AllocatePinned) > 0);
}

#[test]
fn what_is_at_hand_takes_no_call() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = PinnedPool::new(&sim.device).expect("a pool");
    let once = || {
        let block = pool.handle().allocate(bytes(4096)).expect("memory");
        // SAFETY: a live block that nobody uses.
        unsafe { pool.handle().free(block) }.expect("a live block");
    };
    once();
    assert_eq!(sim.calls_of(|| (0..1000).for_each(|_| once())), 0);
    assert!(pool.handle().trim(0) > 0);
}

#[test]
fn a_refusal_is_an_error() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let memory = DeviceProviderOptions::new().chunk(CHUNK).limit(CHUNK);
    let blocks = DisjointOptions::new();
    let pool = PinnedPool::with_options(&sim.device, memory, blocks).expect("a pool");
    assert!(pool.handle().allocate(bytes(2 * CHUNK)).is_err());
    sim.machine().fail(Call::AllocatePinned, 0, 1, SimError::Unsupported { what: "luck" });
    assert!(pool.handle().allocate(bytes(16)).is_err());
    assert!(pool.handle().allocate(bytes(16)).is_ok());
}

#[test]
fn pinned_memory_in_the_order_of_streams() {
    let sim = Sim::new(8 << 20, Completion::Lazy);
    let memory = DeviceProviderOptions::new().chunk(CHUNK).pinned();
    let pool = small().memory(memory).build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let block = stream.allocate_zeroed(bytes(16)).expect("memory");
    stream.stream().synchronize().expect("done");
    let at = std::ptr::with_exposed_provenance::<u8>(block.number() as usize);
    // SAFETY: pinned memory is the processor's, and the stream is done with it.
    assert_eq!(unsafe { at.read() }, 0);
    free(&stream, block).expect("a live block");
}
