//! Streams, events and scopes, on each driver that there is.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use anymem_gpu::driver::{Direction, StreamId};
use anymem_gpu::{Device, Event, GpuError, Stream};
use common::{device, read, without, word};

#[test]
fn on_all_drivers() {
    common::everywhere();
}

#[test]
fn streams_meet_at_events() {
    let device = device();
    let block = device.driver().allocate(0, 3 << 20).expect("room");
    let (first, second) =
        (Stream::new(&device).expect("made"), Stream::new(&device).expect("made"));
    // SAFETY: the block is there until both are done.
    unsafe {
        device.driver().fill(0, Some(first.id()), block, 1, 3 << 20).expect("asked");
        second.wait(&first.record().expect("recorded")).expect("asked");
        device.driver().fill(0, Some(second.id()), block, 2, 1 << 20).expect("asked");
        let last = second.record().expect("recorded");
        first.wait(&last).expect("asked");
        let (to, from) = (block + (1 << 20), block);
        let (stream, within) = (Some(first.id()), Direction::Within);
        device.driver().copy(0, stream, to, from, 1 << 19, within).expect("asked");
        first.synchronize().expect("done");
        assert!(last.has_happened().expect("known"));
    }
    let bytes = read(&device, block, 3 << 20);
    let runs: Vec<_> = bytes.chunk_by(u8::eq).map(|run| (run[0], run.len())).collect();
    assert_eq!(runs, [(2, 3 << 19), (1, 3 << 19)]);
    // SAFETY: nobody uses it.
    unsafe { device.driver().free(0, block) }.expect("freed");
}

#[test]
fn an_event_happens_again() {
    let device = device();
    let (stream, event) = (Stream::new(&device).expect("made"), Event::new(&device).expect("made"));
    assert!(event.has_happened().expect("known"), "it was never recorded");
    for _ in 0..3 {
        stream.record_again(&event).expect("recorded");
        device.synchronize().expect("done");
        assert!(event.has_happened().expect("known"));
    }
    let default = Stream::default_of(&device);
    default.wait(&event).expect("asked");
    default.synchronize().expect("done");
}

#[test]
fn streams_are_the_same_by_device_and_number() {
    let device = device();
    let stream = Stream::new(&device).expect("made");
    let id = stream.id();
    // SAFETY: `stream` lives longer.
    let borrowed = unsafe { Stream::borrow(&device, StreamId::from_raw(id.raw())) };
    assert_eq!(stream, borrowed);
    assert_ne!(stream, Stream::default_of(&device));
    drop(borrowed);
    stream.clone().synchronize().expect("still there");
}

#[test]
fn blocks_come_and_go_in_the_order_of_a_stream() {
    let device = device();
    let (driver, stream) = (device.driver(), Stream::new(&device).expect("made"));
    if !device.attributes().expect("known").stream_ordered {
        let refused = driver.allocate_on(0, stream.id(), 1 << 20);
        assert!(matches!(refused, Err(GpuError::Unsupported { device: 0, .. })), "{refused:?}");
        return without("stream-ordered blocks");
    }
    let mut bytes = [0_u8; 64];
    let block = driver.allocate_on(0, stream.id(), 1 << 20).expect("room");
    // SAFETY: it is there for what the stream does before it is freed, and so is the array.
    unsafe {
        driver.fill(0, Some(stream.id()), block, 7, 1 << 20).expect("asked");
        let to = word(bytes.as_mut_ptr());
        driver.copy(0, Some(stream.id()), to, block, 64, Direction::ToHost).expect("asked");
        driver.free_on(0, stream.id(), block).expect("asked");
    }
    stream.synchronize().expect("done");
    assert_eq!(bytes, [7; 64]);
}

/// Copies a block's bytes, in a scope, to where they are waited for.
fn fetched<'a>(device: &Device, block: u64, to: &'a mut [u8], then: impl FnOnce()) -> &'a [u8] {
    let (at, bytes) = (word(to.as_mut_ptr()), to.len());
    let body = |scope: &anymem_gpu::Scope<'_, '_>| {
        // SAFETY: `to` is borrowed for longer than the scope.
        unsafe { scope.copy(at, block, bytes, Direction::ToHost) }.expect("asked");
        then();
    };
    device.scope(body).expect("done");
    to
}

#[test]
fn what_a_scope_asks_for_is_done_at_its_end() {
    let device = device();
    let (block, mut bytes) = (device.driver().allocate(0, 4096).expect("room"), vec![0; 4096]);
    let filled = device.scope(|scope| {
        assert_eq!(scope.device(), &device);
        // SAFETY: the block is there, and nobody else uses it.
        unsafe { scope.fill(block, 9, 4096) }
    });
    filled.expect("done").expect("asked");
    assert_eq!(fetched(&device, block, &mut bytes, || ()), [9; 4096]);

    bytes.fill(0);
    let panics = AssertUnwindSafe(|| {
        fetched(&device, block, &mut bytes, || panic!("in the scope"));
    });
    catch_unwind(panics).expect_err("it panics");
    assert_eq!(bytes, [9; 4096], "also then");
    // SAFETY: nobody uses it.
    unsafe { device.driver().free(0, block) }.expect("freed");
}
