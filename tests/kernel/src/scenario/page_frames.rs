//! Page frames as a kernel uses them, without the heap.

use core::sync::atomic::{AtomicUsize, Ordering};

use anymem_core::frames::{Frame, Request};

use super::hoard::{Hoard, PageFrames};
use crate::frames::{self, Frames};
use crate::random::Random;
use crate::{apic, interrupt, say, team};

/// Buffers for devices that reach little memory; ranges that are not to be used.
pub fn ranges() {
    let limit = Frame::containing(1 << 20, frames::SHIFT);
    let buffer = Frames::new(Request::count(37).below(limit)).expect("37 frames below 1 MiB");
    assert!(buffer.first.add(37) <= limit);
    let huge = Frames::new(Request::order(9)).expect("2 MiB");
    let range = huge.first..huge.first.add(huge.count);
    assert!(frames::all().reserve(range.clone()).is_err(), "they are in use");
    drop(huge);
    frames::all().reserve(range.clone()).expect("they are free");
    let everything = Hoard::of(PageFrames);
    assert!(everything.frames().all(|frame| !range.contains(&frame)), "a reserved frame");
    drop(everything);
    frames::all().release(range).expect("they were reserved");
}

/// One after the other until there is none; then they are whole again.
pub fn exhaustion() {
    let before = frames::all().stats();
    let everything = Hoard::of(PageFrames);
    assert_eq!(everything.count, before.free, "frames, had and free before");
    say!("frames: {}", everything.count);
    drop(everything);
    assert_eq!(frames::all().stats(), before, "they hang together as before");
}

/// How often timers interrupt the processors.
const INTERRUPTS: usize = 1000;
const TICKS: u32 = 200_000;

/// How often the handler was called.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Takes and frees some frames, in the midst of whatever is done with others.
fn handler() {
    let mut random = Random::new(CALLS.fetch_add(1, Ordering::Relaxed));
    let mut held = [const { None }; 2];
    (0..4).for_each(|_| turn(&mut random, &mut held));
}

/// Every instruction of taking and freeing groups and ranges is followed by the handler.
pub fn by_steps() {
    CALLS.store(0, Ordering::Relaxed);
    interrupt::handle_by(handler);
    for request in (0..=9).map(Request::order).chain([3, 70, 700].map(Request::count)) {
        let taken = interrupt::stepped(|| Frames::new(request)).map(|it| Marked::new(it, 1));
        interrupt::stepped(|| drop(taken.expect("frames")));
    }
    let calls = CALLS.load(Ordering::Relaxed);
    say!("interrupts: {calls}");
    assert!(calls > 1000, "the trap flag had no effect");
}

/// Processors take and free groups, and so do their interrupt handlers in the midst of it.
pub fn processors() {
    CALLS.store(0, Ordering::Relaxed);
    interrupt::handle_by(handler);
    team::on_all(|number| {
        let (mut random, mut held) = (Random::new(number), [const { None }; 16]);
        apic::interrupted(TICKS, || {
            while CALLS.load(Ordering::Relaxed) < INTERRUPTS {
                (0..100).for_each(|_| turn(&mut random, &mut held));
            }
        });
    });
}

/// Frames with a mark in each.
struct Marked {
    frames: Frames,
    mark: u64,
}

impl Marked {
    fn new(frames: Frames, mark: u64) -> Self {
        // SAFETY: the frames were just allocated.
        frames.words().for_each(|word| unsafe { word.write(mark) });
        Self { frames, mark }
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        // SAFETY: the frames are this one's own.
        let intact = |word: *mut u64| unsafe { word.read() } == self.mark;
        assert!(self.frames.words().all(intact), "somebody else has {:?}", self.frames);
    }
}

/// Takes a group of up to 16 frames, or frees one.
fn turn(random: &mut Random, held: &mut [Option<Marked>]) {
    let place = &mut held[random.below(held.len())];
    *place = match place {
        Some(_) => None,
        None => {
            let frames = Frames::new(Request::order(random.below(5) as u32)).expect("frames");
            Some(Marked::new(frames, random.below(usize::MAX) as u64))
        }
    };
}
