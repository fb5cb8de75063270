//! What a pool does when the driver does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem_gpu::pool::DeviceProviderOptions;
use anymem_gpu::{GpuError, Stream};
use anymem_gpu_sim::{Call, Completion, SimError, Trap};

use super::device::{CHUNK, Sim, bytes, free, small};

const NO_LUCK: SimError = SimError::Unsupported { what: "luck" };

#[test]
fn whatever_fails_while_it_grows_nothing_is_lost() {
    let calls = [Call::CreatePhysical, Call::Map, Call::SetAccess, Call::Allocate];
    for call in calls {
        for after in 0..4 {
            let sim = Sim::new(8 << 20, Completion::Eager);
            let pool = small().build(&sim.device).expect("a pool");
            let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
            sim.machine().fail(call, after, 3, NO_LUCK);
            let blocks: Vec<_> =
                (0..6).map(|index| stream.allocate(bytes((index + 1) * CHUNK / 2))).collect();
            sim.machine().clear_faults();
            let again = stream.allocate(bytes(3 * CHUNK)).expect("memory");
            for block in blocks.into_iter().flatten().chain([again]) {
                free(&stream, block).expect("a live block");
            }
            pool.trim(0).expect("trimmed");
            assert_eq!(pool.stats().reserved, 0, "{call:?} {after}");
            assert_eq!(sim.device.held(), 0, "{call:?} {after}");
            assert_eq!(sim.device.free_and_total(), Ok((8 << 20, 8 << 20)), "{call:?} {after}");
        }
    }
}

#[test]
fn what_cannot_be_mapped_is_a_block_of_the_drivers() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    sim.machine().fail(Call::Map, 0, 1, NO_LUCK);
    let block = stream.allocate(bytes(CHUNK)).expect("memory");
    assert!(sim.machine().calls(Call::Allocate) > 0);
    free(&stream, block).expect("a live block");
    assert_eq!(pool.trim(0), Ok(CHUNK));
    assert_eq!(sim.device.held(), 0);
}

#[test]
fn an_event_that_cannot_be_recorded_costs_memory_at_most() {
    let sim = Sim::new(4 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let [first, second] =
        [(); 2].map(|()| pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool"));
    let block = first.allocate(bytes(200 << 10)).expect("memory");
    free(&first, block).expect("a live block");
    for call in [Call::CreateEvent, Call::Record, Call::Wait] {
        sim.machine().fail(call, 0, 1, NO_LUCK);
        let other = second.allocate(bytes(200 << 10)).expect("memory");
        assert_ne!(other, block);
        assert_eq!(pool.stats().steals, 0);
        sim.machine().clear_faults();
    }
}

#[test]
fn memory_that_cannot_be_given_back_stays_the_pools() {
    let sim = Sim::new(4 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let block = stream.allocate(bytes(CHUNK)).expect("memory");
    free(&stream, block).expect("a live block");
    sim.machine().fail(Call::Unmap, 0, 1, NO_LUCK);
    assert_eq!(pool.trim(0), Ok(0));
    let block = stream.allocate(bytes(CHUNK)).expect("memory");
    assert_eq!(sim.machine().calls(Call::Map), 1);
    free(&stream, block).expect("a live block");
    assert_eq!(pool.trim(0), Ok(CHUNK));
}

#[test]
fn want_of_memory_says_how_much_there_is() {
    let sim = Sim::new(4 * CHUNK, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let block = stream.allocate(bytes(3 * CHUNK)).expect("memory");
    let error = stream.allocate(bytes(2 * CHUNK)).expect_err("there is not so much");
    let (asked, total, held) = (2 * CHUNK, 4 * CHUNK, 3 * CHUNK);
    assert_eq!(error, GpuError::OutOfMemory { asked, free: CHUNK, total, held });
    // What is free of other streams is found, wherever it is.
    let other = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    free(&stream, block).expect("a live block");
    let all = other.allocate(bytes(4 * CHUNK)).expect("all of it");
    free(&other, all).expect("a live block");
}

#[test]
fn a_limit_holds_until_it_is_raised() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let memory = DeviceProviderOptions::new().chunk(CHUNK).limit(2 * CHUNK);
    let pool = small().memory(memory).build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let block = stream.allocate(bytes(2 * CHUNK)).expect("memory");
    let error = stream.allocate(bytes(1)).expect_err("no more");
    let limit = 2 * CHUNK;
    assert!(
        matches!(error, GpuError::Limit { limit: at, held, .. } if (at, held) == (limit, limit))
    );
    pool.provider().set_limit(3 * CHUNK);
    let small = stream.allocate(bytes(1)).expect("memory");
    for block in [block, small] {
        free(&stream, block).expect("a live block");
    }
}

#[test]
fn a_callback_is_asked_until_it_gives_up() {
    let sim = Sim::new(2 * CHUNK, Completion::Eager);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let kept = Arc::new(std::sync::Mutex::new(None));
    let given_up = Arc::clone(&kept);
    let options = small().on_shortage(move |pool, shortage| {
        counted.fetch_add(1, Ordering::Relaxed);
        assert_eq!(shortage.attempt, 1);
        let own = pool.on(&shortage.stream).expect("its pool");
        let block = given_up.lock().expect("no panic").take();
        block.is_some_and(|block| free(&own, block).is_ok())
    });
    let pool = options.build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    *kept.lock().expect("no panic") = stream.allocate(bytes(CHUNK)).ok();
    let block = stream.allocate(bytes(2 * CHUNK)).expect("what the callback freed");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    free(&stream, block).expect("a live block");
    assert!(stream.allocate(bytes(3 * CHUNK)).is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn a_lost_device_is_told_and_leaves_nothing_hanging() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let block = stream.allocate(bytes(CHUNK)).expect("memory");
    sim.machine().lose(0, Trap::OnPurpose);
    let error = stream.allocate(bytes(4 * CHUNK)).expect_err("the device is lost");
    assert!(matches!(error, GpuError::ContextLost { device: 0, .. }), "{error}");
    free(&stream, block).expect("a live block");
    assert!(matches!(pool.trim(0), Err(GpuError::ContextLost { .. })));
}

#[test]
fn what_is_no_block_is_told() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let block = stream.allocate(bytes(1000)).expect("memory");
    free(&stream, block).expect("a live block");
    let not_a_block = Err(GpuError::NotABlock { address: block.number() });
    assert_eq!(free(&stream, block), not_a_block);
    let nowhere = anymem_gpu::DeviceAddress::new(4096);
    assert_eq!(free(&stream, nowhere), Err(GpuError::NotABlock { address: 4096 }));
    let other = Stream::new(&sim.device).expect("one");
    assert_eq!(stream.use_on(nowhere, &other), Err(GpuError::NotABlock { address: 4096 }));
}
