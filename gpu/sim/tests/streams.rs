//! Streams and events: what comes after what, whoever does it.
//!
//! - Commands of a stream are done in their order.
//! - What comes after an event is done after what the event was recorded after.
//! - The default stream and blocking streams wait for one another.
//! - Commands touch memory when they are done, and not before.

mod common;

use std::ptr::NonNull;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anymem_gpu_sim::{Completion, Event, Machine, Options, Side, SimError, Stream, Trap};
use common::{read, write};
use proptest::prelude::*;

fn machine(completion: Completion) -> Arc<Machine> {
    let options = Options { memory: 1 << 20, devices: 2, completion, ..Options::default() };
    Machine::new(options).expect("made")
}

/// What a test does next, with one of three streams and one of two events.
#[derive(Debug, Clone, Copy)]
enum Step {
    Call { stream: usize },
    Record { stream: usize, event: usize },
    Wait { stream: usize, event: usize },
    Advance { stream: usize },
    Look { event: usize },
    Synchronize { stream: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (stream, event) = (0..3_usize, 0..2_usize);
    let both = (stream.clone(), event.clone());
    let step = prop_oneof![
        4 => stream.clone().prop_map(|stream| Step::Call { stream }),
        2 => both.clone().prop_map(|(stream, event)| Step::Record { stream, event }),
        2 => both.prop_map(|(stream, event)| Step::Wait { stream, event }),
        3 => stream.clone().prop_map(|stream| Step::Advance { stream }),
        1 => event.prop_map(|event| Step::Look { event }),
        1 => stream.prop_map(|stream| Step::Synchronize { stream }),
    ];
    proptest::collection::vec(step, 1..60)
}

/// What a machine was asked for, and what has to be done before what.
struct Run {
    machine: Arc<Machine>,
    /// Two of the first device, one of the second.
    streams: [(u32, Stream); 3],
    events: [[Event; 2]; 2],
    /// The calls that were done, by their numbers.
    done: Arc<Mutex<Vec<usize>>>,
    /// How many were asked for.
    asked: usize,
    /// The calls that are before whatever comes next in each stream.
    before: [Vec<usize>; 3],
    /// The calls that are before each event, which has happened if it was never recorded.
    recorded: [Vec<usize>; 2],
    /// The device that an event was recorded on last.
    device: [usize; 2],
    /// The first has to be done before the second.
    order: Vec<(usize, usize)>,
}

impl Run {
    fn new(completion: Completion) -> Self {
        let machine = machine(completion);
        let streams = [0, 0, 1].map(|number| {
            let device = machine.device(number).expect("there");
            (number, device.create_stream(false).expect("made"))
        });
        let events = [0, 1].map(|number| {
            let device = machine.device(number).expect("there");
            [(); 2].map(|()| device.create_event().expect("made"))
        });
        Self {
            machine,
            streams,
            events,
            done: Arc::default(),
            asked: 0,
            before: Default::default(),
            recorded: Default::default(),
            device: [0; 2],
            order: Vec::new(),
        }
    }

    fn go(&mut self, step: Step) {
        match step {
            Step::Call { stream } => self.call(stream),
            Step::Record { stream, event } => {
                let (number, id) = self.streams[stream];
                let device = self.machine.device(number).expect("there");
                device.record(self.events[number as usize][event], id).expect("recorded");
                self.recorded[event].clone_from(&self.before[stream]);
                self.device[event] = number as usize;
            }
            Step::Wait { stream, event } => {
                let (number, id) = self.streams[stream];
                let device = self.machine.device(number).expect("there");
                device.wait(id, self.event(event)).expect("asked");
                self.before[stream].extend_from_slice(&self.recorded[event]);
            }
            Step::Advance { stream } => drop(self.machine.step(self.streams[stream].1)),
            Step::Look { event } => {
                let device = self.machine.device(self.device[event] as u32).expect("there");
                if device.has_happened(self.event(event)).expect("known") {
                    self.are_done(&self.recorded[event]);
                }
            }
            Step::Synchronize { stream } => {
                let (number, id) = self.streams[stream];
                self.machine.device(number).expect("there").synchronize(id).expect("done");
                self.are_done(&self.before[stream]);
            }
        }
    }

    fn event(&self, event: usize) -> Event {
        self.events[self.device[event]][event]
    }

    fn call(&mut self, stream: usize) {
        let (number, id) = self.streams[stream];
        let (call, done) = (self.asked, Arc::clone(&self.done));
        let device = self.machine.device(number).expect("there");
        device.call(id, move || done.lock().expect("whole").push(call)).expect("asked");
        self.asked += 1;
        self.order.extend(self.before[stream].iter().map(|&first| (first, call)));
        self.before[stream].push(call);
    }

