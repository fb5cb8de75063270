//! What a pool tells of itself: counts, parts, calls.

use anymem::memory::{MemRead, MemSlice, MemWrite};
use anymem_gpu::Stream;
use anymem_gpu::pool::{Call, Trace};
use anymem_gpu_sim::Completion;
use proptest::prelude::*;

use super::device::{CHUNK, Sim, bytes, free, small};

#[test]
fn counts_are_by_stream() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let [first, second] =
        [(); 2].map(|()| pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool"));
    let block = first.allocate(bytes(CHUNK)).expect("memory");
    let other = second.allocate(bytes(1000)).expect("memory");
    let stats = pool.stats();
    assert_eq!(
        stats.streams.iter().map(|it| it.stream).collect::<Vec<_>>(),
        [first.stream().id(), second.stream().id()]
    );
    assert_eq!([stats.streams[0].used, stats.streams[1].used], [CHUNK, 1024]);
    assert_eq!((stats.used, stats.blocks), (CHUNK + 1024, 2));
    assert_eq!((stats.reserved, stats.growths), (2 * CHUNK, 2));
    free(&first, block).expect("a live block");
    let stats = pool.stats();
    assert_eq!((stats.streams[0].taken, stats.streams[0].peak), (0, CHUNK));
    assert_eq!(stats.streams[0].free, CHUNK);
    pool.reset_peaks();
    assert_eq!(pool.stats().streams[0].peak, 0);
    let text = pool.snapshot().to_string();
    assert_eq!(text.lines().filter(|line| line.contains("taken")).count(), 1, "{text}");
    free(&second, other).expect("a live block");
}

#[test]
fn a_stream_that_is_done_with_is_forgotten() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    for _ in 0..3 {
        let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
        let block = stream.allocate(bytes(1000)).expect("memory");
        free(&stream, block).expect("a live block");
        assert_eq!(pool.stats().streams.len(), 1);
        drop(stream);
        pool.trim(0).expect("trimmed");
        assert_eq!(pool.stats().streams.len(), 0);
    }
}

#[test]
fn objects_live_in_the_pool() {
    let sim = Sim::new(8 << 20, Completion::Lazy);
    let pool = small().build(&sim.device).expect("a pool");
    let stream = pool.on(&Stream::new(&sim.device).expect("one")).expect("its pool");
    let mut numbers = MemSlice::filled(1000, 7_u32, stream.memory()).expect("memory");
    numbers.set(3, 5).expect("written");
    assert_eq!(numbers.get(2).expect("read") + numbers.get(3).expect("read"), 12);
    assert_eq!(pool.stats().blocks, 1);
    drop(numbers);
    assert_eq!(pool.stats().blocks, 0);
}

#[test]
fn a_trace_is_written_down_and_done_again() {
    let sim = Sim::new(8 << 20, Completion::Eager);
    let pool = small().build(&sim.device).expect("a pool");
    let streams = [(); 2].map(|()| Stream::new(&sim.device).expect("one"));
    let pools = streams.clone().map(|stream| pool.on(&stream).expect("its pool"));
    let before = pools[0].allocate(bytes(1)).expect("memory");
    pool.start_trace();
    let blocks = [(0, 100), (1, 2000), (0, 30_000)]
        .map(|(stream, size)| (stream, pools[stream].allocate(bytes(size)).expect("memory")));
    for (stream, block) in [blocks[1], blocks[0], (0, before)] {
        free(&pools[stream], block).expect("a live block");
    }
    let trace = pool.stop_trace();
    assert_eq!(trace.calls.len(), 5);
    assert_eq!(trace.calls[3], Call::Free { stream: 1, block: 2 });
    assert_eq!((trace.peak(), trace.streams()), (32_100, 2));
    assert_eq!(trace.to_string().parse(), Ok(trace.clone()));

    let again = small().build(&sim.device).expect("a pool");
    again.start_trace();
    trace.replay(&again, &streams).expect("done again");
    let mut expected = trace.calls.clone();
    expected.push(Call::Free { stream: 0, block: 3 });
    assert_eq!(again.stop_trace().calls, expected);
    assert_eq!(again.stats().blocks, 0);
    assert!(trace.replay(&again, &streams[..1]).is_err());
    assert_eq!(again.stats().blocks, 0);
    free(&pools[0], blocks[2].1).expect("a live block");
}

#[test]
fn what_is_no_trace_is_told_by_line() {
    let error = "0,allocate,1,16,16\n0,allocate,1,16\n".parse::<Trace>().expect_err("too short");
    assert_eq!((error.line, error.found.as_str()), (2, "0,allocate,1,16"));
    for line in ["x", "0,free", "0,free,1,2", "0,allocate,1,16,3", "0,lost,1", "-1,free,1"] {
        assert!(line.parse::<Trace>().is_err(), "{line}");
    }
}

proptest! {
    #[test]
    fn text_is_read_as_it_was_written(
        calls in prop::collection::vec((0..4_usize, 1..9_u64, any::<Option<u32>>(), 0..12), 0..50),
    ) {
        let call = |(stream, block, bytes, align): (usize, u64, Option<u32>, i32)| match bytes {
            Some(bytes) => {
                Call::Allocate { stream, block, bytes: bytes as usize, align: 1 << align }
            }
            None => Call::Free { stream, block },
        };
        let trace = Trace { calls: calls.into_iter().map(call).collect() };
        prop_assert_eq!(trace.to_string().parse(), Ok(trace));
    }

    #[test]
    fn no_text_is_too_strange(text in ".{0,200}") {
        let _ = text.parse::<Trace>();
    }
}