    fn are_done(&self, calls: &[usize]) {
        let done = self.done.lock().expect("whole");
        assert!(calls.iter().all(|call| done.contains(call)), "{calls:?} of {done:?}");
    }

    fn end(self) {
        for device in 0..2 {
            self.machine.device(device).expect("there").synchronize_all().expect("done");
        }
        let done = self.done.lock().expect("whole");
        let mut all = done.clone();
        all.sort_unstable();
        assert_eq!(all, Vec::from_iter(0..self.asked));
        let place = |call: usize| done.iter().position(|it| *it == call);
        for (first, second) in self.order {
            assert!(place(first) < place(second), "{second} before {first}: {done:?}");
        }
    }
}

fn run(completion: Completion, steps: &[Step]) {
    let mut run = Run::new(completion);
    steps.iter().for_each(|step| run.go(*step));
    run.end();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn order_is_kept_at_once(steps in steps()) {
        run(Completion::Eager, &steps);
    }

    #[test]
    fn order_is_kept_when_somebody_waits(steps in steps()) {
        run(Completion::Lazy, &steps);
    }

    #[test]
    fn order_is_kept_by_hand(steps in steps()) {
        run(Completion::ByHand, &steps);
    }

    #[test]
    fn order_is_kept_by_threads(steps in steps()) {
        run(Completion::Background, &steps);
    }
}

#[test]
fn nothing_is_done_before_its_turn() {
    let machine = machine(Completion::ByHand);
    let device = machine.device(0).expect("there");
    let [first, second] = [(); 2].map(|()| device.create_stream(false).expect("made"));
    let event = device.create_event().expect("made");
    let block = device.allocate(1).expect("room");
    write(device, Some(first), block, &[1]);
    device.record(event, first).expect("recorded");
    device.wait(second, event).expect("asked");
    device.fill(Some(second), block, 2, 1).expect("asked");
    assert_eq!((machine.pending(first), machine.pending(second)), (1, 2));
    assert!(!machine.step(second), "the event has not happened");
    assert_eq!(read(device, block, 1), [0], "the default stream does not wait for these");
    assert!(!device.has_happened(event).expect("known"));
    assert!(machine.step(first));
    assert!(device.has_happened(event).expect("known"));
    assert_eq!(read(device, block, 1), [1]);
    assert!(machine.step(second) && machine.step(second) && !machine.step(second));
    assert_eq!(read(device, block, 1), [2]);
}

#[test]
fn the_default_stream_waits_for_blocking_ones() {
    let machine = machine(Completion::ByHand);
    let device = machine.device(0).expect("there");
    let stream = device.create_stream(true).expect("made");
    let block = device.allocate(1).expect("room");
    device.fill(Some(stream), block, 1, 1).expect("asked");
    assert_eq!(read(device, block, 1), [1], "reading waits in the default stream");
    device.fill(Some(device.default_stream()), block, 2, 1).expect("asked");
    device.fill(Some(stream), block, 3, 1).expect("asked");
    assert!(!machine.step(stream), "the default stream is first");
    device.synchronize(stream).expect("done");
    assert_eq!(read(device, block, 1), [3]);
}

/// Nobody waits for an event that has to come after what another thread is just at: who looks
/// again and again sees it happen, and is not kept meanwhile.
#[test]
fn what_comes_after_another_thread_happens_for_those_who_only_look() {
    for completion in [Completion::Eager, Completion::Lazy, Completion::Background] {
        let machine = &machine(completion);
        let device = machine.device(0).expect("there");
        let (stream, event) =
            (device.create_stream(true).expect("made"), device.create_event().expect("made"));
        let (begun, begins) = channel();
        let (go_on, goes_on) = channel();
        thread::scope(move |scope| {
            scope.spawn(move || {
                let call = move || {
                    begun.send(()).expect("somebody listens");
                    // Or the test has failed.
                    let _ = goes_on.recv();
                };
                device.call(stream, call).expect("asked");
                machine.step(stream);
            });
            begins.recv().expect("it begins");
            device.record(event, device.default_stream()).expect("recorded");
            assert!(!device.has_happened(event).expect("known"), "{completion:?}");
            assert!(!device.is_done(device.default_stream()).expect("known"), "{completion:?}");
            go_on.send(()).expect("somebody listens");
        });
        let start = Instant::now();
        while !device.has_happened(event).expect("known")
            || !device.is_done(device.default_stream()).expect("known")
        {
            assert!(start.elapsed() < Duration::from_secs(60), "{completion:?}");
            thread::yield_now();
        }
    }
}

#[test]
fn pageable_memory_is_read_at_once_and_pinned_memory_in_its_turn() {
    let machine = machine(Completion::ByHand);
    let device = machine.device(0).expect("there");
    let stream = device.create_stream(false).expect("made");
    let blocks = [(); 2].map(|()| device.allocate(1).expect("room"));
    let mut pageable = vec![1_u8];
    let pinned = device.allocate_pinned(1).expect("room");
    write(device, Some(stream), blocks[0], &pageable);
    // SAFETY: the pinned block is there until the end, and is written before the copy is done,
    // which reads whole bytes in this same thread.
    unsafe {
        let (to, from) = (Side::Device(blocks[1]), Side::Host(pinned));
        device.copy(Some(stream), to, from, 1).expect("asked");
        pageable[0] = 2;
        pinned.write(2);
    }
    device.synchronize(stream).expect("done");
    assert_eq!(blocks.map(|block| read(device, block, 1)[0]), [1, 2]);
    let to = Side::Host(NonNull::from(pageable.as_mut_slice()).cast());
    // SAFETY: the vector is there until the end.
    unsafe { device.copy(Some(stream), to, Side::Device(blocks[0]), 1) }.expect("copied");
    assert_eq!(pageable, [1], "it is written before the call returns");
}

#[test]
fn blocks_of_streams_end_in_their_turn() {
    let machine = machine(Completion::ByHand);
    let device = machine.device(0).expect("there");
    let stream = device.create_stream(false).expect("made");
    let block = device.allocate_on(stream, 4096).expect("room");
    let (before, _) = device.free_and_total().expect("told");
    device.fill(Some(stream), block, 1, 4096).expect("asked");
    device.free_on(stream, block).expect("asked");
    device.fill(Some(stream), block, 2, 4096).expect("it is still there");
    assert_eq!(device.free_and_total().expect("told").0, before);
    assert!(machine.step(stream) && machine.step(stream));
    assert_eq!(device.free_and_total().expect("told").0, before + 4096);
    let cause = Trap::IllegalAddress { address: block };
    let lost = Err(SimError::Lost { device: 0, cause });
    assert_eq!(device.synchronize(stream), lost, "the second fill came too late");
    assert_eq!(device.synchronize_all(), lost, "for good");
    assert_eq!(machine.device(1).expect("there").synchronize_all(), Ok(()), "but not the other");
}

#[test]
fn what_is_gone_is_refused() {
    let machine = machine(Completion::Lazy);
    let devices = [0, 1].map(|number| machine.device(number).expect("there"));
    let (no_stream, no_event) =
        (Err(SimError::NoSuch { what: "stream" }), Err(SimError::NoSuch { what: "event" }));
    let stream = devices[0].create_stream(false).expect("made");
    let event = devices[0].create_event().expect("made");
    assert_eq!(devices[1].synchronize(stream), no_stream, "it is the other device's");
    let other = devices[1].default_stream();
    assert_eq!(devices[1].record(event, other), no_event, "it is the other device's");
    let block = devices[0].allocate(1).expect("room");
    devices[0].fill(Some(stream), block, 7, 1).expect("asked");
    devices[0].record(event, stream).expect("recorded");
    devices[0].destroy_stream(stream).expect("there");
    assert_eq!(devices[0].synchronize(stream), no_stream);
    while !devices[0].has_happened(event).expect("known") {}
    assert_eq!(read(devices[0], block, 1), [7], "it did what it was asked for before");
    devices[0].destroy_event(event).expect("there");
    assert_eq!(devices[0].has_happened(event).map(drop), no_event);
    assert_eq!(devices[0].destroy_stream(devices[0].default_stream()), no_stream);
}

#[test]
fn a_lost_device_does_nothing_more() {
    let machine = machine(Completion::ByHand);
    let device = machine.device(0).expect("there");
    let stream = device.create_stream(false).expect("made");
    let pinned = device.allocate_pinned(1).expect("room");
    let address = device.device_address(pinned).expect("known");
    device.fill(Some(stream), address, 1, 1).expect("asked");
    machine.lose(0, Trap::OnPurpose);
    assert!(machine.step(stream));
    // SAFETY: the block is there for the life of the machine.
    assert_eq!(unsafe { pinned.read() }, 0);
    let lost = SimError::Lost { device: 0, cause: Trap::OnPurpose };
    assert_eq!(device.allocate(1), Err(lost.clone()));
    assert_eq!(lost.code(), 719);
}
